//! Values as people write them into files.

use serde_json::Value;

/// A value as YAML; as JSON where it cannot be written so.
#[must_use]
pub fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}
