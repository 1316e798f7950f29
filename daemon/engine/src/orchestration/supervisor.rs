//! `supervisor`: a lead says who works on what next, reads their reports, and says when it is done.
//!
//! The lead answers `{ next, task, answer }`: the name of a member and its task, or no name and the answer.

use dirigent_protocol::entity::{Member, Orchestration};
use serde_json::{Value, json};

use super::parts::{expr, named, quoted, with, work_of};
use super::strategy::{Lead, PLAIN, Reads, Strategy, nothing};

/// Most rounds where nothing is said.
const ROUNDS: u32 = 8;

pub(super) const ROW: Strategy = Strategy {
    name: "supervisor",
    about: "a lead names who works on what next (`next`, `task`) until it gives the `answer`",
    reads: Reads {
        lead: Lead::Must,
        rounds: true,
        ..PLAIN
    },
    own: &["choose", "stranger", "tired", "answer"],
    tasks,
    wrong: nothing,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let Some(lead) = &wanted.lead else {
        return Vec::new();
    };
    let rounds = wanted.limits.rounds.unwrap_or(ROUNDS);
    let team: Vec<Value> = wanted
        .members
        .iter()
        .map(|member| json!({ "name": member.called(), "role": member.role }))
        .collect();
    let given = json!({
        "matter": expr("$context.matter"),
        "team": team,
        "reports": expr("$context.reports // []"),
        "round": expr("($context.round // 0) + 1"),
        "rounds": rounds,
    });
    let lead_work = with(
        work_of(lead, given),
        json!({ "export": { "as":
            "$context + { round: (($context.round // 0) + 1), said: $output, next: (if ($output | type) == \"object\" then ($output.next // \"\") else \"\" end) }" } }),
    );
    let mut cases = vec![
        named(
            "done",
            json!({ "when": "$context.next == \"\"", "then": "answer" }),
        ),
        named(
            "tired",
            json!({ "when": format!("$context.round > {rounds}"), "then": "tired" }),
        ),
    ];
    let mut work = Vec::new();
    for member in &wanted.members {
        let name = member.called();
        let when = format!("$context.next == {}", quoted(name));
        cases.push(named(name, json!({ "when": when, "then": name })));
        let task = json!({ "task": expr("$context.said.task"), "matter": expr("$context.matter") });
        let report = format!(
            "$context + {{ previous: $output, results: ($context.results + {{ {name}: $output }}), \
             reports: (($context.reports // []) + [{{ member: {name}, task: $context.said.task, answer: $output }}]) }}",
            name = quoted(name)
        );
        let more = json!({ "export": { "as": report }, "then": lead.called() });
        work.push(named(name, with(work_of(member, task), more)));
    }
    cases.push(named("stranger", json!({ "then": "stranger" })));
    let mut tasks = vec![
        named(lead.called(), lead_work),
        named("choose", json!({ "switch": cases })),
    ];
    tasks.extend(work);
    tasks.push(named("stranger", stranger(wanted, lead.called())));
    tasks.push(named("tired", ended("rounds", lead.called())));
    tasks.push(named("answer", ended("", lead.called())));
    tasks
}

/// The lead is told that nobody is called so, and asked again; it counts as a round.
fn stranger(wanted: &Orchestration, lead: &str) -> Value {
    let names: Vec<&str> = wanted.members.iter().map(Member::called).collect();
    let told = format!("there is nobody of that name; there are: {}", names.join(", "));
    let report = format!(
        "$context + {{ reports: (($context.reports // []) + [{{ member: $context.next, task: $context.said.task, error: {} }}]) }}",
        quoted(&told)
    );
    json!({ "set": expr("$context.matter"), "export": { "as": report }, "then": lead })
}

/// What it came to; `stopped` names the limit where one ended it.
fn ended(stopped: &str, lead: &str) -> Value {
    let mut value = json!({
        "answer": expr("if ($context.said | type) == \"object\" then $context.said.answer else $context.said end"),
        "by": lead,
        "rounds": expr("$context.round"),
        "reports": expr("$context.reports // []"),
    });
    if !stopped.is_empty() {
        value = with(value, json!({ "stopped": stopped }));
    }
    json!({ "set": value, "then": "exit" })
}
