//! What is known of agents from their calls since the daemon started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::run::EffectOutcome;

/// Agents that are counted at most; what is beyond is not told apart from new.
const MOST: usize = 10_000;

/// Figures of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Figure {
    pub(super) in_hand: u32,
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) micro_usd: u64,
}

/// Figures of all agents.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<HashMap<String, Figure>>);

/// A call in hand; it is in hand no more when this is dropped.
pub(crate) struct InHand {
    figures: Arc<Figures>,
    agent: String,
}

impl Figures {
    /// A call of an agent begins.
    pub(crate) fn begins(self: &Arc<Self>, agent: &str) -> InHand {
        self.change(agent, |figure| figure.in_hand += 1);
        InHand {
            figures: self.clone(),
            agent: agent.to_owned(),
        }
    }

    pub(super) fn of(&self, agent: &str) -> Figure {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(agent).copied().unwrap_or_default()
    }

    fn change(&self, agent: &str, change: impl FnOnce(&mut Figure)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figure) = known.get_mut(agent) {
            change(figure);
        } else if known.len() < MOST {
            change(known.entry(agent.to_owned()).or_default());
        }
    }
}

impl InHand {
    /// How it ended. What nobody knows, or nobody wanted any more, says nothing of the agent.
    pub(crate) fn ended(&self, outcome: &EffectOutcome) {
        let (failed, usage) = match outcome {
            EffectOutcome::Done { usage, .. } | EffectOutcome::Turn { usage, .. } => (false, usage),
            EffectOutcome::Failed { usage, .. } => (true, usage),
            EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled | EffectOutcome::Asks { .. } => return,
        };
        self.figures.change(&self.agent, |figure| {
            figure.calls += 1;
            figure.failures += u64::from(failed);
            figure.micro_usd += usage.cost_micro_usd;
        });
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.figures.change(&self.agent, |figure| {
            figure.in_hand = figure.in_hand.saturating_sub(1)
        });
    }
}
