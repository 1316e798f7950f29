//! OpenAI chat completions, with the thinking of DeepSeek's servers.

use serde_json::{Value, json};

use super::{Asked, Counts, Script, Turn, arguments, list, text};
use crate::server::Received;

pub(super) const SCRIPT: Script = Script {
    dialect: "openai_chat",
    path: "/chat/completions",
    stream,
    begin,
    whole,
    turn,
    error: |code, message| json!({"error": {"message": message, "type": code, "code": code}}).to_string(),
    failure: |code, message| json!({"error": {"message": message, "type": code, "code": code}}).to_string(),
    asked,
    repeated: |body| {
        let said = list(&body["messages"]).find(|message| message["role"] == "assistant");
        said.cloned().unwrap_or_default()
    },
    kept,
    results: |body| {
        let results = list(&body["messages"]).filter(|message| message["role"] == "tool");
        let result = |message: &Value| {
            let words = text(&message["content"]);
            let failed = words.strip_prefix("error: ").map(str::to_owned);
            (
                text(&message["tool_call_id"]),
                failed.clone().unwrap_or(words),
                failed.is_some(),
            )
        };
        results.map(result).collect()
    },
    tools: |body| {
        let tool = &body["tools"][0]["function"];
        (
            json!([tool["name"], tool["description"], tool["parameters"]]),
            body["tool_choice"].clone(),
        )
    },
    choices: || {
        [
            Value::Null,
            json!("none"),
            json!("required"),
            json!({"type": "function", "function": {"name": "lookup"}}),
        ]
    },
    orphan: Some(|| {
        chunk(
            &json!({"tool_calls": [{"index": 3, "function": {"arguments": "{}"}}]}),
            None,
        )
    }),
    shaped: |body| body["response_format"]["json_schema"]["schema"].is_object(),
    unshaped: "This response_format type is unavailable now",
    seeds: true,
};

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let body = json!({"id": "answer-1", "object": "chat.completion.chunk", "model": "tiny-2026", "choices": [choice]});
    format!("data: {body}\n\n")
}

fn begin(pieces: &[&str]) -> Vec<String> {
    let first = chunk(&json!({"role": "assistant", "content": ""}), None);
    std::iter::once(first)
        .chain(pieces.iter().map(|piece| chunk(&json!({"content": piece}), None)))
        .collect()
}

fn stream(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = begin(pieces);
    events.push(chunk(&json!({}), Some("stop")));
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

fn whole(text: &str) -> String {
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    json!({"id": "answer-2", "model": "tiny-2026", "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    .to_string()
}

fn turn(turn: &Turn) -> Vec<String> {
    let mut events = vec![
        chunk(
            &json!({"role": "assistant", "content": null, "reasoning_content": turn.thought}),
            None,
        ),
        chunk(&json!({"content": turn.text}), None),
    ];
    for (index, call) in turn.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let begun = json!({"index": index, "id": call.id, "type": "function", "function": function});
        events.push(chunk(&json!({"tool_calls": [begun]}), None));
    }
    // Pieces of parallel calls come mixed.
    for place in 0..4 {
        for (index, call) in turn.calls.iter().enumerate() {
            if let Some(piece) = call.pieces.get(place) {
                let piece = json!({"index": index, "function": {"arguments": piece}});
                events.push(chunk(&json!({"tool_calls": [piece]}), None));
            }
        }
    }
    events.push(chunk(&json!({}), Some("tool_calls")));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn asked(received: &Received) -> Asked {
    let body = &received.body;
    let last = list(&body["messages"]).last().cloned().unwrap_or_default();
    (
        text(&last["content"]),
        text(&body["model"]),
        body["stream"] == json!(true),
    )
}

fn kept(turn: &Turn) -> Value {
    let calls = turn.calls.iter().map(|call| {
        json!({"id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": arguments(call).to_string()}})
    });
    json!({"role": "assistant", "content": turn.text, "tool_calls": calls.collect::<Vec<_>>(),
        "reasoning_content": turn.thought})
}
