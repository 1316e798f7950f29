//! JSON Schemas of answers: what a provider's own way accepts, and words for those that have none.

use serde_json::{Value, json};

/// Whether a schema is inside the strict subset: every object closed and every property required. Asking for strict
/// outside of it is refused by the provider.
pub(crate) fn is_strict(schema: &Value) -> bool {
    fits(schema, true)
}

/// Whether every object of a schema says what it may hold, and nothing else; properties may be left out.
pub(crate) fn is_closed(schema: &Value) -> bool {
    fits(schema, false)
}

fn fits(schema: &Value, all_required: bool) -> bool {
    let Some(object) = schema.as_object() else {
        return !schema.is_array();
    };
    if let Some(properties) = object.get("properties").and_then(Value::as_object) {
        let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
        let required = object.get("required").and_then(Value::as_array);
        let all =
            required.is_some_and(|names| properties.keys().all(|key| names.iter().any(|name| name == key)));
        if !closed || (all_required && !all) {
            return false;
        }
    } else if object.get("type") == Some(&json!("object")) {
        return false;
    }
    object.iter().all(|(key, value)| match key.as_str() {
        "properties" | "$defs" | "definitions" => value
            .as_object()
            .is_some_and(|members| members.values().all(|member| fits(member, all_required))),
        "items" => fits(value, all_required),
        "anyOf" => value
            .as_array()
            .is_some_and(|members| members.iter().all(|member| fits(member, all_required))),
        "oneOf" | "allOf" | "not" | "if" | "patternProperties" => false,
        _ => true,
    })
}

/// Asks for an answer of this shape in words, where there is no other way. The caller checks what comes.
pub(crate) fn instruction(schema: &Value) -> String {
    format!("Answer with nothing but one JSON value that fits this JSON Schema:\n{schema}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_is_asked_for_only_where_it_is_accepted() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
            "additionalProperties": false});
        assert!(is_strict(&closed) && is_closed(&closed));
        let mut open = closed.clone();
        open["additionalProperties"] = json!(true);
        let mut optional = closed.clone();
        optional["required"] = json!([]);
        assert!(is_closed(&optional));
        let nested = json!({"type": "object", "properties": {"a": {"type": "array", "items": open}},
            "required": ["a"], "additionalProperties": false});
        for schema in [
            &open,
            &nested,
            &json!({"type": "object"}),
            &json!({"oneOf": [closed]}),
        ] {
            assert!(!is_strict(schema) && !is_closed(schema), "{schema}");
        }
        assert!(!is_strict(&optional));
    }
}
