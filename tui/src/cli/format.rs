//! Values as JSON and YAML text, and the dates of tables.

use dirigent_protocol::fault::{Code, Fault};
use jiff::Timestamp;
use serde_json::Value;

use crate::clock::local_zone;

/// JSON for people: indented.
#[must_use]
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// YAML as in files.
///
/// # Errors
/// The value cannot be written so.
pub fn yaml(value: &Value) -> Result<String, Fault> {
    serde_saphyr::to_string(value)
        .map_err(|error| Fault::new(Code::Internal, format!("this cannot be written as YAML: {error}")))
}

/// A value in one short line.
#[must_use]
pub fn brief(value: &Value, most: usize) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    short(text.trim(), most)
}

/// At most `most` characters, the last one `…` where something is cut.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
            cut.push('…');
            cut
        }
    }
}

/// `2026-11-22 18:04:31` in the time zone of this machine.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(local_zone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// `18:04:31.204`
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(local_zone()).strftime("%H:%M:%S.%3f").to_string()
}

/// A field for a table: dates as dates, ids short, everything else in one line.
#[must_use]
pub fn cell(field: &str, value: &Value) -> String {
    match value {
        Value::String(text) if field.ends_with("_at") => {
            text.parse::<Timestamp>().map_or_else(|_| text.clone(), moment)
        }
        Value::String(text) if field == "id" || field == "run" => short_id(text),
        Value::String(text) if field == "digest" => text.chars().take(12).collect(),
        other => brief(other, 60),
    }
}

/// The last eight digits of an id; anything else as it is.
#[must_use]
pub fn short_id(text: &str) -> String {
    text.parse::<dirigent_protocol::id::EntityId>()
        .map_or_else(|_| text.to_owned(), |id| id.short())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_short() {
        assert_eq!(
            cell("id", &json!("0199f3c2-7b1a-7cc1-8f1f-2a6b0c9d4e5f")),
            "0c9d4e5f"
        );
        assert_eq!(cell("name", &json!("x".repeat(100))).chars().count(), 60);
        assert_eq!(cell("name", &Value::Null), "");
        assert_eq!(cell("created_at", &json!("2026-11-22T18:00:00Z")).len(), 19);
        assert_eq!(brief(&json!({"a": 1}), 60), r#"{"a":1}"#);
    }

    #[test]
    fn yaml_reads_back() {
        let value = json!({"kind": "Agent", "spec": {"prompt": "a: b\n- c", "no": "no", "n": 1.5}});
        let text = yaml(&value).unwrap();
        let again: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(again, value);
    }
}
