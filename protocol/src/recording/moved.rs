//! A recording held against a document in which tasks stand elsewhere: the same steps at their new places.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::shape::{Recording, What};
use crate::run::{ApprovalRequest, Consequence, Moved, StepId, WorkflowError};

impl Recording {
    /// The same recording with the addresses of the other document; a task that is gone there keeps its own.
    #[must_use]
    pub fn moved(mut self, moved: &[Moved]) -> Self {
        let places = Places::of(moved);
        for moment in &mut self.boundary {
            places.moment(&mut moment.what);
        }
        for taken in &mut self.expect.steps {
            places.step(&mut taken.step);
        }
        for asked in &mut self.expect.asked {
            places.step(&mut asked.step);
            places.question(&mut asked.request);
        }
        if let Some(error) = &mut self.expect.error {
            places.error(error);
        }
        self
    }
}

/// Where tasks stand in another document.
pub(super) struct Places<'a>(HashMap<&'a str, &'a Arc<str>>);

impl<'a> Places<'a> {
    pub(super) fn of(moved: &'a [Moved]) -> Self {
        let known = moved
            .iter()
            .filter_map(|moved| Some((&*moved.from, moved.to.as_ref()?)));
        Self(known.collect())
    }

    /// The step there.
    pub(super) fn now(&self, mut step: StepId) -> StepId {
        self.step(&mut step);
        step
    }

    /// The same by the steps there.
    pub(super) fn keys<T>(&self, by_step: BTreeMap<StepId, T>) -> BTreeMap<StepId, T> {
        let moved = by_step.into_iter().map(|(step, value)| (self.now(step), value));
        moved.collect()
    }

    pub(super) fn step(&self, step: &mut StepId) {
        if let Some(to) = self.0.get(&*step.pointer) {
            step.pointer = (*to).clone();
        }
    }

    fn moment(&self, what: &mut What) {
        match what {
            What::Effect(effect) => self.step(&mut effect.step),
            What::Timer { step, .. }
            | What::Decision { step, .. }
            | What::Amendment { step, .. }
            | What::Delegation { step, .. }
            | What::Event { step, .. }
            | What::Resolution { step, .. } => self.step(step),
            What::Cancel { .. }
            | What::Pause { .. }
            | What::Resume { .. }
            | What::Restart {}
            | What::Fork { .. }
            | What::Migrate { .. }
            | What::Undo { .. } => {}
        }
    }

    fn question(&self, request: &mut ApprovalRequest) {
        for consequence in [&mut request.on_deny, &mut request.on_expire] {
            if let Consequence::Caught { by, .. } = consequence
                && let Some(to) = self.0.get(by.as_str())
            {
                *by = to.to_string();
            }
        }
    }

    fn error(&self, error: &mut WorkflowError) {
        if let Some(step) = &mut error.instance {
            self.step(step);
        }
    }
}
