//! The request body of `openai_chat`.

use dirigent_protocol::chat::{Message, Part, Role, ToolCall, ToolCallResponse, ToolChoice, ToolDefinition};
use serde_json::{Map, Value, json};

use super::NAME;
use crate::exchange::Without;
use crate::{ChatRequest, opaque, schema};

/// Asks for the usage in a stream.
pub(super) const STREAM_OPTIONS: &str = "stream_options";
/// Asks for an answer that fits a schema.
pub(super) const RESPONSE_FORMAT: &str = "response_format";
/// Asks for more or less thinking.
pub(super) const EFFORT: &str = "reasoning_effort";

/// Builds the body. `openai` is true for OpenAI's own host, which renamed `max_tokens`; others know the old name only.
pub(super) fn body(request: &ChatRequest, openai: bool, without: &Without) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    let native = !without.contains(RESPONSE_FORMAT);
    put("model", json!(request.model));
    put("messages", messages(request, native));
    put("stream", json!(true));
    if !without.contains(STREAM_OPTIONS) {
        put(STREAM_OPTIONS, json!({ "include_usage": true }));
    }
    if !request.tools.is_empty() {
        put("tools", request.tools.iter().map(tool).collect());
        if let Some(choice) = choice(&request.tool_choice) {
            put("tool_choice", choice);
        }
    }
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature));
    }
    if let Some(seed) = request.seed {
        put("seed", json!(seed));
    }
    if let Some(effort) = request.effort.filter(|_| !without.contains(EFFORT)) {
        put(EFFORT, json!(effort.word()));
    }
    if let Some(limit) = request.max_tokens {
        let name = if openai {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        put(name, json!(limit));
    }
    if let Some(schema) = request.response_schema.as_ref().filter(|_| native) {
        let format = json!({ "name": "answer", "schema": schema, "strict": schema::is_strict(schema) });
        put(
            RESPONSE_FORMAT,
            json!({ "type": "json_schema", "json_schema": format }),
        );
    }
    Value::Object(body)
}

fn tool(tool: &ToolDefinition) -> Value {
    let mut function = json!({ "name": tool.name, "parameters": tool.parameters });
    if !tool.description.is_empty() {
        function["description"] = json!(tool.description);
    }
    json!({ "type": "function", "function": function })
}

fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "function": { "name": name } })),
    }
}

fn messages(request: &ChatRequest, native: bool) -> Value {
    let said = &request.messages;
    // Thinking goes back while its turn lasts: behind the last word of a person.
    let turn = said.iter().rposition(|message| message.role == Role::User);
    let mut messages = Vec::new();
    for (at, message) in said.iter().enumerate() {
        push(&mut messages, message, turn.is_none_or(|turn| at > turn));
    }
    if let Some(schema) = request.response_schema.as_ref().filter(|_| !native) {
        messages.push(json!({ "role": "system", "content": schema::instruction(schema) }));
    }
    Value::Array(messages)
}

fn push(messages: &mut Vec<Value>, message: &Message, in_turn: bool) {
    let responses = message.parts.iter().filter_map(|part| match part {
        Part::ToolCallResponse(response) => Some(response),
        _ => None,
    });
    messages.extend(responses.map(answered));
    let words = message.words();
    if message.role == Role::Assistant {
        messages.extend(assistant(message, words, in_turn));
    } else if !words.is_empty() || message.parts.is_empty() {
        let role = if message.role == Role::System {
            "system"
        } else {
            "user"
        };
        messages.push(json!({ "role": role, "content": words }));
    }
}

fn answered(response: &ToolCallResponse) -> Value {
    json!({ "role": "tool", "tool_call_id": response.id, "content": opaque::result_text(response) })
}

fn assistant(message: &Message, words: String, in_turn: bool) -> Option<Value> {
    let calls: Vec<Value> = message.tool_calls().map(called).collect();
    let mut said = Map::new();
    said.insert("role".into(), json!("assistant"));
    let words = (!words.is_empty() || calls.is_empty()).then_some(words);
    said.insert("content".into(), json!(words));
    if !calls.is_empty() {
        said.insert("tool_calls".into(), Value::Array(calls));
    }
    let thoughts = message.parts.iter().filter_map(|part| match part {
        Part::Reasoning(reasoning) if in_turn => Some(reasoning),
        _ => None,
    });
    for thought in thoughts {
        let Some(kept) = opaque::of(NAME, &thought.opaque) else {
            continue;
        };
        if let Some(name) = kept.get("field").and_then(Value::as_str) {
            said.insert(name.to_owned(), json!(thought.content));
        }
        if let Some(details) = kept.get("details") {
            said.insert("reasoning_details".into(), details.clone());
        }
    }
    let empty = said["content"] == json!("") && said.len() == 2 && !message.parts.is_empty();
    (!empty).then_some(Value::Object(said))
}

fn called(call: &ToolCall) -> Value {
    let function = json!({ "name": call.name, "arguments": opaque::arguments_text(call) });
    let mut called = json!({ "id": call.id, "type": "function", "function": function });
    let kept = opaque::of(NAME, &call.opaque);
    if let Some(extra) = kept.and_then(|kept| kept.get("extra_content")) {
        called["extra_content"] = extra.clone();
    }
    called
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_has_the_name_the_server_knows() {
        let mut request = ChatRequest::new("m", vec![Message::text(Role::User, "hi")]);
        request.max_tokens = Some(7);
        let all = Without::new();
        assert_eq!(body(&request, true, &all)["max_completion_tokens"], 7);
        assert_eq!(body(&request, false, &all)["max_tokens"], 7);
        let without = Without::from([STREAM_OPTIONS]);
        assert!(body(&request, false, &without).get("stream_options").is_none());
    }

    #[test]
    fn a_schema_the_server_does_not_know_is_asked_for_in_words() {
        let mut request = ChatRequest::new("m", vec![Message::text(Role::User, "hi")]);
        request.response_schema = Some(json!({"type": "object", "properties": {"unusual": {}}}));
        let body = body(&request, false, &Without::from([RESPONSE_FORMAT]));
        assert!(body.get("response_format").is_none());
        assert!(
            body["messages"][1]["content"]
                .as_str()
                .unwrap()
                .contains("unusual")
        );
    }
}
