//! `parallel`: all side by side on the same matter; a lead may join what they came to.

use dirigent_protocol::entity::Orchestration;
use serde_json::{Value, json};

use super::parts::{expr, keep, matter, named, together, with, work_of};
use super::strategy::{Lead, PLAIN, Reads, Strategy, nothing};

pub(super) const ROW: Strategy = Strategy {
    name: "parallel",
    about: "all side by side on the same matter; a lead may make one answer of theirs",
    reads: Reads {
        lead: Lead::Maybe,
        ..PLAIN
    },
    own: &["together"],
    tasks,
    wrong: nothing,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let all = with(
        together(&wanted.members, &matter()),
        json!({ "export": { "as": "$context + { previous: $output, results: $output }" } }),
    );
    let mut tasks = vec![named("together", all)];
    if let Some(lead) = &wanted.lead {
        let given = json!({ "matter": matter(), "results": expr("$context.results") });
        let work = with(work_of(lead, given), json!({ "export": { "as": keep(lead) } }));
        tasks.push(named(lead.called(), work));
    }
    tasks
}
