//! Agents held against what was recorded of them: prompts, schemas, models, each for the steps that call it.

use std::collections::{BTreeMap, BTreeSet};

use dirigent_protocol::entity::Agent;
use dirigent_protocol::recording::{Difference, Recording, differences};
use dirigent_protocol::run::EffectRequest;

/// What differs of every agent that a step of the recording called.
pub(super) fn compare(recording: &Recording, drafts: &BTreeMap<String, Agent>) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    for effect in recording.effects() {
        let EffectRequest::Agent(call) = &effect.request else {
            continue;
        };
        let (Some(recorded), Some(now)) = (recording.agents.get(&call.agent), drafts.get(&call.agent)) else {
            continue;
        };
        if !told.insert((effect.step.pointer.clone(), call.agent.clone())) {
            continue;
        }
        let json = |agent: &Agent| serde_json::to_value(agent).unwrap_or_default();
        let field = format!("agent {}", call.agent);
        found.extend(differences(
            Some(&effect.step),
            &field,
            &json(&recorded.definition),
            &json(now),
        ));
    }
    found
}
