//! Going on under another version of the workflow, in one event.
//!
//! Whether it is possible is found before (room `upgrade`); here it is done. What is in flight or waits goes on as it
//! began: effects keep their keys, timers their due times. Invariant: a question that would show something else now is
//! asked anew, so that nobody's yes counts for what they have not seen.

use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{ApprovalRequest, Consequence, EventBody, Moved};

use super::model::{Me, Stop, Turn, Work, Workflow};
use super::stimulus::Migrate;
use crate::state::FrameId;

/// A question that waits.
struct Asked {
    approval: EntityId,
    frame: FrameId,
    /// What the old version asks at this place; none where it fails to.
    before: Option<ApprovalRequest>,
}

impl<'a> Turn<'a, '_> {
    /// Changes the version.
    pub(super) fn migrate(&mut self, migrate: &Migrate) {
        let waiting: Vec<(EntityId, FrameId)> = self
            .state
            .approvals()
            .filter(|pending| !pending.request.raises_budget)
            .map(|pending| (pending.id, pending.frame))
            .collect();
        let mut asked = Vec::with_capacity(waiting.len());
        for (approval, frame) in waiting {
            let before = self.asks(&migrate.old, frame);
            asked.push(Asked {
                approval,
                frame,
                before,
            });
        }
        self.emit(EventBody::WorkflowMigrated {
            from: migrate.old.digest,
            to: self.workflow.digest,
            by: migrate.by.clone(),
            moved: migrate.moved.clone(),
            passed: migrate.passed.clone(),
            pins: migrate.pins.clone(),
        });
        let workflow = self.workflow;
        for question in asked {
            let now = self.asks(workflow, question.frame);
            if now != question.before.map(|before| moved_with(before, &migrate.moved)) {
                self.ask_anew(question.approval, question.frame);
            }
        }
    }

    /// What a version asks at a frame, as if it asked now.
    fn asks(&mut self, workflow: &Workflow, frame: FrameId) -> Option<ApprovalRequest> {
        let step = self.state.frame(frame)?.step.clone();
        let task = workflow.task(workflow.task_at(&step.pointer)?);
        let mut probe = Turn {
            workflow,
            state: self.state.clone(),
            events: Vec::new(),
            cx: &mut *self.cx,
            needed: Vec::new(),
            work: Vec::new(),
            taken: Vec::new(),
        };
        let outcome = task.body.start(&mut probe, Me { frame, task });
        let (needed, events) = (probe.needed, probe.events);
        for request in needed {
            if !self.needed.iter().any(|known| known.id == request.id) {
                self.needed.push(request);
            }
        }
        if matches!(outcome, Err(Stop::Fault(_) | Stop::Ask)) {
            return None;
        }
        events.into_iter().find_map(|event| match event.body {
            EventBody::ApprovalRequested { request, .. } => Some(request),
            _ => None,
        })
    }

    fn ask_anew(&mut self, approval: EntityId, frame: FrameId) {
        let workflow: &'a Workflow = self.workflow;
        let step = self.step(frame);
        let Some(task) = workflow.task_at(&step.pointer) else {
            return;
        };
        self.emit(EventBody::ApprovalWithdrawn { approval, step });
        let me = Me {
            frame,
            task: workflow.task(task),
        };
        let outcome = me.task.body.start(self, me);
        self.work.push(Work::After { frame, outcome });
    }
}

/// The same question where the tasks stand now.
fn moved_with(mut request: ApprovalRequest, moved: &[Moved]) -> ApprovalRequest {
    let place = |consequence: &mut Consequence| {
        if let Consequence::Caught { by, .. } = consequence
            && let Some(Moved { to: Some(to), .. }) = moved.iter().find(|moved| *moved.from == **by)
        {
            *by = to.to_string();
        }
    };
    place(&mut request.on_deny);
    place(&mut request.on_expire);
    request
}
