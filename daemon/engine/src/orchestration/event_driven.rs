//! `event_driven`: members wait for events of their types; each event is worked on by whose it is.

use std::collections::BTreeSet;

use dirigent_protocol::entity::Orchestration;
use serde_json::{Value, json};

use super::parts::{expr, keep, matter, named, quoted, with, work_of};
use super::strategy::{PLAIN, Reads, Strategy};

/// Most events where nothing is said.
const EVENTS: u32 = 100;

pub(super) const ROW: Strategy = Strategy {
    name: "event_driven",
    about: "each member works on the events of its type (`on`), one after the other, until `limits.until` or so many",
    reads: Reads {
        on: true,
        rounds: true,
        ..PLAIN
    },
    own: &["events", "choose", "handled", "outcome"],
    tasks,
    wrong,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let (mut filters, mut cases, mut work) = (Vec::new(), Vec::new(), Vec::new());
    let given = json!({ "event": expr("$event.data"), "matter": matter() });
    for member in &wanted.members {
        let (name, on) = (member.called(), member.on.as_deref().unwrap_or_default());
        filters.push(json!({ "with": { "type": on } }));
        let when = format!("$event.type == {}", quoted(on));
        cases.push(named(name, json!({ "when": when, "then": name })));
        let more = json!({ "export": { "as": keep(member) }, "then": "handled" });
        work.push(named(name, with(work_of(member, given.clone()), more)));
    }
    let mut round = vec![named("choose", json!({ "switch": cases }))];
    round.extend(work);
    round.push(named("handled", json!({ "set": expr("$context.previous") })));
    let until = match &wanted.limits.until {
        Some(kind) => json!({ "one": { "with": { "type": kind } } }),
        None => expr(&format!("length >= {}", wanted.limits.rounds.unwrap_or(EVENTS))),
    };
    let events = json!({
        "listen": { "to": { "any": filters, "until": until }, "read": "envelope" },
        "foreach": { "item": "event", "do": round },
    });
    vec![
        named("events", events),
        named("outcome", json!({ "set": expr("$context.results") })),
    ]
}

fn wrong(wanted: &Orchestration) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, member) in wanted.members.iter().enumerate() {
        match member.on.as_deref().filter(|on| !on.is_empty()) {
            None => found.push((
                format!("/members/{at}"),
                "it does not say which events it works on; add `on: TYPE`".to_owned(),
            )),
            Some(on) if !seen.insert(on) => found.push((
                format!("/members/{at}/on"),
                format!("another member works on `{on}` already"),
            )),
            Some(_) => {}
        }
    }
    if wanted.limits.until.is_some() && wanted.limits.rounds.is_some() {
        let words = "`until` and `rounds` both say when it ends; keep one";
        found.push(("/limits/until".to_owned(), words.to_owned()));
    }
    found
}
