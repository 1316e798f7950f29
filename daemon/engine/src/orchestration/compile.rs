//! The document around a strategy's tasks: what is prepared, the matter, the work, what is finished.

use dirigent_protocol::entity::{Member, Orchestration};
use serde_json::{Map, Value, json};

use super::parts::{named, with};
use super::strategy::named as strategy;

/// Where documents of orchestrations stand.
pub const NAMESPACE: &str = "orchestrations";

/// The Open Workflow document of an orchestration; none where its strategy is unknown. `number` counts its versions.
#[must_use]
pub fn compile(name: &str, number: u64, wanted: &Orchestration) -> Option<Value> {
    let strategy = strategy(&wanted.strategy)?;
    let mut tasks = wanted.prepare.clone();
    tasks.push(named(
        "matter",
        json!({
            "set": "${ . }",
            "export": { "as": "($context // {}) + { matter: $output, previous: $output, results: {} }" },
        }),
    ));
    tasks.push(named(
        "work",
        json!({ "do": (strategy.tasks)(wanted), "export": { "as": "$context + { result: $output }" } }),
    ));
    tasks.extend(wanted.finish.iter().cloned());
    let mut document = json!({ "document": head(name, number, wanted) });
    if let Some(schema) = &wanted.input_schema {
        document = with(document, json!({ "input": { "schema": { "document": schema } } }));
    }
    if let Some(after) = &wanted.limits.timeout {
        document = with(document, json!({ "timeout": { "after": after } }));
    }
    document = with(document, json!({ "do": tasks }));
    if let Some(output) = &wanted.output {
        document = with(document, json!({ "output": { "as": output } }));
    }
    Some(document)
}

fn head(name: &str, number: u64, wanted: &Orchestration) -> Value {
    let mut metadata = Map::new();
    let members: Vec<Value> = wanted.members.iter().map(who).collect();
    let mut about = json!({ "strategy": wanted.strategy, "members": members });
    if let Some(lead) = &wanted.lead {
        about = with(about, json!({ "lead": who(lead) }));
    }
    metadata.insert("orchestration".to_owned(), about);
    if let Some(budget) = &wanted.budget {
        metadata.insert("dirigent".to_owned(), json!({ "budget": budget }));
    }
    let mut head = json!({
        "dsl": "1.0.3",
        "namespace": NAMESPACE,
        "name": name,
        "version": format!("{number}.0.0"),
        "metadata": metadata,
    });
    if !wanted.description.is_empty() {
        head = with(head, json!({ "summary": wanted.description }));
    }
    head
}

/// Who a member is, for those who watch.
fn who(member: &Member) -> Value {
    let mut who = json!({ "name": member.called() });
    for (word, given) in [
        ("agent", &member.agent),
        ("workflow", &member.workflow),
        ("capability", &member.capability),
    ] {
        if let Some(given) = given {
            who = with(who, json!({ word: given }));
        }
    }
    who
}
