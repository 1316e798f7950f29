//! A run that goes on under another version: its steps stand where that version has them, its past among them.
//!
//! Steps whose tasks are gone keep the place they had: what they did stays to be seen.

use std::sync::Arc;

use dirigent_protocol::run::{Data, Moved, StepId};

use super::run_view::RunView;

impl RunView {
    /// Changes every address.
    pub(super) fn move_steps(&mut self, moved: &[Moved]) {
        let place = |step: &StepId| -> StepId {
            let found = moved.iter().find(|moved| moved.from == step.pointer);
            match found.and_then(|moved| moved.to.clone()) {
                Some(to) => StepId::iterated(to, step.iterations.clone()),
                None => step.clone(),
            }
        };
        let value = |data: &mut Option<Data>| {
            if let Some(Data::OutputOf(step) | Data::InputOf(step)) = data {
                *step = place(step);
            }
        };
        let steps = std::mem::take(&mut self.steps);
        self.steps = steps
            .into_iter()
            .map(|(id, mut step)| {
                value(&mut step.input);
                value(&mut step.output);
                (place(&id), step)
            })
            .collect();
        for id in &mut self.order {
            *id = place(id);
        }
        let latest = std::mem::take(&mut self.latest);
        for id in latest.into_values() {
            let now = place(&id);
            self.latest.insert(Arc::clone(&now.pointer), now);
        }
        for effect in self.effects.values_mut() {
            effect.step = place(&effect.step);
        }
        for (step, _) in self.timers.values_mut() {
            *step = place(step);
        }
        value(&mut self.output);
    }
}
