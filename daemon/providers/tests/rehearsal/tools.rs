//! Tools: those the script names, as far as they are offered, and nothing by its own choice.

use std::sync::Arc;

use dirigent_providers::{
    ChatRequest, FinishReason, Message, Part, RehearsedCall, Role, ToolCallResponse, ToolChoice,
    ToolDefinition,
};
use serde_json::{Value, json};

use crate::{ask, request};

fn scripted() -> ChatRequest {
    let mut request = request("Look into it.", "What is wrong with the host db-7?", None);
    request.tools = ["look", "read"]
        .map(|name| ToolDefinition {
            name: name.into(),
            description: String::new(),
            parameters: Arc::new(json!({"type": "object", "required": ["path", "question"],
                "properties": {"path": {"type": "string"}, "question": {"type": "string"}, "more": {"type": "string"}}})),
        })
        .into();
    let call = |tool: &str, path: &str| RehearsedCall {
        tool: tool.into(),
        arguments: [("path".to_owned(), json!(path))].into_iter().collect(),
    };
    request.rehearsal = vec![
        vec![
            call("look", "/var/log"),
            call("delete", "/"),
            call("read", "a.log"),
        ],
        vec![call("read", "b.log")],
    ];
    request
}

fn answered(request: &mut ChatRequest, calls: &[(String, String)], text: &str) {
    let parts = calls.iter().map(|(id, name)| {
        Part::ToolCallResponse(ToolCallResponse {
            id: id.clone(),
            name: name.clone(),
            response: Arc::new(Value::from(text)),
            is_error: false,
        })
    });
    request.messages.push(Message {
        role: Role::Tool,
        parts: parts.collect(),
    });
}

#[test]
fn it_calls_what_is_written_turn_by_turn_and_then_speaks_of_what_it_read() {
    let mut request = scripted();
    for expected in [&["look", "read"][..], &["read"]] {
        let reply = ask(request.clone());
        assert!(reply.rehearsal && reply.finish_reason == FinishReason::ToolCall);
        let calls: Vec<_> = reply
            .tool_calls()
            .map(|call| (call.id.clone(), call.name.clone()))
            .collect();
        let names: Vec<_> = calls.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, expected, "a tool that is not offered is not called");
        for call in reply.tool_calls() {
            let arguments = call.arguments.as_object().expect("an object");
            assert!(arguments["path"].is_string() && arguments["question"].is_string());
            assert_eq!(arguments.len(), 2, "{arguments:?}");
        }
        assert_eq!(ask(request.clone()).parts, reply.parts, "the same every time");
        request.messages.push(reply.message());
        answered(
            &mut request,
            &calls,
            "10:00:01 ERROR disk sda1 is full\n10:00:02 WARN retrying\n",
        );
    }
    let reply = ask(request);
    assert_eq!(reply.finish_reason, FinishReason::Stop);
    assert!(reply.text().contains("sda1"), "{}", reply.text());
}

#[test]
fn it_calls_nothing_where_it_may_not() {
    let mut forbidden = scripted();
    forbidden.tool_choice = ToolChoice::None;
    assert_eq!(ask(forbidden).tool_calls().count(), 0);
    let mut unscripted = scripted();
    unscripted.rehearsal.clear();
    assert_eq!(ask(unscripted).tool_calls().count(), 0);
    let mut not_offered = scripted();
    not_offered.tools.clear();
    assert_eq!(ask(not_offered).tool_calls().count(), 0);
}
