//! `sequential`: one after the other, each given what the one before it came to.

use dirigent_protocol::entity::Orchestration;
use serde_json::{Value, json};

use super::parts::{expr, keep, named, with, work_of};
use super::strategy::{PLAIN, Reads, Strategy, nothing};

pub(super) const ROW: Strategy = Strategy {
    name: "sequential",
    about: "one after the other: each is given what the one before it came to; `when` leaves one out",
    reads: Reads { when: true, ..PLAIN },
    own: &[],
    tasks,
    wrong: nothing,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let each = wanted.members.iter().map(|member| {
        let mut work = work_of(member, expr("$context.previous"));
        if let Some(when) = &member.when {
            work = with(work, json!({ "if": when }));
        }
        named(
            member.called(),
            with(work, json!({ "export": { "as": keep(member) } })),
        )
    });
    each.collect()
}
