//! `debate`: members argue in rounds, each seeing what all said in the round before; a lead judges.

use dirigent_protocol::entity::Orchestration;
use serde_json::{Value, json};

use super::parts::{expr, keep, named, together, with, work_of};
use super::strategy::{Lead, PLAIN, Reads, Strategy, nothing};

/// Rounds where nothing is said.
const ROUNDS: u32 = 2;

pub(super) const ROW: Strategy = Strategy {
    name: "debate",
    about: "all argue in rounds, seeing what was said in the round before; a lead may judge",
    reads: Reads {
        lead: Lead::Maybe,
        rounds: true,
        members: 2,
        ..PLAIN
    },
    own: &["rounds", "argue", "positions"],
    tasks,
    wrong: nothing,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let rounds: Vec<u32> = (1..=wanted.limits.rounds.unwrap_or(ROUNDS)).collect();
    let given = json!({
        "matter": expr("$context.matter"),
        "positions": expr("$context.results"),
        "round": expr("$round"),
    });
    let argue = with(
        together(&wanted.members, &given),
        json!({ "export": { "as": "$context + { previous: $output, results: $output }" } }),
    );
    let mut tasks = vec![named(
        "rounds",
        json!({ "for": { "each": "round", "in": rounds }, "do": [named("argue", argue)] }),
    )];
    match &wanted.lead {
        Some(lead) => {
            let given = json!({ "matter": expr("$context.matter"), "positions": expr("$context.results") });
            let work = with(work_of(lead, given), json!({ "export": { "as": keep(lead) } }));
            tasks.push(named(lead.called(), work));
        }
        None => tasks.push(named("positions", json!({ "set": expr("$context.results") }))),
    }
    tasks
}
