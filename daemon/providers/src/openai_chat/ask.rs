//! The request body of `openai_chat`.

use serde_json::{Map, Value, json};

use crate::{ChatRequest, Role};

/// Builds the body. `openai` is true for OpenAI's own host, which renamed `max_tokens`; others know the old name only.
pub(super) fn body(request: &ChatRequest, openai: bool, ask_for_usage: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("model", json!(request.model));
    let messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| json!({ "role": role(message.role), "content": message.content }))
        .collect();
    put("messages", Value::Array(messages));
    put("stream", json!(true));
    if ask_for_usage {
        put("stream_options", json!({ "include_usage": true }));
    }
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature));
    }
    if let Some(seed) = request.seed {
        put("seed", json!(seed));
    }
    if let Some(limit) = request.max_tokens {
        put(
            if openai {
                "max_completion_tokens"
            } else {
                "max_tokens"
            },
            json!(limit),
        );
    }
    if let Some(schema) = &request.response_schema {
        let format = json!({ "name": "answer", "schema": schema, "strict": is_strict(schema) });
        put(
            "response_format",
            json!({ "type": "json_schema", "json_schema": format }),
        );
    }
    Value::Object(body)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Whether a schema is inside the strict subset: every object closed and every property required. Asking for strict
/// outside of it is refused by the provider.
fn is_strict(schema: &Value) -> bool {
    let Some(object) = schema.as_object() else {
        return !schema.is_array();
    };
    if let Some(properties) = object.get("properties").and_then(Value::as_object) {
        let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
        let required = object.get("required").and_then(Value::as_array);
        let all =
            required.is_some_and(|names| properties.keys().all(|key| names.iter().any(|name| name == key)));
        if !closed || !all {
            return false;
        }
    } else if object.get("type") == Some(&json!("object")) {
        return false;
    }
    object.iter().all(|(key, value)| match key.as_str() {
        "properties" | "$defs" | "definitions" => value
            .as_object()
            .is_some_and(|members| members.values().all(is_strict)),
        "items" => is_strict(value),
        "anyOf" => value
            .as_array()
            .is_some_and(|members| members.iter().all(is_strict)),
        "oneOf" | "allOf" | "not" | "if" | "patternProperties" => false,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn the_limit_has_the_name_the_server_knows() {
        let mut request = ChatRequest::new("m", vec![Message::new(Role::User, "hi")]);
        request.max_tokens = Some(7);
        assert_eq!(body(&request, true, true)["max_completion_tokens"], 7);
        assert_eq!(body(&request, false, true)["max_tokens"], 7);
        assert!(body(&request, false, false).get("stream_options").is_none());
    }

    #[test]
    fn strict_is_asked_for_only_where_it_is_accepted() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
            "additionalProperties": false});
        assert!(is_strict(&closed));
        let mut open = closed.clone();
        open["additionalProperties"] = json!(true);
        let mut optional = closed.clone();
        optional["required"] = json!([]);
        let nested = json!({"type": "object", "properties": {"a": {"type": "array", "items": open}},
            "required": ["a"], "additionalProperties": false});
        for schema in [
            &open,
            &optional,
            &nested,
            &json!({"type": "object"}),
            &json!({"oneOf": [closed]}),
        ] {
            assert!(!is_strict(schema), "{schema}");
        }
    }
}
