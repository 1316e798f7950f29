//! Names and schemas as every provider takes them.

use std::sync::Arc;

use dirigent_protocol::chat::ToolDefinition;
use serde_json::{Value, json};

/// Longest name of a tool.
const MAX_NAME: usize = 64;
/// Longest description that is offered, characters.
const MAX_ABOUT: usize = 2_000;

/// 1 to 64 of `a-z A-Z 0-9 _ -`.
pub(super) fn usable(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(fits)
}

/// A definition; a schema that is none takes any object.
pub(super) fn definition(name: &str, about: &str, parameters: Value) -> ToolDefinition {
    let parameters = if parameters.is_object() {
        parameters
    } else {
        json!({ "type": "object" })
    };
    ToolDefinition {
        name: name.to_owned(),
        description: about.chars().take(MAX_ABOUT).collect(),
        parameters: Arc::new(parameters),
    }
}
