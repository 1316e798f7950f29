//! An event on its way to the tasks that listen.
//!
//! Invariant: a listener takes an event once: whatever does not stand behind the newest one it took was seen already.

use dirigent_protocol::Payload;
use dirigent_protocol::run::BusPosition;

use super::model::{Incoming, Me, Stop, Turn, Work};
use crate::state::FrameId;

impl Turn<'_, '_> {
    /// Offers an event to task instances that listen; those that take it go on.
    pub(crate) fn received(&mut self, at: BusPosition, event: &Payload, listens: &[FrameId]) {
        if self.state.status.is_final() || self.state.cancelling {
            return;
        }
        let mut taken = Vec::new();
        for frame in listens.iter().copied() {
            match self.offer(frame, &Incoming { at, event }) {
                Ok(true) => taken.push(Work::Use { frame }),
                Ok(false) | Err(Stop::Ask) => {}
                Err(Stop::Fault(error)) => taken.push(Work::After {
                    frame,
                    outcome: Err(Stop::Fault(error)),
                }),
            }
        }
        self.work.extend(taken.into_iter().rev());
    }

    fn offer(&mut self, frame: FrameId, event: &Incoming<'_>) -> Result<bool, Stop> {
        let workflow = self.workflow;
        let Some(own) = self.state.frame(frame) else {
            return Ok(false);
        };
        let Some(listening) = &own.listening else {
            return Ok(false);
        };
        if listening.closed || listening.last.is_some_and(|last| event.at <= last) {
            return Ok(false);
        }
        let Some(index) = workflow.task_at(&own.step.pointer) else {
            return Ok(false);
        };
        let task = workflow.task(index);
        task.body.received(self, Me { frame, task }, event)
    }
}
