//! The request body of `gemini_generate_content`.

use dirigent_protocol::chat::{
    Message, Part, Reasoning, Role, ToolCall, ToolCallResponse, ToolChoice, ToolDefinition,
};
use serde_json::{Map, Value, json};

use super::NAME;
use crate::draft::OWN_ID;
use crate::exchange::Without;
use crate::request::thinking_tokens;
use crate::{ChatRequest, Effort, opaque, schema};

/// Asks for an answer that fits a schema.
pub(super) const SCHEMA: &str = "responseJsonSchema";
/// Asks for more or less thinking, and to see it.
pub(super) const THINKING: &str = "thinkingConfig";

/// What stands for a signature on a call that another model made; Google names it for just that.
const FOREIGN: &str = "skip_thought_signature_validator";

pub(super) fn body(request: &ChatRequest, without: &Without) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    let schema = request.response_schema.as_ref();
    // Tools and a schema exclude each other in most models.
    let native = schema.filter(|_| request.tools.is_empty() && !without.contains(SCHEMA));
    let said = request
        .messages
        .iter()
        .filter(|message| message.role == Role::System);
    let told = schema.filter(|_| native.is_none()).map(schema::instruction);
    let system: Vec<Value> = said
        .map(Message::words)
        .chain(told)
        .filter(|words| !words.is_empty())
        .map(|words| json!({ "text": words }))
        .collect();
    if !system.is_empty() {
        put("systemInstruction", json!({ "parts": system }));
    }
    put("contents", contents(&request.messages));
    if !request.tools.is_empty() {
        let declared: Vec<Value> = request.tools.iter().map(declared).collect();
        put("tools", json!([{ "functionDeclarations": declared }]));
        put(
            "toolConfig",
            json!({ "functionCallingConfig": choice(&request.tool_choice) }),
        );
    }
    let config = config(request, native, without);
    if !config.is_empty() {
        put("generationConfig", Value::Object(config));
    }
    Value::Object(body)
}

fn config(request: &ChatRequest, native: Option<&Value>, without: &Without) -> Map<String, Value> {
    let mut config = Map::new();
    let mut put = |key: &str, value: Value| drop(config.insert(key.to_owned(), value));
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature));
    }
    if let Some(seed) = request.seed {
        put("seed", json!(seed));
    }
    if let Some(limit) = request.max_tokens {
        put("maxOutputTokens", json!(limit));
    }
    if let Some(schema) = native {
        put("responseMimeType", json!("application/json"));
        put(SCHEMA, schema.clone());
    }
    if let Some(effort) = request.effort.filter(|_| !without.contains(THINKING)) {
        put(THINKING, thinking(effort, &request.model));
    }
    config
}

/// The generation 2.5 is told a number of tokens, later ones a word.
fn thinking(effort: Effort, model: &str) -> Value {
    if model.contains("2.5") {
        json!({ "includeThoughts": true, "thinkingBudget": thinking_tokens(effort) })
    } else {
        json!({ "includeThoughts": true, "thinkingLevel": effort.word() })
    }
}

fn declared(tool: &ToolDefinition) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": tool.parameters,
    })
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Tool(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    }
}

/// The conversation; neighbours of one role are one content.
fn contents(said: &[Message]) -> Value {
    let mut contents: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in said.iter().filter(|message| message.role != Role::System) {
        let role = if message.role == Role::Assistant {
            "model"
        } else {
            "user"
        };
        let parts = parts(message);
        match contents.last_mut() {
            Some((known, content)) if *known == role => content.extend(parts),
            _ if parts.is_empty() => {}
            _ => contents.push((role, parts)),
        }
    }
    contents
        .into_iter()
        .map(|(role, parts)| json!({ "role": role, "parts": parts }))
        .collect()
}

fn parts(message: &Message) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    let own = message.parts.iter().any(|part| match part {
        Part::Reasoning(reasoning) => opaque::of(NAME, &reasoning.opaque).is_some(),
        Part::ToolCall(call) => opaque::of(NAME, &call.opaque).is_some(),
        _ => false,
    });
    let mut foreign_calls = 0;
    for part in &message.parts {
        match part {
            Part::Text { content } if content.is_empty() => {}
            Part::Text { content } => parts.push(json!({ "text": content })),
            Part::Reasoning(reasoning) => thought(reasoning, &mut parts),
            Part::ToolCall(call) => {
                let mut part = called(call);
                if !own && foreign_calls == 0 {
                    part["thoughtSignature"] = json!(FOREIGN);
                }
                foreign_calls += 1;
                parts.push(part);
            }
            Part::ToolCallResponse(response) => parts.push(answered(response)),
        }
    }
    parts
}

/// Thinking as its own part, or a signature on the text it came on.
fn thought(reasoning: &Reasoning, parts: &mut Vec<Value>) {
    let Some(kept) = opaque::of(NAME, &reasoning.opaque) else {
        return;
    };
    let signature = kept.get("thoughtSignature");
    if kept.get("on").is_some() {
        let text = parts.last_mut().filter(|part| part.get("text").is_some());
        if let (Some(part), Some(signature)) = (text, signature) {
            part["thoughtSignature"] = signature.clone();
        }
        return;
    }
    let mut part = json!({ "text": reasoning.content });
    if kept.get("thought").is_some() {
        part["thought"] = json!(true);
    }
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.clone();
    }
    parts.push(part);
}

fn called(call: &ToolCall) -> Value {
    // An object is demanded. Text that is none is shown to the model as what it is.
    let args = match call.unreadable() {
        Some(text) => json!({ "INVALID_JSON": text }),
        None => Value::clone(&call.arguments),
    };
    let mut function = json!({ "name": call.name, "args": args });
    if !call.id.starts_with(OWN_ID) {
        function["id"] = json!(call.id);
    }
    let mut part = json!({ "functionCall": function });
    let kept = opaque::of(NAME, &call.opaque);
    if let Some(signature) = kept.and_then(|kept| kept.get("thoughtSignature")) {
        part["thoughtSignature"] = signature.clone();
    }
    part
}

fn answered(response: &ToolCallResponse) -> Value {
    let answer = match &*response.response {
        value if response.is_error => json!({ "error": value }),
        object @ Value::Object(_) => object.clone(),
        value => json!({ "result": value }),
    };
    let mut function = json!({ "name": response.name, "response": answer });
    if !response.id.starts_with(OWN_ID) {
        function["id"] = json!(response.id);
    }
    json!({ "functionResponse": function })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_call_of_another_model_is_marked_as_such() {
        let call = |id: &str, opaque: Value| {
            Part::ToolCall(ToolCall {
                id: id.into(),
                name: "look".into(),
                arguments: Arc::new(json!({})),
                opaque,
            })
        };
        let message = |parts| Message {
            role: Role::Assistant,
            parts,
        };
        let foreign = parts(&message(vec![call("a", Value::Null), call("b", Value::Null)]));
        assert_eq!(foreign[0]["thoughtSignature"], FOREIGN);
        assert!(foreign[1].get("thoughtSignature").is_none());
        let kept = json!({"dialect": NAME, "thoughtSignature": "c2ln"});
        let own = parts(&message(vec![
            call("own-call-1", kept),
            call("own-call-2", Value::Null),
        ]));
        assert_eq!(own[0]["thoughtSignature"], "c2ln");
        assert!(own[1].get("thoughtSignature").is_none());
        assert!(own[0]["functionCall"].get("id").is_none());
    }

    #[test]
    fn a_schema_beside_tools_is_asked_for_in_words() {
        let mut request = ChatRequest::new("gemini-2.5-pro", vec![Message::text(Role::User, "hi")]);
        request.response_schema = Some(json!({"type": "object", "properties": {"unusual": {}}}));
        request.effort = Some(Effort::High);
        let alone = body(&request, &Without::new());
        assert!(alone["generationConfig"][SCHEMA].is_object());
        assert_eq!(alone["generationConfig"][THINKING]["thinkingBudget"], 24_576);
        request.tools.push(ToolDefinition {
            name: "look".into(),
            description: String::new(),
            parameters: Arc::new(json!({"type": "object"})),
        });
        let beside = body(&request, &Without::new());
        assert!(beside["generationConfig"].get(SCHEMA).is_none());
        let words = beside["systemInstruction"]["parts"][0]["text"].as_str().unwrap();
        assert!(words.contains("unusual"));
    }
}
