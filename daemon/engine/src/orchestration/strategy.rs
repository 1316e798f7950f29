//! What a strategy must be able to do, and the list of them.

use dirigent_protocol::entity::Orchestration;
use serde_json::Value;

use super::{conditional, debate, event_driven, handoff, parallel, sequential, supervisor, vote};

/// Whether a strategy knows somebody who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nobody leads.
    Nobody,
    /// Somebody may.
    Maybe,
    /// Somebody must.
    Must,
}

/// What of an orchestration a strategy reads beside its members; anything else is refused by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reads {
    pub(super) lead: Lead,
    /// `when` of its members.
    pub(super) when: bool,
    /// `on` of its members.
    pub(super) on: bool,
    pub(super) vote: bool,
    /// `limits.rounds`.
    pub(super) rounds: bool,
    /// `limits.depth` and `limits.visits`.
    pub(super) chain: bool,
    /// Least members.
    pub(super) members: usize,
}

/// Reads nothing but one member or more.
pub(super) const PLAIN: Reads = Reads {
    lead: Lead::Nobody,
    when: false,
    on: false,
    vote: false,
    rounds: false,
    chain: false,
    members: 1,
};

/// How members work together.
pub(super) struct Strategy {
    /// As it is written.
    pub(super) name: &'static str,
    /// One line for people.
    pub(super) about: &'static str,
    pub(super) reads: Reads,
    /// Names of tasks it makes beside those of its members.
    pub(super) own: &'static [&'static str],
    /// The tasks between `prepare` and `finish`; the last one gives what the members came to.
    pub(super) tasks: fn(&Orchestration) -> Vec<Value>,
    /// What is wrong in a way particular to it: a place in the orchestration and words.
    pub(super) wrong: fn(&Orchestration) -> Vec<(String, String)>,
}

/// Every strategy, in the order of the manual.
pub(super) const STRATEGIES: &[Strategy] = &[
    sequential::ROW,
    parallel::ROW,
    conditional::ROW,
    event_driven::ROW,
    supervisor::ROW,
    handoff::ROW,
    vote::ROW,
    debate::ROW,
];

/// The strategy of that name.
pub(super) fn named(name: &str) -> Option<&'static Strategy> {
    STRATEGIES.iter().find(|strategy| strategy.name == name)
}

/// Nothing particular.
pub(super) fn nothing(_: &Orchestration) -> Vec<(String, String)> {
    Vec::new()
}

/// A strategy, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyInfo {
    /// As it is written.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Somebody may lead.
    pub led: bool,
}

/// Every strategy.
#[must_use]
pub fn strategies() -> Vec<StrategyInfo> {
    let info = |row: &Strategy| StrategyInfo {
        name: row.name,
        about: row.about,
        led: row.reads.lead != Lead::Nobody,
    };
    STRATEGIES.iter().map(info).collect()
}
