//! Folding the change to another version: every address in the state becomes that of the other document.
//!
//! Invariant: nothing but addresses, the version and the pins change; a frame keeps its number, so effects keep their
//! keys and timers and approvals their names.

use std::collections::HashMap;
use std::sync::Arc;

use dirigent_protocol::run::{EventBody, Moved, StepId};

use super::frame::{FrameId, Wait};
use super::run::{RunState, bucket};
use super::table::Table;

/// Where tasks stand now.
struct Places<'a>(HashMap<&'a str, Option<&'a Arc<str>>>);

impl Places<'_> {
    /// The step in the other document; none where that has no such task.
    fn of(&self, step: &StepId) -> Option<StepId> {
        match self.0.get(&*step.pointer) {
            None => Some(step.clone()),
            Some(None) => None,
            Some(Some(to)) => Some(StepId::iterated((*to).clone(), step.iterations.clone())),
        }
    }

    /// Changes an address; one whose task is gone stays, for people.
    fn change(&self, step: &mut StepId) {
        if let Some(now) = self.of(step) {
            *step = now;
        }
    }
}

impl RunState {
    pub(super) fn migrated(&mut self, body: &EventBody) {
        let EventBody::WorkflowMigrated { to, moved, pins, .. } = body else {
            return;
        };
        self.version = Some(*to);
        if !pins.agents.is_empty() {
            let known = Arc::make_mut(&mut self.pins);
            for (name, version) in &pins.agents {
                known.agents.entry(name.clone()).or_insert(*version);
            }
        }
        let place = |moved: &'_ Moved| (moved.from.clone(), moved.to.clone());
        let pairs: Vec<(Arc<str>, Option<Arc<str>>)> = moved.iter().map(place).collect();
        let places = Places(pairs.iter().map(|(from, to)| (&**from, to.as_ref())).collect());
        self.move_frames(&places);
        self.move_rest(&places);
    }

    fn move_frames(&mut self, places: &Places<'_>) {
        let ids: Vec<FrameId> = self.frames.iter().map(|(id, _)| id).collect();
        self.by_step = Table::default();
        for id in ids {
            let Some(frame) = self.frame_mut(id) else { continue };
            places.change(&mut frame.step);
            frame.data_of = frame.data_of.take().and_then(|step| places.of(&step));
            if let Wait::Yield { next, .. } = &mut frame.wait {
                places.change(next);
            }
            let key = bucket(&frame.step.pointer, &frame.step.iterations);
            match self.by_step.get_mut(key) {
                Some(frames) => frames.push(id),
                None => drop(self.by_step.insert(key, vec![id])),
            }
        }
    }

    fn move_rest(&mut self, places: &Places<'_>) {
        let effects: Vec<u64> = self.effects.iter().map(|(id, _)| id).collect();
        for id in effects {
            if let Some(effect) = self.effects.get_mut(id) {
                places.change(&mut Arc::make_mut(effect).step);
            }
        }
        let approvals: Vec<u64> = self.approvals.iter().map(|(id, _)| id).collect();
        for id in approvals {
            if let Some(approval) = self.approvals.get_mut(id) {
                places.change(&mut Arc::make_mut(approval).step);
            }
        }
        for undo in &mut self.undo {
            places.change(&mut undo.step);
        }
        for doubt in &mut self.doubts {
            places.change(&mut doubt.step);
        }
    }
}
