//! OpenAI responses.

use serde_json::{Value, json};

use super::{Asked, Counts, Script, Turn, arguments, list, text};
use crate::server::Received;

pub(super) const SCRIPT: Script = Script {
    dialect: "openai_responses",
    path: "/responses",
    stream,
    begin,
    whole,
    turn,
    error: |code, message| json!({"error": {"message": message, "type": code, "code": code}}).to_string(),
    failure: |code, message| {
        let response =
            json!({"id": "answer-1", "status": "failed", "error": {"code": code, "message": message}});
        json!({"type": "response.failed", "response": response}).to_string()
    },
    asked,
    repeated: |body| {
        let said = list(&body["input"])
            .filter(|item| item["role"] != "user" && item["type"] != "function_call_output");
        said.cloned().collect()
    },
    kept,
    results: |body| {
        let results = list(&body["input"]).filter(|item| item["type"] == "function_call_output");
        let result = |item: &Value| {
            let words = text(&item["output"]);
            let failed = words.strip_prefix("error: ").map(str::to_owned);
            (
                text(&item["call_id"]),
                failed.clone().unwrap_or(words),
                failed.is_some(),
            )
        };
        results.map(result).collect()
    },
    tools: |body| {
        let tool = &body["tools"][0];
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
            json!({"type": "function", "name": "lookup"}),
        ]
    },
    orphan: Some(|| {
        event(
            "response.function_call_arguments.delta",
            json!({"item_id": "fc_9", "output_index": 9, "delta": "{}"}),
        )
    }),
    shaped: |body| body["text"]["format"]["schema"].is_object(),
    unshaped: "Unsupported parameter: 'text.format' is not supported with this model.",
    seeds: false,
};

fn event(kind: &str, mut body: Value) -> String {
    body["type"] = json!(kind);
    format!("event: {kind}\ndata: {body}\n\n")
}

fn response(status: &str, usage: Option<Counts>) -> Value {
    let usage = usage.map(|(input, output, cached)| {
        json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output,
            "input_tokens_details": {"cached_tokens": cached}, "output_tokens_details": {"reasoning_tokens": 0}})
    });
    json!({"id": "answer-1", "object": "response", "model": "tiny-2026", "status": status, "error": null,
        "incomplete_details": null, "output": [], "usage": usage})
}

fn begin(pieces: &[&str]) -> Vec<String> {
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
    let part = json!({"type": "output_text", "text": "", "annotations": []});
    let mut events = vec![
        event(
            "response.created",
            json!({"response": response("in_progress", None)}),
        ),
        event(
            "response.in_progress",
            json!({"response": response("in_progress", None)}),
        ),
        event(
            "response.output_item.added",
            json!({"output_index": 0, "item": item}),
        ),
        event(
            "response.content_part.added",
            json!({"output_index": 0, "content_index": 0, "part": part}),
        ),
    ];
    events.extend(pieces.iter().map(|piece| delta(0, piece)));
    events
}

fn delta(index: usize, piece: &str) -> String {
    event(
        "response.output_text.delta",
        json!({"item_id": "msg_1", "output_index": index, "content_index": 0, "delta": piece}),
    )
}

fn message(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn done(index: usize, item: &Value) -> String {
    event(
        "response.output_item.done",
        json!({"output_index": index, "item": item}),
    )
}

fn stream(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = begin(pieces);
    events.push(event(
        "response.output_text.done",
        json!({"output_index": 0, "content_index": 0, "text": pieces.concat()}),
    ));
    events.push(done(0, &message(&pieces.concat())));
    events.push(event(
        "response.completed",
        json!({"response": response("completed", usage)}),
    ));
    events
}

fn whole(text: &str) -> String {
    let mut body = response("completed", Some((3, 2, 0)));
    body["output"] = json!([message(text)]);
    body.to_string()
}

/// Thinking as it comes: a summary to be read, and the thinking itself encrypted.
fn thought(turn: &Turn) -> Value {
    json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": turn.thought}],
        "encrypted_content": "gAAAAABo/+=="})
}

fn turn(turn: &Turn) -> Vec<String> {
    let begun = json!({"id": "rs_1", "type": "reasoning", "summary": []});
    let mut events = vec![
        event(
            "response.created",
            json!({"response": response("in_progress", None)}),
        ),
        event(
            "response.output_item.added",
            json!({"output_index": 0, "item": begun}),
        ),
        event(
            "response.reasoning_summary_text.delta",
            json!({"item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": turn.thought}),
        ),
        done(0, &thought(turn)),
        event(
            "response.output_item.added",
            json!({"output_index": 1, "item": {"id": "msg_1", "type": "message", "role": "assistant", "content": []}}),
        ),
        delta(1, turn.text),
        done(1, &message(turn.text)),
    ];
    for (place, call) in turn.calls.iter().enumerate() {
        let index = place + 2;
        let id = format!("fc_{place}");
        let item = json!({"id": id, "type": "function_call", "call_id": call.id, "name": call.name, "arguments": ""});
        events.push(event(
            "response.output_item.added",
            json!({"output_index": index, "item": item}),
        ));
        for piece in call.pieces {
            let piece = json!({"item_id": id, "output_index": index, "delta": piece});
            events.push(event("response.function_call_arguments.delta", piece));
        }
        let mut item = item;
        item["arguments"] = json!(call.pieces.concat());
        events.push(done(index, &item));
    }
    events.push(event(
        "response.completed",
        json!({"response": response("completed", None)}),
    ));
    events
}

fn asked(received: &Received) -> Asked {
    let body = &received.body;
    let last = list(&body["input"]).last().cloned().unwrap_or_default();
    (
        text(&last["content"][0]["text"]),
        text(&body["model"]),
        body["stream"] == json!(true) && body["store"] == json!(false),
    )
}

fn kept(turn: &Turn) -> Value {
    let said = json!({"type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": turn.text}]});
    let calls = turn.calls.iter().enumerate().map(|(place, call)| {
        json!({"type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": arguments(call).to_string(), "id": format!("fc_{place}")})
    });
    [thought(turn), said].into_iter().chain(calls).collect()
}
