//! Reads a run's journal to find from where it can go on: where it failed, where a step began, where it stopped.
//!
//! Interprets nothing and changes nothing; one pass, a page in memory at a time.

use dirigent_protocol::run::{EffectOutcome, EventBody, RunEvent, Status, StepId};
use dirigent_store::{Budget, Store};

use crate::records::Journal;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::unread;

/// What there is to go on from.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Number of the newest event.
    pub(crate) last: u64,
    /// The last event from which a run can go on: before the failure, the cancel or the end.
    pub(crate) limit: u64,
    /// How it ended; none where it has not.
    pub(crate) ended: Option<Status>,
    /// The step that failed, where one did.
    pub(crate) failed: Option<StepId>,
    /// Its cancel undid something that it had done.
    pub(crate) undone: bool,
    /// The event before the step that was asked for began the last time.
    pub(crate) before_step: Option<u64>,
    /// The first event of the failing that goes on right now.
    falling: Option<u64>,
    cancelling: bool,
}

impl Survey {
    /// Reads a journal; `step` is the address or the name of a task to look for.
    pub(crate) fn of(journal: &Journal, store: &dyn Store, step: Option<&str>) -> Result<Self, RuntimeError> {
        let mut survey = Self::default();
        loop {
            let page = journal
                .page(store, survey.last, Budget::default())
                .map_err(unread)?;
            if page.is_empty() {
                break;
            }
            for (event, _) in &page {
                survey.note(event, step);
            }
        }
        if survey.limit == 0 {
            survey.limit = survey.last;
        }
        Ok(survey)
    }

    fn note(&mut self, event: &RunEvent, wanted: Option<&str>) {
        self.last = event.seq;
        match &event.body {
            EventBody::TaskFaulted { step, .. } => {
                self.falling.get_or_insert(event.seq);
                self.failed.get_or_insert_with(|| step.clone());
                return;
            }
            EventBody::TaskCancelled { .. }
            | EventBody::ApprovalWithdrawn { .. }
            | EventBody::EffectSettled {
                outcome: EffectOutcome::Cancelled,
                ..
            } => {
                self.falling.get_or_insert(event.seq);
                return;
            }
            EventBody::WorkflowFaulted { .. } => {
                let from = self.falling.unwrap_or(event.seq);
                return self.end(from - 1, Status::Faulted);
            }
            EventBody::WorkflowCompleted { .. } => self.end(event.seq - 1, Status::Completed),
            EventBody::WorkflowCancelling { .. } if !self.cancelling => {
                self.cancelling = true;
                self.end(event.seq - 1, Status::Cancelled);
            }
            EventBody::TaskCompensating { .. } => self.undone = true,
            EventBody::TaskStarted { step, task, .. }
                if wanted.is_some_and(|wanted| **task == *wanted || step.to_string() == wanted) =>
            {
                self.before_step = Some(event.seq - 1);
            }
            _ => {}
        }
        self.falling = None;
        self.failed = None;
    }

    fn end(&mut self, limit: u64, how: Status) {
        self.limit = limit.max(1);
        self.ended = Some(how);
    }
}
