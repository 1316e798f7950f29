//! `conditional`: the first member whose condition holds works; nobody else does.

use dirigent_protocol::entity::Orchestration;
use serde_json::{Value, json};

use super::parts::{keep, matter, named, with, work_of};
use super::strategy::{PLAIN, Reads, Strategy};

pub(super) const ROW: Strategy = Strategy {
    name: "conditional",
    about: "the first member whose `when` holds of the matter works; one without `when` takes the rest",
    reads: Reads { when: true, ..PLAIN },
    own: &["choose", "nobody"],
    tasks,
    wrong,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let mut cases: Vec<Value> = Vec::new();
    let mut work: Vec<Value> = Vec::new();
    for member in &wanted.members {
        let name = member.called();
        let case = match &member.when {
            Some(when) => json!({ "when": when, "then": name }),
            None => json!({ "then": name }),
        };
        cases.push(named(name, case));
        let more = json!({ "export": { "as": keep(member) }, "then": "exit" });
        work.push(named(name, with(work_of(member, matter()), more)));
    }
    if wanted.members.iter().all(|member| member.when.is_some()) {
        cases.push(named("otherwise", json!({ "then": "nobody" })));
        work.push(named(
            "nobody",
            json!({ "raise": { "error": {
                "type": "https://open-workflow-specification.org/spec/1.0.0/errors/configuration",
                "status": 404,
                "title": "No member's condition holds",
                "detail": "add a member without `when` for what is left",
            } } }),
        ));
    }
    let mut tasks = vec![named("choose", json!({ "switch": cases }))];
    tasks.extend(work);
    tasks
}

fn wrong(wanted: &Orchestration) -> Vec<(String, String)> {
    let last = wanted.members.len().saturating_sub(1);
    let open = wanted.members.iter().position(|member| member.when.is_none());
    match open {
        Some(at) if at < last => {
            let words =
                "it takes everything, so nobody behind it ever works; move it to the end or give it `when`";
            vec![(format!("/members/{at}"), words.to_owned())]
        }
        _ => Vec::new(),
    }
}
