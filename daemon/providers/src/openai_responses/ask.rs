//! The request body of `openai_responses`.

use dirigent_protocol::chat::{Message, Part, Role, ToolCall, ToolChoice, ToolDefinition};
use serde_json::{Map, Value, json};

use super::NAME;
use crate::exchange::Without;
use crate::{ChatRequest, opaque, schema};

/// Asks for the thinking, encrypted, so that it can go back.
pub(super) const ENCRYPTED: &str = "reasoning.encrypted_content";
/// Asks for an answer that fits a schema.
pub(super) const FORMAT: &str = "text.format";
/// Asks for more or less thinking.
pub(super) const EFFORT: &str = "reasoning.effort";

pub(super) fn body(request: &ChatRequest, without: &Without) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    let native = !without.contains(FORMAT);
    let schema = request.response_schema.as_ref();
    put("model", json!(request.model));
    let instructions = instructions(request, schema.filter(|_| !native));
    if !instructions.is_empty() {
        put("instructions", json!(instructions));
    }
    let said = request
        .messages
        .iter()
        .filter(|message| message.role != Role::System);
    put("input", said.flat_map(items).collect());
    put("stream", json!(true));
    put("store", json!(false));
    if !without.contains(ENCRYPTED) {
        put("include", json!([ENCRYPTED]));
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
    if let Some(limit) = request.max_tokens {
        put("max_output_tokens", json!(limit));
    }
    if let Some(effort) = request.effort.filter(|_| !without.contains(EFFORT)) {
        put("reasoning", json!({ "effort": effort.word(), "summary": "auto" }));
    }
    if let Some(schema) = schema.filter(|_| native) {
        let strict = schema::is_strict(schema);
        let format = json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": strict });
        put("text", json!({ "format": format }));
    }
    Value::Object(body)
}

fn instructions(request: &ChatRequest, told: Option<&Value>) -> String {
    let said = request
        .messages
        .iter()
        .filter(|message| message.role == Role::System);
    let words = said.map(Message::words).chain(told.map(schema::instruction));
    let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    words.join("\n\n")
}

fn tool(tool: &ToolDefinition) -> Value {
    let mut named =
        json!({ "type": "function", "name": tool.name, "parameters": tool.parameters, "strict": false });
    if !tool.description.is_empty() {
        named["description"] = json!(tool.description);
    }
    named
}

fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "name": name })),
    }
}

fn items(message: &Message) -> Vec<Value> {
    message
        .parts
        .iter()
        .filter_map(|part| item(message.role, part))
        .collect()
}

fn item(role: Role, part: &Part) -> Option<Value> {
    match part {
        Part::Text { content } if content.is_empty() => None,
        Part::Text { content } if role == Role::Assistant => Some(said("assistant", "output_text", content)),
        Part::Text { content } => Some(said("user", "input_text", content)),
        Part::Reasoning(reasoning) => opaque::of(NAME, &reasoning.opaque)?.get("item").cloned(),
        Part::ToolCall(call) => Some(called(call)),
        Part::ToolCallResponse(response) => Some(json!({
            "type": "function_call_output",
            "call_id": response.id,
            "output": opaque::result_text(response),
        })),
    }
}

/// A message; its type is said, as some servers tell items by nothing else.
fn said(role: &str, kind: &str, text: &str) -> Value {
    json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] })
}

fn called(call: &ToolCall) -> Value {
    let mut item = json!({
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": opaque::arguments_text(call),
    });
    if let Some(id) = opaque::of(NAME, &call.opaque).and_then(|kept| kept.get("id")) {
        item["id"] = id.clone();
    }
    item
}
