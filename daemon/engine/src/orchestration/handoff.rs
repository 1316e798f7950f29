//! `handoff`: the first member begins; whoever has the matter answers, or hands it to another by name with a reason.
//!
//! A member answers `{ handoff, reason, answer }`. Each handoff is journaled with both names, its reason and its limits;
//! a chain that is too deep, or that comes back too often, is refused by the engine, which names it.

use dirigent_protocol::entity::{Member, Orchestration};
use serde_json::{Value, json};

use super::parts::{expr, named, quoted, routed, with, work_of};
use super::strategy::{PLAIN, Reads, Strategy};

pub(super) const ROW: Strategy = Strategy {
    name: "handoff",
    about: "the first member begins; whoever has the matter answers, or hands it over (`handoff`, `reason`)",
    reads: Reads {
        chain: true,
        members: 2,
        ..PLAIN
    },
    own: &["choose", "stranger", "answer"],
    tasks,
    wrong,
};

const SAID: &str = "said: $output, previous: $output, to: (if ($output | type) == \"object\" then ($output.handoff // \"\") else \"\" end)";

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let Some(first) = wanted.members.first() else {
        return Vec::new();
    };
    let given = json!({ "matter": expr("$context.matter"), "from": null, "reason": null });
    let begin = with(
        work_of(first, given),
        json!({ "export": { "as": format!("$context + {{ at: {}, trail: [], {SAID} }}", quoted(first.called())) } }),
    );
    let mut cases = vec![named(
        "done",
        json!({ "when": "$context.to == \"\"", "then": "answer" }),
    )];
    let mut work = Vec::new();
    for member in &wanted.members {
        let name = member.called();
        let target = format!("to-{name}");
        let when = format!("$context.to == {}", quoted(name));
        cases.push(named(name, json!({ "when": when, "then": target })));
        let kept = format!(
            "$context + {{ at: {to}, trail: ($context.trail + [{{ from: $context.at, to: {to}, reason: $context.said.reason }}]), {SAID} }}",
            to = quoted(name)
        );
        let more = json!({ "export": { "as": kept }, "then": "choose" });
        work.push(named(&target, with(handed(member, wanted), more)));
    }
    cases.push(named("stranger", json!({ "then": "stranger" })));
    let mut tasks = vec![
        named(first.called(), begin),
        named("choose", json!({ "switch": cases })),
    ];
    tasks.extend(work);
    tasks.push(named("stranger", stranger(wanted)));
    tasks.push(named("answer", answer()));
    tasks
}

/// The matter in the hands of a member.
fn handed(member: &Member, wanted: &Orchestration) -> Value {
    let given = json!({
        "matter": expr("$context.matter"),
        "from": expr("$context.at"),
        "reason": expr("$context.said.reason"),
    });
    let input = member.input.clone().unwrap_or(given);
    let to = match &member.agent {
        Some(agent) => json!({ "agent": agent }),
        None => json!({ "agent": expr(".agent"), "version": expr(".version") }),
    };
    let mut call = with(
        to,
        json!({
            "from": expr("$context.at"),
            "to": member.called(),
            "reason": expr("$context.said.reason // \"\""),
            "input": input,
        }),
    );
    if let Some(depth) = wanted.limits.depth {
        call = with(call, json!({ "depth": depth }));
    }
    if let Some(visits) = wanted.limits.visits {
        call = with(call, json!({ "visits": visits }));
    }
    let call = json!({ "call": "handoff", "with": call });
    if member.agent.is_some() {
        return call;
    }
    routed(member, &input, call)
}

fn stranger(wanted: &Orchestration) -> Value {
    let names: Vec<&str> = wanted.members.iter().map(Member::called).collect();
    let detail = format!(
        "\"\\($context.at) hands over to `\\($context.to)`; there are: \" + {}",
        quoted(&names.join(", "))
    );
    json!({ "raise": { "error": {
        "type": "https://open-workflow-specification.org/spec/1.0.0/errors/validation",
        "status": 404,
        "title": "Nobody of that name can take it over",
        "detail": expr(&detail),
    } } })
}

fn answer() -> Value {
    let said = "if ($context.said | type) == \"object\" and ($context.said | has(\"answer\")) then $context.said.answer else $context.said end";
    json!({ "set": { "answer": expr(said), "by": expr("$context.at"), "handoffs": expr("$context.trail") } })
}

fn wrong(wanted: &Orchestration) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, member) in wanted.members.iter().enumerate() {
        if member.workflow.is_some() {
            let words = "the matter is handed to agents; a workflow cannot hand it on";
            found.push((format!("/members/{at}/workflow"), words.to_owned()));
        }
    }
    found
}
