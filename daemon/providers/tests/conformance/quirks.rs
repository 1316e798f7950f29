//! Habits of single servers that speak `openai_chat`, and discovery.

use std::time::Duration;

use dirigent_providers::{FinishReason, ModelErrorKind, discover};
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
        (reply.content.as_str(), reply.finish_reason),
        ("Hello", FinishReason::Length)
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
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
        (reply.content.as_str(), reply.finish_reason),
        ("Hello", FinishReason::Stop)
    );
    assert_eq!((reply.usage.input_tokens, reply.model.as_str()), (5, "tiny"));
}

#[test]
fn a_tool_that_was_not_offered_is_no_answer() {
    let call = json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"id": "1", "function": {"name": "rm"}}]}}]});
    let server = Server::start(vec![events([data(&call)])]);
    let error = rig(OPENAI, server.address).refused(hello());
    assert!(
        matches!(error.kind, ModelErrorKind::BadResponse { reason } if reason.contains("tool")),
        "{error:?}"
    );
}

#[test]
fn what_is_usable_now_is_found_and_the_rehearsal_is_always_last() {
    let tags = json!({"models": [{"name": "llama3.2:3b"}, {"name": "qwen3:8b"}]}).to_string();
    let server = Server::start(vec![plain(200, "content-type: application/json\r\n", tags)]);
    let ollama = format!("http://{}", server.address);
    let found = run(discover::discover(
        |name| name == "OPENAI_API_KEY",
        Some("http://proxy.example/v1"),
        &ollama,
    ));
    let models: Vec<&str> = found.iter().map(|found| found.model.as_str()).collect();
    assert_eq!(
        models,
        ["openai/gpt-4.1-mini", "ollama/llama3.2:3b", "rehearsal/rehearsal"]
    );
    let openai = found[0].settings.as_ref().expect("settings");
    assert_eq!(
        (openai.base_url.as_str(), openai.key_env.as_deref()),
        ("http://proxy.example/v1", Some("OPENAI_API_KEY"))
    );
    assert_eq!(
        found[1].settings.as_ref().map(|settings| settings.models.len()),
        Some(2)
    );

    let silent = Server::start(vec![vec![Step::Hang]]);
    let started = std::time::Instant::now();
    let found = run(discover::discover(
        |_| false,
        None,
        &format!("http://{}", silent.address),
    ));
    assert_eq!(found.len(), 1, "a server that does not answer is not offered");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}
