//! Habits of single servers that speak `openai_chat`, and discovery.

use std::time::Duration;

use dirigent_providers::{FinishReason, discover};
use serde_json::json;

use crate::server::{Server, Step, events, open_events, plain};
use crate::{hello, rig, run, script};

const OPENAI: &str = "openai_chat";

fn data(body: &serde_json::Value) -> String {
    format!("data: {body}\n\n")
}

#[test]
fn a_server_that_does_not_know_stream_options_is_asked_without() {
    let script = script::all()
        .find(|script| script.dialect == OPENAI)
        .expect("listed");
    let body =
        json!({"error": {"message": "Unrecognized request argument supplied: stream_options"}}).to_string();
    let server = Server::start(vec![
        plain(400, "", body),
        events((script.stream)(&["Hello"], None)),
    ]);
    let reply = rig(OPENAI, server.address).ask(hello()).expect("answer");
    assert!(reply.usage.estimated);
    assert!(server.request().body.get("stream_options").is_some());
    assert!(server.request().body.get("stream_options").is_none());
}

#[test]
fn a_server_that_neither_ends_nor_closes_its_stream_is_not_waited_for() {
    let last = json!({"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "length"}]});
    let mut steps = open_events([data(&last)]);
    steps.push(Step::Hang);
    let server = Server::start(vec![steps]);
    let started = std::time::Instant::now();
    let reply = rig(OPENAI, server.address).ask(hello()).expect("answer");
    assert_eq!(
        (reply.text().as_str(), reply.finish_reason),
        ("Hello", FinishReason::Length)
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn calls_without_an_index_or_with_one_index_for_all_are_told_apart() {
    let call = |call: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
    let named = |id: &str, city: &str| {
        call(
            json!({"id": id, "index": 0, "function": {"name": "weather", "arguments": json!({"city": city}).to_string()}}),
        )
    };
    let stream = [
        named("a", "Köln"),
        named("b", "Bonn"),
        call(json!({"id": "c", "function": {"name": "weather", "arguments": "{\"city\":"}})),
        call(json!({"function": {"arguments": "\"Trier\"}"}})),
        call(json!({"function": {"name": "weather", "arguments": {"city": "Mainz"}}})),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
    ];
    let server = Server::start(vec![events(stream.iter().map(data))]);
    let reply = rig(OPENAI, server.address)
        .ask(crate::tools::with_tools())
        .expect("answer");
    let cities: Vec<_> = reply
        .tool_calls()
        .map(|call| call.arguments["city"].clone())
        .collect();
    assert_eq!(cities, ["Köln", "Bonn", "Trier", "Mainz"]);
    let ids: Vec<_> = reply.tool_calls().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "own-call-4"]);
    assert_eq!(reply.finish_reason, FinishReason::ToolCall);
}

#[test]
fn reasoning_details_in_pieces_go_back_joined() {
    let detail = |detail: serde_json::Value| json!({"choices": [{"index": 0, "delta": {"reasoning_details": [detail]}}]});
    let stream = [
        detail(json!({"type": "reasoning.text", "index": 0, "text": "I ", "format": "anthropic-claude-v1"})),
        detail(json!({"type": "reasoning.text", "index": 0, "text": "think", "signature": "c2ln"})),
        detail(json!({"type": "reasoning.encrypted", "index": 1, "data": "eA=="})),
        json!({"choices": [{"index": 0, "delta": {"content": "So."}, "finish_reason": "stop"}]}),
    ];
    let server = Server::start(vec![
        events(stream.iter().map(data)),
        events(stream.iter().map(data)),
    ]);
    let rig = rig(OPENAI, server.address);
    let mut request = hello();
    let reply = rig.ask(request.clone()).expect("answer");
    request.messages.push(reply.message());
    rig.ask(request).expect("answer");
    drop(server.request());
    let body = server.request().body;
    let kept = json!([
        {"type": "reasoning.text", "index": 0, "text": "I think", "format": "anthropic-claude-v1", "signature": "c2ln"},
        {"type": "reasoning.encrypted", "index": 1, "data": "eA=="},
    ]);
    assert_eq!(body["messages"][2]["reasoning_details"], kept, "{body}");
}

#[test]
fn items_without_an_index_are_told_apart_by_their_ids() {
    let item = |kind: &str, item: serde_json::Value| json!({"type": kind, "item": item});
    let call = |id: &str, name: &str| json!({"type": "function_call", "id": id, "call_id": id, "name": name, "arguments": ""});
    let piece = |id: &str, delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "delta": delta});
    let stream = [
        item("response.output_item.added", call("a", "lookup")),
        piece("a", "{\"n\":"),
        item("response.output_item.added", call("b", "weather")),
        piece("b", "{\"n\":2}"),
        piece("a", "1}"),
        json!({"type": "response.completed", "response": {"status": "completed"}}),
    ];
    let server = Server::start(vec![events(stream.iter().map(data))]);
    let request = crate::tools::with_tools();
    let reply = rig("openai_responses", server.address)
        .ask(request)
        .expect("answer");
    let numbers: Vec<_> = reply
        .tool_calls()
        .map(|call| call.arguments["n"].clone())
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_signature_on_a_text_goes_back_on_that_text() {
    let chunk = |part: serde_json::Value, end: &str| json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": end}]});
    let stream = [
        chunk(json!({"text": "Hel"}), ""),
        chunk(json!({"text": "lo", "thoughtSignature": "c2ln"}), ""),
        chunk(json!({"text": "", "thoughtSignature": "bGFzdA=="}), "STOP"),
    ];
    let answer = || events(stream.iter().map(data));
    let server = Server::start(vec![answer(), answer()]);
    let rig = rig("gemini_generate_content", server.address);
    let mut request = hello();
    let reply = rig.ask(request.clone()).expect("answer");
    assert_eq!(reply.text(), "Hello");
    request.messages.push(reply.message());
    rig.ask(request).expect("answer");
    drop(server.request());
    let body = server.request().body;
    let kept = json!([{"text": "Hel"}, {"text": "lo", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "bGFzdA=="}]);
    assert_eq!(body["contents"][1]["parts"], kept, "{body}");
}

#[test]
fn content_in_parts_thinking_other_choices_and_null_fields_are_taken_as_they_are() {
    let stream = [
        json!({"choices": [{"index": 0, "delta": {"reasoning_content": "hmm", "content": null}}], "usage": null}),
        json!({"choices": [{"index": 1, "delta": {"content": "other"}}]}),
        json!({"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "eos"}], "error": null}),
        json!({"choices": null, "usage": {"prompt_tokens": 5}}),
    ];
    let server = Server::start(vec![events(stream.iter().map(data))]);
    let reply = rig(OPENAI, server.address).ask(hello()).expect("answer");
    assert_eq!(
        (reply.text().as_str(), reply.finish_reason),
        ("Hello", FinishReason::Stop)
    );
    assert_eq!((reply.usage.input_tokens, reply.model.as_str()), (5, "tiny"));
}

#[test]
fn what_is_usable_now_is_found_and_the_rehearsal_is_always_last() {
    let tags = json!({"models": [{"name": "llama3.2:3b"}, {"name": "qwen3:8b"}]}).to_string();
    let server = Server::start(vec![plain(200, "content-type: application/json\r\n", tags)]);
    let ollama = format!("http://{}", server.address);
    let environment = |name: &str| {
        let value = match name {
            "OPENAI_API_KEY" | "ANTHROPIC_API_KEY" | "GEMINI_API_KEY" | "GOOGLE_API_KEY" => "a key",
            "OPENAI_BASE_URL" => "http://proxy.example/v1",
            "ANTHROPIC_BASE_URL" => "http://proxy.example/",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let found = run(discover::discover(environment, &ollama));
    let models: Vec<&str> = found.iter().map(|found| found.model.as_str()).collect();
    assert_eq!(
        models,
        [
            "openai/gpt-4.1-mini",
            "anthropic/claude-sonnet-5-5",
            "gemini/gemini-2.5-flash",
            "ollama/llama3.2:3b",
            "rehearsal/rehearsal"
        ]
    );
    let settings = |place: usize| found[place].settings.as_ref().expect("settings");
    let anthropic = settings(1);
    assert_eq!(
        (anthropic.dialect.as_str(), anthropic.base_url.as_str()),
        ("anthropic_messages", "http://proxy.example/v1")
    );
    assert_eq!(
        settings(2).key_env.as_deref(),
        Some("GEMINI_API_KEY"),
        "one of two keys"
    );
    let openai = found[0].settings.as_ref().expect("settings");
    assert_eq!(
        (openai.base_url.as_str(), openai.key_env.as_deref()),
        ("http://proxy.example/v1", Some("OPENAI_API_KEY"))
    );
    assert_eq!(
        found[3].settings.as_ref().map(|settings| settings.models.len()),
        Some(2)
    );

    let silent = Server::start(vec![vec![Step::Hang]]);
    let started = std::time::Instant::now();
    let found = run(discover::discover(
        |_| None,
        &format!("http://{}", silent.address),
    ));
    assert_eq!(found.len(), 1, "a server that does not answer is not offered");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}
