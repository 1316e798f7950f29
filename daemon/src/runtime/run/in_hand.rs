//! Which steps of a run agents have in hand: from their first request to the end of the step, between turns, while a
//! limit is waited out and while a person is asked.

use std::collections::BTreeMap;

use dirigent_engine::state::RunState;
use dirigent_protocol::run::{EffectRequest, EventBody, RunEvent, StepId};

use crate::runtime::routing::InHand;

/// Steps that agents have in hand, each with its agent.
pub(crate) type Steps = BTreeMap<StepId, String>;

/// From a state as it was loaded.
pub(crate) fn loaded(state: &RunState) -> Steps {
    let asked = state.effects().filter_map(|effect| match &effect.request {
        EffectRequest::Agent(call) => Some((effect.step.clone(), call.agent.clone())),
        _ => None,
    });
    let talking = state.frames().filter_map(|(_, frame)| {
        let conversation = frame.conversation.as_ref()?;
        Some((frame.step.clone(), conversation.call.agent.clone()))
    });
    talking.chain(asked).collect()
}

/// After these events; none where they change nothing.
pub(crate) fn after(steps: &Steps, events: &[RunEvent]) -> Option<Steps> {
    let begins = events.iter().any(|event| asked(&event.body).is_some());
    if steps.is_empty() && !begins {
        return None;
    }
    let mut next = steps.clone();
    for event in events {
        if let Some((step, agent)) = asked(&event.body) {
            next.insert(step.clone(), agent.to_owned());
            continue;
        }
        match &event.body {
            EventBody::TaskCompleted { step, .. }
            | EventBody::TaskFaulted { step, .. }
            | EventBody::TaskCancelled { step, .. } => drop(next.remove(step)),
            EventBody::WorkflowCompleted { .. }
            | EventBody::WorkflowFaulted { .. }
            | EventBody::WorkflowCancelled { .. } => next.clear(),
            _ => {}
        }
    }
    (next != *steps).then_some(next)
}

fn asked(body: &EventBody) -> Option<(&StepId, &str)> {
    match body {
        EventBody::EffectQueued {
            step,
            request: EffectRequest::Agent(call),
            ..
        }
        | EventBody::EffectHeld {
            step,
            request: Some(EffectRequest::Agent(call)),
            ..
        }
        | EventBody::EffectIntended {
            step,
            request: Some(EffectRequest::Agent(call)),
            ..
        } => Some((step, &call.agent)),
        _ => None,
    }
}

/// How many steps each agent has in hand.
pub(crate) fn counted(steps: &Steps) -> InHand {
    let mut all = InHand::new();
    for agent in steps.values() {
        *all.entry(agent.clone()).or_default() += 1;
    }
    all
}
