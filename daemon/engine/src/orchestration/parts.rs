//! Tasks that strategies are made of.
//!
//! A document of an orchestration keeps in its `$context`: `matter` (what is worked on), `previous` (the newest answer),
//! `results` (the newest answer of each member), and what its strategy adds.

use dirigent_protocol::entity::Member;
use serde_json::{Value, json};

/// A task under its name.
pub(super) fn named(name: &str, body: Value) -> Value {
    json!({ name: body })
}

/// An expression in a value.
pub(super) fn expr(code: &str) -> Value {
    Value::String(format!("${{ {code} }}"))
}

/// A text as it stands in an expression.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Adds members to the body of a task.
pub(super) fn with(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// A member at work: the body of its task. `input` is what it is given where it does not say so itself.
pub(super) fn work_of(member: &Member, input: Value) -> Value {
    let input = member.input.clone().unwrap_or(input);
    if let Some(workflow) = &member.workflow {
        return json!({
            "call": "orchestration",
            "with": { "name": workflow, "version": "latest", "input": input },
        });
    }
    if let Some(agent) = &member.agent {
        return json!({ "call": "agent", "with": { "agent": agent, "input": input } });
    }
    let chosen = json!({
        "call": "agent",
        "with": { "agent": expr(".agent"), "version": expr(".version"), "input": input },
    });
    routed(member, &input, chosen)
}

/// The one who is chosen for a capability at work.
pub(super) fn routed(member: &Member, input: &Value, work: Value) -> Value {
    let capability = member.capability.as_deref().unwrap_or_default();
    json!({ "do": [
        { "route": { "call": "route", "with": { "capability": capability, "input": input } } },
        { "chosen": work },
    ] })
}

/// Keeps a member's answer.
pub(super) fn keep(member: &Member) -> String {
    let name = quoted(member.called());
    format!("$context + {{ previous: $output, results: ($context.results + {{ {name}: $output }}) }}")
}

/// Members side by side, each given the same; their answers by name.
pub(super) fn together(members: &[Member], input: &Value) -> Value {
    let branches: Vec<Value> = members
        .iter()
        .map(|member| named(member.called(), work_of(member, input.clone())))
        .collect();
    let answers: Vec<String> = members
        .iter()
        .enumerate()
        .map(|(at, member)| format!("{}: .[{at}]", quoted(member.called())))
        .collect();
    json!({
        "fork": { "branches": branches },
        "output": { "as": format!("{{ {} }}", answers.join(", ")) },
    })
}

/// What is worked on.
pub(super) fn matter() -> Value {
    expr("$context.matter")
}
