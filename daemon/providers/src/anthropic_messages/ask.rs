//! The request body of `anthropic_messages`.

use dirigent_protocol::chat::{Message, Part, Reasoning, Role, ToolCallResponse, ToolChoice, ToolDefinition};
use serde_json::{Map, Value, json};

use super::NAME;
use crate::exchange::Without;
use crate::request::thinking_tokens;
use crate::{ChatRequest, opaque, schema};

/// Asks for an answer that fits a schema.
pub(super) const FORMAT: &str = "output_config.format";
/// Lets the model decide how much it thinks; older models are told a number of tokens.
pub(super) const ADAPTIVE: &str = "thinking.adaptive";
/// Breakpoints of the prompt cache.
pub(super) const CACHE: &str = "cache_control";

/// Sent where nobody says how long an answer may be: this API wants a number.
const MAX_TOKENS: u32 = 8_192;

pub(super) fn body(request: &ChatRequest, without: &Without) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    let caches = !without.contains(CACHE);
    let native = !without.contains(FORMAT);
    let schema = request.response_schema.as_ref();
    let format = schema.filter(|schema| native && schema::is_closed(schema));
    let told = schema.filter(|_| format.is_none());
    let mut system = system(request, told);
    let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
    let mut messages = messages(&request.messages);
    if caches {
        // What all calls of an agent share ends at its instructions; where there are none, at its tools.
        mark(system.last_mut().or(tools.last_mut()));
        if !tools.is_empty() {
            let last = messages.last_mut().filter(|last| last["role"] == "user");
            let content = last.and_then(|last| last["content"].as_array_mut());
            mark(content.and_then(|content| content.last_mut()));
        }
    }
    // A model that is made to call a tool cannot think first.
    let forced =
        matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_)) && !tools.is_empty();
    let effort = request.effort.filter(|_| !forced);
    let adaptive = !without.contains(ADAPTIVE);
    let budget = effort.filter(|_| !adaptive).map_or(0, thinking_tokens);
    put("model", json!(request.model));
    put(
        "max_tokens",
        json!(request.max_tokens.unwrap_or(MAX_TOKENS).saturating_add(budget)),
    );
    put("stream", json!(true));
    if !system.is_empty() {
        put("system", Value::Array(system));
    }
    put("messages", Value::Array(messages));
    if !tools.is_empty() {
        put("tool_choice", choice(&request.tool_choice));
        put("tools", Value::Array(tools));
    }
    let mut output = Map::new();
    if let Some(schema) = format {
        output.insert(
            "format".into(),
            json!({ "type": "json_schema", "schema": schema }),
        );
    }
    match effort {
        Some(effort) if adaptive => {
            put("thinking", json!({ "type": "adaptive" }));
            output.insert("effort".into(), json!(effort.word()));
        }
        Some(_) => put("thinking", json!({ "type": "enabled", "budget_tokens": budget })),
        None => {}
    }
    if !output.is_empty() {
        put("output_config", Value::Object(output));
    }
    // Thinking and a temperature of one's own exclude each other.
    if let Some(temperature) = request.temperature.filter(|_| effort.is_none()) {
        put("temperature", json!(temperature));
    }
    Value::Object(body)
}

fn system(request: &ChatRequest, told: Option<&Value>) -> Vec<Value> {
    let said = request
        .messages
        .iter()
        .filter(|message| message.role == Role::System);
    let mut blocks: Vec<Value> = said
        .map(Message::words)
        .filter(|words| !words.is_empty())
        .map(|words| text(&words))
        .collect();
    blocks.extend(told.map(|schema| text(&schema::instruction(schema))));
    blocks
}

fn mark(block: Option<&mut Value>) {
    if let Some(block) = block {
        block["cache_control"] = json!({ "type": "ephemeral" });
    }
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn tool(tool: &ToolDefinition) -> Value {
    let mut named = json!({ "name": tool.name, "input_schema": tool.parameters });
    if !tool.description.is_empty() {
        named["description"] = json!(tool.description);
    }
    named
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Tool(name) => json!({ "type": "tool", "name": name }),
    }
}

/// The conversation; neighbours of one role are one message, results before words.
fn messages(said: &[Message]) -> Vec<Value> {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in said.iter().filter(|message| message.role != Role::System) {
        let role = if message.role == Role::Assistant {
            "assistant"
        } else {
            "user"
        };
        let blocks: Vec<Value> = message.parts.iter().filter_map(block).collect();
        match messages.last_mut() {
            Some((known, content)) if *known == role => content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => messages.push((role, blocks)),
        }
    }
    for (_, content) in &mut messages {
        content.sort_by_key(|block| block["type"] != "tool_result");
    }
    messages
        .into_iter()
        .map(|(role, content)| json!({ "role": role, "content": content }))
        .collect()
}

fn block(part: &Part) -> Option<Value> {
    match part {
        Part::Text { content } if content.is_empty() => None,
        Part::Text { content } => Some(text(content)),
        Part::Reasoning(reasoning) => thinking(reasoning),
        Part::ToolCall(call) => {
            // An object is demanded. Text that is none is shown to the model as what it is.
            let input = match call.unreadable() {
                Some(text) => json!({ "INVALID_JSON": text }),
                None => Value::clone(&call.arguments),
            };
            Some(json!({ "type": "tool_use", "id": safe(&call.id), "name": call.name, "input": input }))
        }
        Part::ToolCallResponse(response) => Some(result(response)),
    }
}

fn thinking(reasoning: &Reasoning) -> Option<Value> {
    let kept = opaque::of(NAME, &reasoning.opaque)?;
    if let Some(data) = kept.get("data") {
        return Some(json!({ "type": "redacted_thinking", "data": data }));
    }
    let signature = kept.get("signature")?;
    Some(json!({ "type": "thinking", "thinking": reasoning.content, "signature": signature }))
}

fn result(response: &ToolCallResponse) -> Value {
    let mut result = json!({
        "type": "tool_result",
        "tool_use_id": safe(&response.id),
        "content": opaque::bare_text(&response.response),
    });
    if response.is_error {
        result["is_error"] = json!(true);
    }
    result
}

/// An id of another provider in the letters this one accepts.
fn safe(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn request() -> ChatRequest {
        let messages = vec![
            Message::text(Role::System, "Be brief."),
            Message::text(Role::User, "Hello."),
        ];
        ChatRequest::new("claude", messages)
    }

    #[test]
    fn breakpoints_stand_where_the_next_call_reads_again() {
        let mut request = request();
        let once = body(&request, &Without::new());
        assert!(once["system"][0]["cache_control"].is_object());
        assert!(once["messages"][0]["content"][0].get("cache_control").is_none());
        request.tools.push(ToolDefinition {
            name: "look".into(),
            description: String::new(),
            parameters: Arc::new(json!({"type": "object"})),
        });
        let body = body(&request, &Without::new());
        assert!(body["messages"][0]["content"][0]["cache_control"].is_object());
        let plain = super::body(&request, &Without::from([CACHE])).to_string();
        assert!(!plain.contains("cache_control"));
    }

    #[test]
    fn thinking_is_asked_for_as_the_model_knows_it() {
        let mut request = request();
        request.effort = Some(crate::Effort::Low);
        request.temperature = Some(0.5);
        let new = body(&request, &Without::new());
        assert_eq!(new["thinking"], json!({"type": "adaptive"}));
        assert_eq!(new["output_config"], json!({"effort": "low"}));
        assert!(new.get("temperature").is_none());
        let old = body(&request, &Without::from([ADAPTIVE]));
        assert_eq!(old["thinking"], json!({"type": "enabled", "budget_tokens": 2048}));
        assert_eq!(old["max_tokens"], 8_192 + 2_048);
        assert!(old.get("output_config").is_none());
    }

    #[test]
    fn an_open_schema_is_asked_for_in_words() {
        let mut request = request();
        request.response_schema = Some(json!({"type": "object", "properties": {"unusual": {}}}));
        let body = body(&request, &Without::new());
        assert!(body.get("output_config").is_none());
        assert!(body["system"][1]["text"].as_str().unwrap().contains("unusual"));
    }
}
