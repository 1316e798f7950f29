//! Folding what happens to timers and approvals.

use std::sync::Arc;

use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{Decision, DecisionRecord, EventBody, RunEvent, TimerId, TimerPurpose, Waiting};
use jiff::Timestamp;

use super::frame::{Frame, FrameId, Refused, Wait};
use super::run::{PendingApproval, RunState, Timer};

impl Frame {
    /// Another attempt is due; where it was refused at a door, what it waits for.
    pub(super) fn refused_again(&mut self, at: Timestamp, waits_for: Option<&str>) {
        match (&mut self.refused, waits_for) {
            (Some(refused), None) => refused.waits_for = None,
            (None, what) => {
                self.refused = Some(Box::new(Refused {
                    times: u32::from(what.is_some()),
                    failed: Some(at),
                    since: at,
                    waits_for: what.map(str::to_owned),
                }));
            }
            (Some(refused), Some(what)) => {
                refused.times = refused.times.saturating_add(1);
                if refused.waits_for.replace(what.to_owned()).is_none() {
                    refused.since = at;
                }
            }
        }
    }
}

impl RunState {
    /// The steps that were refused at a door and ask again later: what the first of them waits for.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        let mut steps = 0;
        let mut first: Option<(Timestamp, &str)> = None;
        for (_, timer) in self.timers.iter() {
            if timer.purpose != TimerPurpose::Retry {
                continue;
            }
            let refused = self.frame(timer.frame).and_then(|frame| frame.refused.as_deref());
            let Some(what) = refused.and_then(|refused| refused.waits_for.as_deref()) else {
                continue;
            };
            steps += 1;
            if first.is_none_or(|(due, _)| timer.due < due) {
                first = Some((timer.due, what));
            }
        }
        first.map(|(until, what)| Waiting {
            what: what.to_owned(),
            until,
            steps,
        })
    }

    pub(super) fn timer_event(&mut self, body: &EventBody) {
        match body {
            EventBody::TimerSet {
                timer,
                step,
                due,
                purpose,
            } => {
                let owner = match purpose {
                    TimerPurpose::Yield => self.parent_of(step),
                    TimerPurpose::WorkflowTimeout => Some(self.root),
                    _ => self.frame_of(step),
                };
                let Some(frame) = owner else { return };
                self.timers.insert(
                    timer.0,
                    Timer {
                        id: *timer,
                        frame,
                        due: *due,
                        purpose: *purpose,
                    },
                );
                let Some(frame) = self.frame_mut(frame) else {
                    return;
                };
                match purpose {
                    TimerPurpose::Wait | TimerPurpose::Retry => frame.wait = Wait::Timer(*timer),
                    TimerPurpose::TaskTimeout | TimerPurpose::WorkflowTimeout => {
                        frame.timeout = Some(*timer);
                    }
                    TimerPurpose::AttemptTimeout => frame.attempt_limit = Some(*timer),
                    TimerPurpose::ApprovalReminder | TimerPurpose::ApprovalEscalation => {}
                    TimerPurpose::ApprovalExpiry => {
                        if let Wait::Approval { expiry, .. } = &mut frame.wait {
                            *expiry = Some(*timer);
                        }
                    }
                    TimerPurpose::Yield => {
                        frame.wait = Wait::Yield {
                            timer: *timer,
                            next: step.clone(),
                            fired: false,
                        };
                    }
                }
            }
            EventBody::TimerFired { timer } => self.timer_fired(*timer),
            _ => {}
        }
    }

    /// An attempt of a `try` is over, and its limit with it.
    pub(super) fn attempt_over(&mut self, id: FrameId) {
        let limit = self.frame_mut(id).and_then(|frame| frame.attempt_limit.take());
        if let Some(timer) = limit {
            self.timers.remove(timer.0);
        }
    }

    pub(super) fn timer_fired(&mut self, id: TimerId) {
        let Some(timer) = self.timers.remove(id.0) else {
            return;
        };
        let Some(frame) = self.frame_mut(timer.frame) else {
            return;
        };
        match &mut frame.wait {
            Wait::Timer(waiting) if *waiting == id => frame.wait = Wait::TimerFired,
            Wait::Yield { timer, fired, .. } if *timer == id => *fired = true,
            Wait::Approval { expiry, .. } if *expiry == Some(id) => *expiry = None,
            _ if frame.timeout == Some(id) => frame.timeout = None,
            _ if frame.attempt_limit == Some(id) => frame.attempt_limit = None,
            _ => {}
        }
    }

    pub(super) fn approval_event(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::ApprovalRequested {
                approval,
                step,
                digest,
                request,
            } => {
                let Some(frame) = self.frame_of(step) else { return };
                let pending = PendingApproval {
                    id: *approval,
                    step: step.clone(),
                    frame,
                    digest: *digest,
                    request: request.clone(),
                    votes: Vec::new(),
                };
                self.approvals.insert(event.seq, Arc::new(pending));
                if request.raises_budget {
                    return;
                }
                if let Some(frame) = self.frame_mut(frame) {
                    frame.wait = Wait::Approval {
                        approval: *approval,
                        expiry: None,
                    };
                }
            }
            EventBody::ApprovalDecided { approval, record, .. } => self.approval_decided(*approval, record),
            EventBody::ApprovalWithdrawn { approval, .. } => {
                let taken = self.take_approval(*approval);
                if let Some(pending) = taken {
                    self.drop_question_timers(pending.frame);
                }
            }
            other => self.question_event(other),
        }
    }

    fn approval_decided(&mut self, approval: EntityId, record: &DecisionRecord) {
        let Some(pending) = self.take_approval(approval) else {
            return;
        };
        if pending.request.raises_budget {
            return self.budget_decided(&pending, record);
        }
        if pending.request.remind_ms.is_some() || pending.request.escalation.is_some() {
            self.drop_question_timers(pending.frame);
        }
        let around = self
            .frame(pending.frame)
            .and_then(|frame| self.frame(frame.parent?));
        let of_tool = around.is_some_and(|around| around.conversation.is_some());
        let Some(frame) = self.frame_mut(pending.frame) else {
            return;
        };
        let payload = pending.request.payload.clone();
        if let (true, Decision::Approve { edited }) = (of_tool && frame.asked.is_none(), &record.decision) {
            let changed = edited.as_ref().map(|edited| Arc::new(edited.clone()));
            frame.allowed = Some(changed.unwrap_or_else(|| payload.clone()));
        }
        let waited = std::mem::replace(
            &mut frame.wait,
            Wait::Decided {
                record: record.clone(),
                payload,
            },
        );
        if let Wait::Approval {
            expiry: Some(timer), ..
        } = waited
        {
            self.timers.remove(timer.0);
        }
    }

    /// What happens to a question before it is decided.
    fn question_event(&mut self, body: &EventBody) {
        match body {
            EventBody::ApprovalVoted { approval, record, .. } => {
                self.change_approval(*approval, |pending| pending.votes.push(record.clone()));
            }
            EventBody::ApprovalAmended {
                approval,
                payload,
                digest,
                ..
            } => self.change_approval(*approval, |pending| {
                pending.request.payload = payload.clone();
                pending.digest = *digest;
                pending.votes.clear();
            }),
            EventBody::ApprovalDelegated {
                approval, from, to, ..
            } => self.change_approval(*approval, |pending| pending.request.deciders.delegate(from, to)),
            EventBody::ApprovalEscalated { approval, to, .. } => {
                self.change_approval(*approval, |pending| pending.request.deciders.join(to));
            }
            _ => {}
        }
    }

    fn change_approval(&mut self, id: EntityId, change: impl FnOnce(&mut PendingApproval)) {
        let key = self
            .approvals
            .iter()
            .find(|(_, pending)| pending.id == id)
            .map(|(key, _)| key);
        if let Some(pending) = key.and_then(|key| self.approvals.get_mut(key)) {
            change(Arc::make_mut(pending));
        }
    }

    pub(super) fn take_approval(&mut self, id: EntityId) -> Option<Arc<PendingApproval>> {
        let key = self
            .approvals
            .iter()
            .find(|(_, pending)| pending.id == id)
            .map(|(key, _)| key)?;
        self.approvals.remove(key)
    }
}
