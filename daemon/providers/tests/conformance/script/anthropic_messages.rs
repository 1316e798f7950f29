//! Anthropic messages.

use serde_json::{Value, json};

use super::{Asked, Counts, Script, Turn, arguments, list, text};
use crate::server::Received;

const SIGNATURE: &str = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=";

pub(super) const SCRIPT: Script = Script {
    dialect: "anthropic_messages",
    path: "/messages",
    stream,
    begin,
    whole,
    turn,
    error,
    failure: error,
    asked,
    repeated: |body| {
        let said = list(&body["messages"]).find(|message| message["role"] == "assistant");
        said.map(|said| said["content"].clone()).unwrap_or_default()
    },
    kept,
    results: |body| {
        let blocks = list(&body["messages"]).flat_map(|message| list(&message["content"]));
        let results = blocks.filter(|block| block["type"] == "tool_result");
        let result = |block: &Value| {
            (
                text(&block["tool_use_id"]),
                text(&block["content"]),
                block["is_error"] == json!(true),
            )
        };
        results.map(result).collect()
    },
    tools: |body| {
        let tool = &body["tools"][0];
        (
            json!([tool["name"], tool["description"], tool["input_schema"]]),
            body["tool_choice"].clone(),
        )
    },
    choices: || {
        [
            json!({"type": "auto"}),
            json!({"type": "none"}),
            json!({"type": "any"}),
            json!({"type": "tool", "name": "lookup"}),
        ]
    },
    orphan: Some(|| {
        let delta = json!({"type": "input_json_delta", "partial_json": "{}"});
        event("content_block_delta", json!({"index": 9, "delta": delta}))
    }),
    shaped: |body| body["output_config"]["format"]["schema"].is_object(),
    unshaped: "output_config: Extra inputs are not permitted",
    seeds: false,
};

fn error(code: &str, message: &str) -> String {
    json!({"type": "error", "error": {"type": code, "message": message}, "request_id": "req-1"}).to_string()
}

fn event(kind: &str, mut body: Value) -> String {
    body["type"] = json!(kind);
    format!("event: {kind}\ndata: {body}\n\n")
}

fn start(usage: Option<Counts>) -> String {
    let mut message = json!({"id": "answer-1", "type": "message", "role": "assistant", "content": [],
        "model": "tiny-2026", "stop_reason": null});
    if let Some((input, _, cached)) = usage {
        message["usage"] = json!({"input_tokens": input - cached, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached, "output_tokens": 1});
    }
    event("message_start", json!({"message": message}))
}

fn block(index: usize, block: &Value) -> String {
    event(
        "content_block_start",
        json!({"index": index, "content_block": block}),
    )
}

fn delta(index: usize, delta: &Value) -> String {
    event("content_block_delta", json!({"index": index, "delta": delta}))
}

fn stop(index: usize) -> String {
    event("content_block_stop", json!({"index": index}))
}

fn end(reason: &str, output: Option<u64>) -> [String; 2] {
    let mut last = json!({"delta": {"stop_reason": reason, "stop_sequence": null}});
    if let Some(output) = output {
        last["usage"] = json!({"output_tokens": output});
    }
    [event("message_delta", last), event("message_stop", json!({}))]
}

fn said(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = vec![
        start(usage),
        block(0, &json!({"type": "text", "text": ""})),
        event("ping", json!({})),
    ];
    let deltas = pieces
        .iter()
        .map(|piece| delta(0, &json!({"type": "text_delta", "text": piece})));
    events.extend(deltas);
    events
}

fn begin(pieces: &[&str]) -> Vec<String> {
    said(pieces, None)
}

fn stream(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = said(pieces, usage);
    events.push(stop(0));
    events.extend(end("end_turn", usage.map(|(_, output, _)| output)));
    events
}

fn whole(text: &str) -> String {
    json!({"id": "answer-2", "type": "message", "role": "assistant", "model": "tiny-2026",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2}})
    .to_string()
}

fn turn(turn: &Turn) -> Vec<String> {
    // A signature may come in pieces too, and thinking may be withheld from everybody but the model.
    let (half, rest) = SIGNATURE.split_at(9);
    let mut events = vec![
        start(None),
        block(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, &json!({"type": "thinking_delta", "thinking": turn.thought})),
        delta(0, &json!({"type": "signature_delta", "signature": half})),
        delta(0, &json!({"type": "signature_delta", "signature": rest})),
        stop(0),
        block(1, &json!({"type": "redacted_thinking", "data": "b3BhcXVl"})),
        stop(1),
        block(2, &json!({"type": "text", "text": ""})),
        delta(2, &json!({"type": "text_delta", "text": turn.text})),
        stop(2),
    ];
    for (place, call) in turn.calls.iter().enumerate() {
        let index = place + 3;
        let begun = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
        events.push(block(index, &begun));
        for piece in call.pieces {
            events.push(delta(
                index,
                &json!({"type": "input_json_delta", "partial_json": piece}),
            ));
        }
        events.push(stop(index));
    }
    events.extend(end("tool_use", None));
    events
}

fn asked(received: &Received) -> Asked {
    let body = &received.body;
    let last = list(&body["messages"]).last().cloned().unwrap_or_default();
    let version = received.headers.contains("anthropic-version: 2023-06-01");
    (
        text(&last["content"][0]["text"]),
        text(&body["model"]),
        body["stream"] == json!(true) && version,
    )
}

fn kept(turn: &Turn) -> Value {
    let said = [
        json!({"type": "thinking", "thinking": turn.thought, "signature": SIGNATURE}),
        json!({"type": "redacted_thinking", "data": "b3BhcXVl"}),
        json!({"type": "text", "text": turn.text}),
    ];
    let calls = turn
        .calls
        .iter()
        .map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments(call)}));
    said.into_iter().chain(calls).collect()
}
