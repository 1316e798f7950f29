//! The rehearsal through its public door: it reads, counts and quotes what is there, and nothing else.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot set its stage must fail loudly"
)]

mod prose;
mod report;
mod schema;
mod stream;
mod tools;

use std::time::Duration;

use dirigent_providers::rehearsal::Rehearsal;
use dirigent_providers::{CancelSignal, ChatReply, ChatRequest, Message, ModelClient, Role};
use serde_json::Value;

fn request(system: &str, user: &str, schema: Option<Value>) -> ChatRequest {
    let messages = vec![
        Message::text(Role::System, system),
        Message::text(Role::User, user),
    ];
    let mut request = ChatRequest::new("rehearsal", messages);
    request.response_schema = schema;
    request
}

fn ask(request: ChatRequest) -> ChatReply {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let client = Rehearsal::new(Duration::ZERO);
    runtime
        .block_on(client.chat(request, &(), CancelSignal::new()))
        .expect("the rehearsal always answers")
}

/// A log with known counts: 40 of one kind, 3 errors of one kind, 1 of another, 2 warnings.
fn log() -> String {
    let mut text = String::new();
    for minute in 0..40 {
        text.push_str(&format!(
            "2026-03-01 10:{minute:02}:00 INFO web: served request {minute}\n"
        ));
        if minute % 15 == 5 {
            text.push_str(&format!(
                "2026-03-01 10:{minute:02}:30 ERROR db: connection to 10.0.0.{minute} lost\n"
            ));
        }
        if minute % 20 == 7 {
            text.push_str(&format!(
                "2026-03-01 10:{minute:02}:40 WARN cache: slow by {minute} ms\n"
            ));
        }
    }
    text + "2026-03-01 10:59:59 ERROR disk: no space left on /var\n"
}
