//! Folding the take-over of another run's state.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    Account, Data, EventBody, Lineage, RunEvent, Status, StepId, TimerPurpose, Usage,
};

use super::frame::FrameId;
use super::run::RunState;
use super::table::Table;

impl RunState {
    /// The state is the other run's as it was at the event; it is this run's from here on.
    pub(super) fn forked(&mut self, event: &RunEvent) {
        let EventBody::WorkflowForked {
            how,
            input,
            shaped,
            restart,
            at,
            ..
        } = &event.body
        else {
            return;
        };
        self.effects = Table::default();
        self.approvals = Table::default();
        self.drop_limits();
        self.take_out(restart);
        if *how == Lineage::Forked {
            // What was done before is the other run's to undo: it may be cancelled too, or have been.
            self.undo.clear();
        }
        self.inherited = if self.undo.is_empty() { 0 } else { *at };
        if let Data::Inline(input) = input {
            let shaped = match shaped {
                Some(Data::Inline(shaped)) => shaped,
                _ => input,
            };
            self.change_input(input, shaped);
        }
        self.status = Status::Running;
        self.suspended = false;
        self.cancelling = false;
        self.usage = Usage::default();
        // What the other run took is on its own bill.
        self.account = Account::default();
        self.agents.clear();
        self.doubts.clear();
        self.started_at = Some(event.time);
    }

    /// Limits count anew.
    fn drop_limits(&mut self) {
        let limits: Vec<u64> = self
            .timers
            .iter()
            .filter(|(_, timer)| {
                !matches!(
                    timer.purpose,
                    TimerPurpose::Wait | TimerPurpose::Retry | TimerPurpose::Yield
                )
            })
            .map(|(id, _)| id)
            .collect();
        for id in limits {
            self.timers.remove(id);
        }
        for id in self.frame_ids() {
            if let Some(frame) = self.frame_mut(id) {
                frame.timeout = None;
                frame.attempt_limit = None;
                frame.account = None;
                // Branches without a frame begin again, those that were skipped among them.
                if frame.parallel {
                    frame.transitions = 0;
                }
            }
        }
    }

    fn take_out(&mut self, steps: &[StepId]) {
        for step in steps {
            if let Some(id) = self.frame_of(step) {
                self.forget_handoff(id);
                self.remove_frame(id);
            }
        }
    }

    /// Where the old input was handed on as it was, the new one is now.
    fn change_input(&mut self, input: &Payload, shaped: &Payload) {
        let old_input = std::mem::replace(&mut self.input, input.clone());
        let Some(old_shaped) = self.frame(self.root).map(|root| root.input.clone()) else {
            return;
        };
        let (root, fresh) = (self.root, |value: &Payload| {
            if Arc::ptr_eq(value, &old_shaped) {
                Some(shaped.clone())
            } else {
                Arc::ptr_eq(value, &old_input).then(|| input.clone())
            }
        });
        for id in self.frame_ids() {
            let Some(frame) = self.frame_mut(id) else { continue };
            for value in [&mut frame.raw_input, &mut frame.input, &mut frame.data] {
                if let Some(new) = fresh(value) {
                    *value = new;
                }
            }
            if id == root {
                frame.raw_input = input.clone();
            }
        }
    }

    fn frame_ids(&self) -> Vec<FrameId> {
        self.frames.iter().map(|(id, _)| id).collect()
    }
}
