//! The document around a strategy's tasks: what is prepared, the matter, the work, what is finished.

use dirigent_protocol::entity::{Member, Orchestration, OrchestrationSchedule};
use serde_json::{Map, Value, json};

use super::parts::{named, with};
use super::strategy::named as strategy;

/// Where documents of orchestrations stand.
pub const NAMESPACE: &str = "orchestrations";
/// What of a schedule the standard has no word for.
const OURS: [&str; 4] = ["timezone", "missed", "overlap", "input"];

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
    if let Some((when, _)) = wanted.schedule.as_ref().map(schedule) {
        document = with(document, json!({ "schedule": when }));
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
    let mut own = json!({});
    if let Some(budget) = &wanted.budget {
        own = with(own, json!({ "budget": budget }));
    }
    if let Some((_, rules)) = wanted.schedule.as_ref().map(schedule) {
        own = with(own, json!({ "schedule": rules }));
    }
    if own != json!({}) {
        metadata.insert("dirigent".to_owned(), own);
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

/// What of a schedule is the standard's, and what is ours.
fn schedule(wanted: &OrchestrationSchedule) -> (Value, Value) {
    let (mut when, mut rules) = (json!({}), json!({}));
    let all = serde_json::to_value(wanted).unwrap_or_default();
    for (name, value) in all.as_object().into_iter().flatten() {
        if OURS.contains(&name.as_str()) {
            rules = with(rules, json!({ name: value }));
        } else {
            when = with(when, json!({ name: value }));
        }
    }
    (when, rules)
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
