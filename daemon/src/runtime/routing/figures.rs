//! How much agents have in hand now: steps of theirs that began and did not end, of every run that is not over.
//!
//! Kept by the runs' own commits and in their rows, so a run that waits for a person is counted as well, also behind a
//! restart. What agents did before is not here: it is in the rows of what they took.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dirigent_protocol::id::RunId;

/// Agents by name, each with how many steps of a run it has in hand.
pub(crate) type InHand = BTreeMap<String, u32>;

#[derive(Debug, Default)]
struct Known {
    by_run: HashMap<RunId, InHand>,
    load: HashMap<String, u32>,
}

/// What all agents have in hand.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Known>);

impl Figures {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a run stands now; nothing in hand where it is over.
    pub(crate) fn set(&self, run: RunId, now: InHand) {
        let mut known = self.lock();
        if now.is_empty() && !known.by_run.contains_key(&run) {
            return;
        }
        let before = known.by_run.remove(&run).unwrap_or_default();
        for (agent, many) in before {
            if let Some(load) = known.load.get_mut(&agent) {
                *load = load.saturating_sub(many);
                if *load == 0 {
                    known.load.remove(&agent);
                }
            }
        }
        if now.is_empty() {
            return;
        }
        for (agent, many) in &now {
            *known.load.entry(agent.clone()).or_default() += many;
        }
        known.by_run.insert(run, now);
    }

    /// Steps that an agent has in hand.
    pub(super) fn load(&self, agent: &str) -> u32 {
        self.lock().load.get(agent).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_sum_of_what_runs_have_in_hand() {
        let figures = Figures::default();
        let (one, other) = (RunId(uuid::Uuid::from_u128(1)), RunId(uuid::Uuid::from_u128(2)));
        figures.set(one, [("a".to_owned(), 2)].into());
        figures.set(other, [("a".to_owned(), 1), ("b".to_owned(), 1)].into());
        assert_eq!(
            (figures.load("a"), figures.load("b"), figures.load("c")),
            (3, 1, 0)
        );
        figures.set(one, InHand::new());
        figures.set(other, [("b".to_owned(), 2)].into());
        assert_eq!((figures.load("a"), figures.load("b")), (0, 2));
    }
}
