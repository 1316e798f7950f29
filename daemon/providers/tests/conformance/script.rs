//! What a server of each dialect says: one row a dialect, so that the suite runs over all of them.

use dirigent_providers::DIALECTS;
use serde_json::{Value, json};

/// Tokens in, out, and of those in cached.
pub(crate) type Counts = (u64, u64, u64);
/// Text of the last message, model, and whether streaming is asked for.
pub(crate) type Asked = (String, String, bool);

/// The words of one dialect.
pub(crate) struct Script {
    pub(crate) dialect: &'static str,
    /// Path below the base URL.
    pub(crate) path: &'static str,
    /// Events of a whole answer.
    pub(crate) stream: fn(pieces: &[&str], usage: Option<Counts>) -> Vec<String>,
    /// Events of an answer that has only begun.
    pub(crate) begin: fn(pieces: &[&str]) -> Vec<String>,
    /// Body of an answer that is not streamed.
    pub(crate) whole: fn(text: &str) -> String,
    /// Body of an error.
    pub(crate) error: fn(code: &str, message: &str) -> String,
    /// The text of the last message, the model and whether streaming is asked for, from a request's body.
    pub(crate) asked: fn(body: &Value) -> Asked,
}

const SCRIPTS: &[Script] = &[Script {
    dialect: "openai_chat",
    path: "/chat/completions",
    stream: openai_stream,
    begin: openai_begin,
    whole: openai_whole,
    error: |code, message| json!({"error": {"message": message, "type": code, "code": code}}).to_string(),
    asked: |body| {
        let last = body["messages"]
            .as_array()
            .and_then(|messages| messages.last())
            .cloned()
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&last["content"]),
            text(&body["model"]),
            body["stream"] == json!(true),
        )
    },
}];

/// The script of every listed dialect.
pub(crate) fn all() -> impl Iterator<Item = &'static Script> {
    DIALECTS.iter().map(|dialect| {
        let script = SCRIPTS.iter().find(|script| script.dialect == dialect.name);
        script.unwrap_or_else(|| {
            panic!(
                "dialect `{}` has no row in tests/conformance/script.rs",
                dialect.name
            )
        })
    })
}

fn chunk(delta: Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let body = json!({"id": "answer-1", "object": "chat.completion.chunk", "model": "tiny-2026", "choices": [choice]});
    format!("data: {body}\n\n")
}

fn openai_begin(pieces: &[&str]) -> Vec<String> {
    let first = chunk(json!({"role": "assistant", "content": ""}), None);
    std::iter::once(first)
        .chain(pieces.iter().map(|piece| chunk(json!({"content": piece}), None)))
        .collect()
}

fn openai_stream(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = openai_begin(pieces);
    events.push(chunk(json!({}), Some("stop")));
    if let Some((input, output, cached)) = usage {
        let usage = json!({"prompt_tokens": input, "completion_tokens": output,
            "prompt_tokens_details": {"cached_tokens": cached}});
        events.push(format!(
            "data: {}\n\n",
            json!({"id": "answer-1", "choices": [], "usage": usage})
        ));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn openai_whole(text: &str) -> String {
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    json!({"id": "answer-2", "model": "tiny-2026", "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    .to_string()
}
