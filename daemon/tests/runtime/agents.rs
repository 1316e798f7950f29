//! Agents: prompts, schemas, the rehearsal, its label.

use std::sync::Arc;

use dirigent_protocol::entity::Agent;
use dirigent_protocol::run::{EffectOutcome, EventBody};
use dirigent_protocol::watch::{StreamRequest, StreamSource};
use serde_json::json;

use crate::bed::Bed;
use crate::server::Reply;

const CALL: &str = "do:\n  - read: { call: agent, with: { agent: reader, input: { text: '${ .text }' } } }\n";
const LOG: &str =
    "10:00:01 ERROR disk sda1 is full\n10:00:02 WARN retrying write\n10:00:03 ERROR write failed";

fn reader() -> Agent {
    Agent {
        model: "rehearsal".into(),
        prompt: "Summarise:\n{{ input.text }}".into(),
        ..Agent::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_answers_live_and_its_rehearsal_is_labelled() {
    let bed = Bed::new().await;
    bed.agent("reader", reader()).await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    let output = bed.completed(run).await;
    let answer = output.as_str().unwrap();
    assert!(
        answer.contains("disk") || answer.contains("ERROR"),
        "it read its input: {answer}"
    );
    let facts = bed.events(run).into_iter().find_map(|event| match event.body {
        EventBody::EffectSettled {
            outcome: EffectOutcome::Done { facts, usage, .. },
            ..
        } => Some((facts, usage)),
        _ => None,
    });
    let (facts, usage) = facts.unwrap();
    assert_eq!(facts["rehearsal"], true);
    assert_eq!(facts["model"], "rehearsal");
    assert_eq!(usage.calls, 1);
    assert_eq!(bed.execution(run).usage, usage);
    let page = bed
        .runtime
        .stream(StreamRequest {
            run,
            after: 0,
            wait_ms: 0,
        })
        .await;
    let live: String = page
        .chunks
        .iter()
        .filter(|c| c.source == StreamSource::Model)
        .map(|c| c.text.as_str())
        .collect();
    assert_eq!(live, answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_shapes_the_answer() {
    let bed = Bed::new().await;
    let schema =
        json!({"type": "object", "required": ["summary"], "properties": {"summary": {"type": "string"}}});
    bed.agent(
        "reader",
        Agent {
            output_schema: Some(schema),
            ..reader()
        },
    )
    .await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    assert!(bed.completed(run).await["summary"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_before_a_model_is_asked() {
    let bed = Bed::new().await;
    let schema = json!({"type": "object", "properties": {"text": {"type": "integer"}}});
    bed.agent(
        "reader",
        Agent {
            input_schema: Some(schema),
            ..reader()
        },
    )
    .await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    let error = bed.faulted(run).await;
    assert!(
        error["type"].as_str().unwrap().ends_with("/validation"),
        "{error:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_prompts_fail_their_step_and_nothing_else() {
    let bed = Bed::new().await;
    let doubling = format!(
        "{{% set ns = namespace(x='xxxxxxxx') %}}{}{{{{ ns.x }}}}",
        "{% set ns.x = ns.x ~ ns.x %}".repeat(40)
    );
    for (name, prompt, word) in [
        (
            "undefined",
            "{{ input.nothing }}".to_owned(),
            "undefined_variable",
        ),
        ("doubling", doubling, "too_long"),
    ] {
        bed.agent(name, Agent { prompt, ..reader() }).await;
        let run = bed
            .start(&format!(
                "do:\n  - read: {{ call: agent, with: {{ agent: {name}, input: {{}} }} }}\n"
            ))
            .await;
        let error = bed.faulted(run).await;
        assert!(
            error["detail"].as_str().unwrap().contains(word),
            "{name}: {error:#}"
        );
    }
}

const CHAT: &str = "/v1/chat/completions";
const FIT: &str = r#"{"id":"c1","model":"tiny-1","choices":[{"index":0,"message":{"content":"{\"n\":1}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
const UNFIT: &str = r#"{"id":"c0","model":"tiny-1","choices":[{"index":0,"message":{"content":"well, no"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_out_and_is_no_failure() {
    let script = |_: &str, count| match count {
        1 | 2 => Reply::With(
            429,
            r#"{"error":{"message":"slow down"}}"#,
            "retry-after: 0\r\n".into(),
        ),
        _ => Reply::Json(200, FIT),
    };
    let bed = Bed::with(Arc::new(script), |_| {}).await;
    bed.agent(
        "reader",
        Agent {
            model: "local/tiny".into(),
            ..reader()
        },
    )
    .await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    assert_eq!(bed.completed(run).await, json!("{\"n\":1}"));
    let mut keys = bed.server.keys(CHAT);
    assert_eq!((keys.len(), bed.count(run, "task.retried")), (3, 0));
    keys.dedup();
    assert_eq!(keys.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_fit_is_asked_for_once_more() {
    let script = |_: &str, count| Reply::Json(200, if count == 1 { UNFIT } else { FIT });
    let bed = Bed::with(Arc::new(script), |_| {}).await;
    let schema = json!({"type": "object", "required": ["n"]});
    bed.agent(
        "reader",
        Agent {
            model: "local/tiny".into(),
            output_schema: Some(schema),
            ..reader()
        },
    )
    .await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    assert_eq!(bed.completed(run).await, json!({"n": 1}));
    assert_eq!(
        (bed.server.keys(CHAT).len(), bed.execution(run).usage.calls),
        (2, 2)
    );
    let bed = Bed::with(Arc::new(|_, _| Reply::Json(200, UNFIT)), |_| {}).await;
    let schema = json!({"type": "object", "required": ["n"]});
    bed.agent(
        "reader",
        Agent {
            model: "local/tiny".into(),
            output_schema: Some(schema),
            ..reader()
        },
    )
    .await;
    let run = bed.start_with(CALL, json!({ "text": LOG })).await;
    assert_eq!(bed.faulted(run).await["status"], 422);
}

/// The facts of the agent call that came to an answer, and the bill.
fn facts(
    bed: &Bed,
    run: dirigent_protocol::id::RunId,
) -> std::collections::BTreeMap<String, serde_json::Value> {
    let settled = bed.events(run).into_iter().find_map(|event| match event.body {
        EventBody::EffectSettled {
            outcome: EffectOutcome::Done { facts, .. },
            ..
        } => Some(facts),
        _ => None,
    });
    settled.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_is_stood_in_for_and_who_answered_is_recorded() {
    for (status, headers) in [(401, ""), (429, "retry-after: 600\r\n"), (404, "")] {
        let script = move |_: &str, _| {
            let body = r#"{"error":{"message":"no"}}"#;
            Reply::With(status, body, headers.to_owned())
        };
        let bed = Bed::with(Arc::new(script), |_| {}).await;
        let agent = Agent {
            model: "local/tiny".into(),
            fallback_models: vec!["rehearsal".into()],
            ..reader()
        };
        bed.agent("reader", agent).await;
        let run = bed.start_with(CALL, json!({ "text": LOG })).await;
        assert!(bed.completed(run).await.is_string(), "{status}");
        let facts = facts(&bed, run);
        assert_eq!(
            (&facts["model"], &facts["fallback"]),
            (&json!("rehearsal"), &json!(1))
        );
        assert_eq!(
            (bed.server.keys(CHAT).len(), bed.count(run, "task.retried")),
            (1, 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_nobody_knows_of_is_never_asked_for_elsewhere() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Cut), |_| {}).await;
    let agent = Agent {
        model: "local/tiny".into(),
        fallback_models: vec!["rehearsal".into()],
        ..reader()
    };
    bed.agent("reader", agent).await;
    let document = "do:\n  - read:\n      call: agent\n      with: { agent: reader, input: { text: x } }\n      \
                    metadata: { dirigent: { on_unknown: fail } }\n";
    let run = bed.start(document).await;
    bed.faulted(run).await;
    assert_eq!(bed.server.keys(CHAT).len(), 1);
}
