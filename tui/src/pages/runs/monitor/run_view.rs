//! The picture of a run: what its events say of steps, effects and the run itself.
//! Owns plain data and look-ups; `fold` fills it. Asks no clock and draws nothing.
//! Invariant: everything in it is bounded by the document, but for loops, whose lines are capped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{Data, EffectId, Status, StepId, TimerId, TimerPurpose, Usage, WorkflowError};
use jiff::Timestamp;

use super::event_line::EventLine;
use super::step_run::{EffectRun, StepRun};
use crate::widgets::step_state::StepState;

/// Most lines of events kept; behind that the oldest go.
pub(super) const MAX_LINES: usize = 20_000;

/// A run, as folded so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RunView {
    /// Number of the last event.
    pub seq: u64,
    /// Name of the workflow.
    pub workflow: String,
    /// Its pinned version.
    pub version: Option<Digest>,
    /// Where it stands.
    pub status: Status,
    /// Time of its first event.
    pub began: Option<Timestamp>,
    /// Milliseconds from its start to its end.
    pub ended: Option<u64>,
    /// What it was given.
    pub input: Option<Payload>,
    /// What came out.
    pub output: Option<Data>,
    /// Why it faulted.
    pub error: Option<WorkflowError>,
    /// Who asked to cancel it.
    pub cancelling: Option<String>,
    /// What was done is being undone.
    pub undoing: bool,
    /// Steps that undo others, with those.
    pub undo: BTreeMap<StepId, StepId>,
    /// What its model calls took.
    pub usage: Usage,
    /// Its steps.
    pub steps: BTreeMap<StepId, StepRun>,
    /// Its steps in the order they began.
    pub order: Vec<StepId>,
    /// The youngest instance at each place of the document.
    pub latest: BTreeMap<Arc<str>, StepId>,
    /// Its effects.
    pub effects: BTreeMap<EffectId, EffectRun>,
    /// Its events in words, the newest last.
    pub lines: VecDeque<EventLine>,
    /// Timers that were set and have not fired.
    pub(super) timers: BTreeMap<TimerId, (StepId, TimerPurpose)>,
    /// It is a dry run: nothing of it happened, and nothing is kept.
    pub(super) simulated: bool,
}

impl RunView {
    /// Milliseconds from the run's first event to `time`.
    #[must_use]
    pub(super) fn since(&self, time: Timestamp) -> u64 {
        let began = self.began.unwrap_or(time);
        u64::try_from(time.as_millisecond() - began.as_millisecond()).unwrap_or(0)
    }

    /// Milliseconds from its start to `now`, or to its end.
    #[must_use]
    pub(super) fn elapsed(&self, now: Timestamp) -> u64 {
        self.ended.unwrap_or_else(|| self.since(now))
    }

    /// A value of the journal.
    #[must_use]
    pub(super) fn value<'a>(&'a self, data: &'a Data) -> Option<&'a serde_json::Value> {
        let mut data = data;
        for _ in 0..64 {
            data = match data {
                Data::Inline(value) => return Some(value),
                Data::WorkflowInput => return self.input.as_deref(),
                // Which round it is of is not said here: see `item`.
                Data::Item => return None,
                Data::OutputOf(step) => self.steps.get(step)?.output.as_ref()?,
                Data::InputOf(step) => self.steps.get(step)?.input.as_ref()?,
            };
        }
        None
    }

    /// The item of the round that a step belongs to, which round it is (from 0) and of how many: of a loop its own, of
    /// a step inside one that of the innermost.
    #[must_use]
    pub(super) fn item(&self, id: &StepId) -> Option<(&serde_json::Value, u32, usize)> {
        let own = self.steps.get(id).filter(|step| step.collection.is_some());
        if let Some(step) = own {
            return item_at(step, step.round?);
        }
        let (round, around) = id.iterations.split_last()?;
        self.steps
            .iter()
            .filter(|(other, step)| step.collection.is_some() && other.iterations == around)
            .filter(|(other, _)| {
                let inside = id.pointer.strip_prefix(&*other.pointer);
                inside.is_some_and(|rest| rest.starts_with('/'))
            })
            .max_by_key(|(other, _)| other.pointer.len())
            .and_then(|(_, step)| item_at(step, *round))
    }

    /// The first step that waits for a person.
    #[must_use]
    pub(super) fn asking(&self) -> Option<(&StepId, &StepRun)> {
        let waits = |step: &StepRun| matches!(step.state, StepState::Person | StepState::Unknown);
        self.steps.iter().find(|(_, step)| waits(step))
    }

    /// Milliseconds since the youngest thing that is under way began, at `now` from the start.
    #[must_use]
    pub(crate) fn youngest(&self, now: u64) -> u64 {
        let live = self.steps.values().filter(|step| step.state.is_live());
        live.map(|step| step.took(now)).min().unwrap_or(now)
    }

    /// Something in it is under way.
    #[must_use]
    pub(super) fn is_live(&self) -> bool {
        !self.status.is_final()
    }
}

fn item_at(step: &StepRun, round: u32) -> Option<(&serde_json::Value, u32, usize)> {
    let items = step.collection.as_ref()?.as_array()?;
    Some((items.get(round as usize)?, round, items.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn loop_of(items: serde_json::Value) -> StepRun {
        let mut step = StepRun::new(&"each".into(), &"for".into(), 0);
        step.collection = Some(Arc::new(items));
        step.round = Some(1);
        step
    }

    #[test]
    fn a_step_in_a_loop_has_the_item_of_its_round() {
        let mut view = RunView::default();
        let each: StepId = "/do/1/each".parse().unwrap();
        view.steps.insert(each.clone(), loop_of(json!(["a", "b", "c"])));
        assert_eq!(view.item(&each), Some((&json!("b"), 1, 3)));
        let inside: StepId = "/do/1/each/for/do/0/call#2".parse().unwrap();
        assert_eq!(view.item(&inside), Some((&json!("c"), 2, 3)));
        let beside: StepId = "/do/1/eachother/call#2".parse().unwrap();
        assert_eq!(view.item(&beside), None);
    }
}
