//! Agents: prompts, schemas, the rehearsal, its label.

use dirigent_protocol::entity::Agent;
use dirigent_protocol::run::{EffectOutcome, EventBody};
use dirigent_protocol::watch::{StreamRequest, StreamSource};
use serde_json::json;

use crate::bed::Bed;

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
