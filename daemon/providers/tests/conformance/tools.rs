//! Tools and thinking: offered, called in parallel and in pieces, and going back exactly as they came.

use std::sync::Arc;

use dirigent_providers::{
    CancelSignal, ChatRequest, FinishReason, Message, ModelErrorKind, Part, Reasoning, Role, TokenSink,
    ToolCall, ToolCallResponse, ToolChoice, ToolDefinition,
};
use serde_json::{Value, json};

use crate::script::{Called, Script, Turn};
use crate::server::{Server, events};
use crate::{hello, rig, run, script};

const TURN: Turn = Turn {
    thought: "Both are needed.",
    text: "Let me look. \u{1F50E}",
    calls: &[
        Called {
            id: "call_1",
            name: "lookup",
            pieces: &["{\"invoice\":", " \"A-1187\"", "}"],
        },
        Called {
            id: "call_2",
            name: "weather",
            pieces: &["{\"city\": \"Kö", "ln\", \"days\": [1, 2]}"],
        },
    ],
};

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition {
        name: name.into(),
        description: format!("Does {name}."),
        parameters: Arc::new(json!({"type": "object", "properties": {"invoice": {"type": "string"}}})),
    }
}

pub(crate) fn with_tools() -> ChatRequest {
    let mut request = hello();
    request.tools = vec![tool("lookup"), tool("weather")];
    request
}

/// Thoughts as they stream.
#[derive(Default)]
struct Thoughts(std::sync::Mutex<String>);

impl TokenSink for Thoughts {
    fn text(&self, _piece: &str) {}

    fn reasoning(&self, piece: &str) {
        self.0.lock().expect("lock").push_str(piece);
    }
}

fn answer(script: &Script) -> Vec<String> {
    (script.turn)(&TURN)
}

#[test]
fn parallel_calls_in_pieces_become_whole_calls_in_order() {
    for script in script::all() {
        let stream = answer(script);
        let bytes: Vec<Vec<u8>> = stream.concat().bytes().map(|byte| vec![byte]).collect();
        let server = Server::start(vec![events(stream), events(bytes)]);
        let rig = rig(script.dialect, server.address);
        let thoughts = Thoughts::default();
        let reply = run(rig.client.chat(with_tools(), &thoughts, CancelSignal::new())).expect("answer");
        assert_eq!(
            *thoughts.0.lock().expect("lock"),
            TURN.thought,
            "{}",
            script.dialect
        );
        assert_eq!(
            (reply.text().as_str(), &reply.finish_reason),
            (TURN.text, &FinishReason::ToolCall)
        );
        let calls: Vec<_> = reply
            .tool_calls()
            .map(|call| {
                (
                    call.id.as_str(),
                    call.name.as_str(),
                    Value::clone(&call.arguments),
                )
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("call_1", "lookup", json!({"invoice": "A-1187"})),
                ("call_2", "weather", json!({"city": "Köln", "days": [1, 2]})),
            ]
        );
        let order: String = reply
            .parts
            .iter()
            .map(|part| match part {
                Part::Reasoning(_) => 'r',
                Part::Text { .. } => 't',
                Part::ToolCall(_) => 'c',
                Part::ToolCallResponse(_) => '?',
            })
            .collect();
        assert_eq!(order.trim_start_matches('r'), "tcc");

        // However the bytes are cut, the answer is the same.
        let cut = rig.ask(with_tools()).expect("answer");
        assert_eq!(cut.parts, reply.parts);
    }
}

#[test]
fn what_was_thought_said_and_called_goes_back_exactly_as_it_came() {
    for script in script::all() {
        let server = Server::start(vec![
            events(answer(script)),
            events((script.stream)(&["Done."], None)),
        ]);
        let rig = rig(script.dialect, server.address);
        let mut request = with_tools();
        let reply = rig.ask(request.clone()).expect("answer");
        // As it is stored between two turns.
        let stored = serde_json::to_string(&reply.message()).expect("JSON");
        request
            .messages
            .push(serde_json::from_str(&stored).expect("a message"));
        request.messages.push(results());
        rig.ask(request).expect("answer");
        drop(server.request());
        let body = server.request().body;
        assert_eq!(
            (script.repeated)(&body),
            (script.kept)(&TURN),
            "{}: {body}",
            script.dialect
        );
        let expected = [
            ("call_1".into(), "{\"total\":12}".into(), false),
            ("call_2".into(), "no such city".into(), true),
        ];
        assert_eq!((script.results)(&body), expected, "{}: {body}", script.dialect);
    }
}

fn results() -> Message {
    let response = |id: &str, name: &str, response: Value, is_error: bool| {
        Part::ToolCallResponse(ToolCallResponse {
            id: id.into(),
            name: name.into(),
            response: Arc::new(response),
            is_error,
        })
    };
    Message {
        role: Role::Tool,
        parts: vec![
            response("call_1", "lookup", json!({"total": 12}), false),
            response("call_2", "weather", json!("no such city"), true),
        ],
    }
}

#[test]
fn what_another_dialect_kept_is_not_sent() {
    for script in script::all() {
        let server = Server::start(vec![events((script.stream)(&["Done."], None))]);
        let secret = json!({"dialect": "another", "signature": "SIGNED-ELSEWHERE", "thoughtSignature": "SIGNED-ELSEWHERE",
            "item": "SIGNED-ELSEWHERE", "details": ["SIGNED-ELSEWHERE"]});
        let mut request = with_tools();
        request.messages.push(Message {
            role: Role::Assistant,
            parts: vec![
                Part::Reasoning(Reasoning {
                    content: "THOUGHT-ELSEWHERE".into(),
                    opaque: secret.clone(),
                }),
                Part::ToolCall(ToolCall {
                    id: "call_1".into(),
                    name: "lookup".into(),
                    arguments: Arc::new(json!({})),
                    opaque: secret,
                }),
            ],
        });
        request.messages.push(results());
        rig(script.dialect, server.address).ask(request).expect("answer");
        let body = server.request().body.to_string();
        assert!(!body.contains("ELSEWHERE"), "{}: {body}", script.dialect);
        assert!(body.contains("lookup"), "{body}");
    }
}

#[test]
fn tools_and_the_choice_among_them_are_written_as_the_dialect_wants() {
    for script in script::all() {
        let choices = [
            ToolChoice::Auto,
            ToolChoice::None,
            ToolChoice::Required,
            ToolChoice::Tool("lookup".into()),
        ];
        for (choice, written) in choices.into_iter().zip((script.choices)()) {
            let server = Server::start(vec![events((script.stream)(&["Done."], None))]);
            let mut request = with_tools();
            request.tool_choice = choice;
            rig(script.dialect, server.address).ask(request).expect("answer");
            let (offered, chosen) = (script.tools)(&server.request().body);
            let lookup = tool("lookup");
            assert_eq!(
                offered,
                json!([lookup.name, lookup.description, lookup.parameters])
            );
            assert_eq!(chosen, written, "{}", script.dialect);
        }
    }
}

#[test]
fn arguments_that_are_no_json_stay_the_text_they_are() {
    const SPOILT: Turn = Turn {
        thought: "Hm.",
        text: "So.",
        calls: &[Called {
            id: "call_1",
            name: "lookup",
            pieces: &["{\"invoice\": ", "\"A-11"],
        }],
    };
    for script in script::all().filter(|script| script.orphan.is_some()) {
        let server = Server::start(vec![
            events((script.turn)(&SPOILT)),
            events((script.stream)(&["Sorry."], None)),
        ]);
        let rig = rig(script.dialect, server.address);
        let mut request = with_tools();
        let reply = rig.ask(request.clone()).expect("answer");
        let unreadable: Vec<_> = reply.tool_calls().map(ToolCall::unreadable).collect();
        assert_eq!(unreadable, [Some("{\"invoice\": \"A-11")], "{}", script.dialect);
        // And the model is shown what it sent.
        request.messages.push(reply.message());
        rig.ask(request).expect("answer");
        drop(server.request());
        let body = server.request().body.to_string();
        assert!(body.contains(r#"{\"invoice\": \"A-11"#), "{body}");
    }
}

#[test]
fn calls_nobody_can_answer_are_bad_responses() {
    const TWINS: Turn = Turn {
        thought: "Hm.",
        text: "So.",
        calls: &[
            Called {
                id: "call_1",
                name: "lookup",
                pieces: &["{}"],
            },
            Called {
                id: "call_1",
                name: "weather",
                pieces: &["{\"a\": 1}"],
            },
        ],
    };
    let bad = |stream: Vec<String>, script: &Script, request: ChatRequest| {
        let server = Server::start(vec![events(stream)]);
        let error = rig(script.dialect, server.address).refused(request);
        assert!(
            matches!(error.kind, ModelErrorKind::BadResponse { .. }),
            "{}: {error:?}",
            script.dialect
        );
        assert!(!error.elsewhere() && error.usage.is_some(), "it was billed");
        error.to_string()
    };
    for script in script::all() {
        assert!(bad((script.turn)(&TWINS), script, with_tools()).contains("one id"));
        assert!(bad(answer(script), script, hello()).contains("none was offered"));
        if let Some(orphan) = script.orphan {
            let mut stream = (script.begin)(&["So."]);
            stream.push(orphan());
            assert!(bad(stream, script, with_tools()).contains("never began"));
        }
    }
}
