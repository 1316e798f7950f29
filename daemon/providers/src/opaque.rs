//! What goes back to a provider unchanged, and the texts of calls and results that every dialect writes.
//!
//! Invariant: what one dialect kept is never sent in another: it carries the dialect's name. Nothing else of it is read.

use dirigent_protocol::chat::{ToolCall, ToolCallResponse};
use serde_json::{Map, Value};

/// Where the dialect's name stands.
const DIALECT: &str = "dialect";

/// What a dialect wants back, with its name on it.
pub(crate) fn labelled(dialect: &str, kept: Map<String, Value>) -> Value {
    let mut labelled = Map::new();
    labelled.insert(DIALECT.to_owned(), dialect.into());
    labelled.extend(kept);
    Value::Object(labelled)
}

/// What this dialect kept; `None` where another did.
pub(crate) fn of<'a>(dialect: &str, opaque: &'a Value) -> Option<&'a Map<String, Value>> {
    let kept = opaque.as_object()?;
    (kept.get(DIALECT)?.as_str()? == dialect).then_some(kept)
}

/// The arguments as text, as they were sent.
pub(crate) fn arguments_text(call: &ToolCall) -> String {
    call.unreadable()
        .map_or_else(|| call.arguments.to_string(), str::to_owned)
}

/// The result as text, for dialects without a place for its failure.
pub(crate) fn result_text(response: &ToolCallResponse) -> String {
    let text = bare_text(&response.response);
    if response.is_error {
        format!("error: {text}")
    } else {
        text
    }
}

/// Text as it is, anything else as JSON.
pub(crate) fn bare_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
