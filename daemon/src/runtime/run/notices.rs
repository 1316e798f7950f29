//! After a commit: who else has to hear of it. Requests go to the rules, answers to the approval that was asked about.
//!
//! Nothing here is waited for; what a crash swallows is made up for when the daemon starts again.

use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{EventBody, RunEvent};

use super::driver::Driver;
use crate::runtime::approvals::{questions, rules};

impl Driver {
    /// Passes durable events on.
    pub(crate) fn tell(&self, events: &[RunEvent]) {
        for event in events {
            match &event.body {
                EventBody::ApprovalRequested { approval, .. } => rules::consider_soon(&self.core, *approval),
                EventBody::WorkflowCompleted { .. }
                | EventBody::WorkflowFaulted { .. }
                | EventBody::WorkflowCancelled { .. } => {
                    if let Some(approval) = self.answers() {
                        questions::answered_soon(&self.core, approval, self.run);
                    }
                }
                _ => {}
            }
        }
    }

    /// The approval that this run answers a question about.
    fn answers(&self) -> Option<EntityId> {
        let labels = &self.document.as_ref()?.document.metadata.labels;
        labels.get(questions::LABEL)?.parse().ok()
    }
}
