//! The made-up world's definitions: agents, workflows and their versions.

use dirigent_protocol::entity::{
    Agent, Document, Kind, OrchestrationRule, Preference, Workflow, WorkflowVersion,
};
use serde_json::Value;

use crate::sample::{ago, document, id};

pub(crate) fn definitions() -> Vec<Document> {
    let agent = |n, name: &str| {
        let body = Agent {
            description: "Labels tickets.".into(),
            ..Agent::default()
        };
        document(
            Kind::Agent,
            n,
            name,
            ago(90_000),
            serde_json::to_value(body).unwrap(),
        )
    };
    let workflow = |n, name: &str| {
        let body = Workflow {
            source: if name == "nightly-triage" {
                triage(3)
            } else {
                String::new()
            },
            ..Workflow::default()
        };
        let spec = serde_json::to_value(body).unwrap();
        document(Kind::Workflow, n, name, ago(90_000), spec)
    };
    vec![
        agent(0x11, "triage"),
        agent(0x12, "reviewer"),
        rule(),
        workflow(0x21, "nightly-triage"),
        workflow(0x22, "release-train"),
        workflow(0x23, "inbox-zero"),
    ]
}

fn rule() -> Document {
    let body = OrchestrationRule {
        description: "Bills go to whoever is free.".into(),
        capability: "label".into(),
        when: "kind == \"bill\"".into(),
        agents: vec!["triage".into(), "reviewer".into()],
        max_load: Some(4),
        prefer: Preference::LeastBusy,
        ..OrchestrationRule::default()
    };
    let spec = serde_json::to_value(body).unwrap();
    let mut document = document(Kind::OrchestrationRule, 0x31, "bills", ago(7_000), spec);
    document.metadata.revision = 2;
    document
}

/// The text of a version of `nightly-triage`.
pub(crate) fn triage(number: u64) -> String {
    let wait = if number > 1 {
        "  - pause:\n      wait:\n        minutes: 5\n"
    } else {
        ""
    };
    let label = if number > 2 { "billing/overdue" } else { "billing" };
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: samples\n  name: nightly-triage\n  version: '{number}.0.0'\n# every night\ndo:\n  - fetch:\n      call: http\n      with:\n        method: get\n        endpoint: http://localhost/tickets\n{wait}  # the model decides\n  - classify:\n      set:\n        label: {label}\n"
    )
}

/// Lines of the newest version that no edit of a task may touch.
pub(crate) fn sample_lines() -> Vec<String> {
    [
        "# every night",
        "  # the model decides",
        "        label: billing/overdue",
        "  name: nightly-triage",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Published versions, which the client hears of only when it asks.
pub(crate) fn versions() -> Vec<Document> {
    let one = |number: u64| {
        let body = WorkflowVersion {
            workflow: id(0x21),
            workflow_name: "nightly-triage".into(),
            digest: format!("{number}").repeat(64),
            version: format!("{number}.0.0"),
            number,
            source: triage(number),
            document: Value::Null,
        };
        let name = format!("nightly-triage@{number}");
        let age = i64::try_from(100_000 - 20_000 * number).unwrap();
        let spec = serde_json::to_value(body).unwrap();
        document(
            Kind::WorkflowVersion,
            0x2000 + u128::from(number),
            &name,
            ago(age),
            spec,
        )
    };
    (1..=3).map(one).collect()
}
