//! Approvals within a decision: yeses and noes, quorums, changes, delegation, and the timers of a question.
//!
//! Invariants: one no decides; a yes decides once as many people as it takes have said it to the same digest, each once;
//! time never says yes.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{Decision, DecisionRecord, EventBody, TimerPurpose, digest_of};

use super::model::{Turn, Work};
use super::stimulus::Refusal;
use crate::state::{FrameId, PendingApproval, Timer};

impl Turn<'_, '_> {
    fn pending(&self, approval: EntityId, digest: Option<Digest>) -> Result<PendingApproval, Refusal> {
        let pending = self
            .state
            .approvals()
            .find(|pending| pending.id == approval)
            .ok_or_else(|| Refusal::NotWaiting {
                what: format!("approval {approval}"),
            })?;
        match digest {
            Some(given) if given != pending.digest => Err(Refusal::Stale {
                given: given.short(),
                wanted: pending.digest.short(),
            }),
            _ => Ok(pending.clone()),
        }
    }

    /// A person, or a rule, decided.
    pub(super) fn decided(&mut self, approval: EntityId, record: &DecisionRecord) -> Result<(), Refusal> {
        let pending = self.pending(approval, Some(record.digest))?;
        let mut record = record.clone();
        if let Decision::Approve { edited } = &record.decision
            && pending.request.deciders.quorum() > 1
        {
            let edited = edited.clone();
            match self.vote(&pending, edited, &record)? {
                Some(joint) => record = joint,
                None => return Ok(()),
            }
        }
        self.emit(EventBody::ApprovalDecided {
            approval,
            step: pending.step,
            record: record.clone(),
        });
        if record.stops_run {
            self.cancel(&record.by, record.reason.clone());
        } else if !pending.request.raises_budget {
            self.work.push(Work::Use { frame: pending.frame });
        }
        Ok(())
    }

    /// Counts a yes; gives the joint one when there are as many as it takes.
    fn vote(
        &mut self,
        pending: &PendingApproval,
        edited: Option<serde_json::Value>,
        record: &DecisionRecord,
    ) -> Result<Option<DecisionRecord>, Refusal> {
        let (mut votes, mut digest) = (pending.votes.clone(), pending.digest);
        if let Some(changed) = edited.filter(|changed| *changed != *pending.request.payload) {
            digest = self.amend(pending, Arc::new(changed), &record.by);
            votes.clear();
        }
        let quorum = pending.request.deciders.quorum();
        if votes.iter().any(|vote| vote.by == record.by) {
            let by = record.by.clone();
            return Err(Refusal::Voted { by, quorum });
        }
        let vote = DecisionRecord {
            decision: Decision::Approve { edited: None },
            digest,
            ..record.clone()
        };
        votes.push(vote.clone());
        if votes.len() < quorum as usize {
            self.emit(EventBody::ApprovalVoted {
                approval: pending.id,
                step: pending.step.clone(),
                record: vote,
            });
            return Ok(None);
        }
        let names: Vec<&str> = votes.iter().map(|vote| vote.by.as_str()).collect();
        Ok(Some(DecisionRecord {
            by: names.join(", "),
            ..vote
        }))
    }

    fn amend(&mut self, pending: &PendingApproval, payload: Payload, by: &str) -> Digest {
        let request = &pending.request;
        let digest = digest_of(&request.action, &payload, request.before.as_deref());
        self.emit(EventBody::ApprovalAmended {
            approval: pending.id,
            step: pending.step.clone(),
            payload,
            digest,
            by: by.to_owned(),
        });
        digest
    }

    /// Somebody changed what is asked.
    pub(super) fn amended(
        &mut self,
        approval: EntityId,
        digest: Digest,
        payload: &Payload,
        by: &str,
    ) -> Result<(), Refusal> {
        let pending = self.pending(approval, Some(digest))?;
        self.amend(&pending, payload.clone(), by);
        Ok(())
    }

    /// Somebody else decides in the place of one who may.
    pub(super) fn delegated(
        &mut self,
        approval: EntityId,
        from: &str,
        to: &str,
        by: &str,
    ) -> Result<(), Refusal> {
        let step = self.pending(approval, None)?.step;
        self.emit(EventBody::ApprovalDelegated {
            approval,
            step,
            from: from.to_owned(),
            to: to.to_owned(),
            by: by.to_owned(),
        });
        Ok(())
    }

    /// Acts on a timer of a question; no where it is another kind of timer.
    pub(super) fn question_timer(&mut self, timer: &Timer) -> bool {
        match timer.purpose {
            TimerPurpose::ApprovalExpiry => self.expire(timer.frame),
            TimerPurpose::ApprovalReminder => self.remind(timer.frame),
            TimerPurpose::ApprovalEscalation => self.escalate(timer.frame),
            _ => return false,
        }
        true
    }

    fn asked_by(&self, frame: FrameId) -> Option<PendingApproval> {
        self.state
            .approvals()
            .find(|pending| pending.frame == frame)
            .cloned()
    }

    fn expire(&mut self, frame: FrameId) {
        let Some(pending) = self.asked_by(frame) else {
            return;
        };
        let record = DecisionRecord {
            decision: Decision::Expire,
            by: "dirigent".to_owned(),
            reason: None,
            digest: pending.digest,
            stops_run: false,
        };
        self.emit(EventBody::ApprovalDecided {
            approval: pending.id,
            step: pending.step,
            record,
        });
        if !pending.request.raises_budget {
            self.work.push(Work::Use { frame });
        }
    }

    fn remind(&mut self, frame: FrameId) {
        let Some(pending) = self.asked_by(frame) else {
            return;
        };
        let Some(again) = pending.request.remind_ms else {
            return;
        };
        self.emit(EventBody::ApprovalReminded {
            approval: pending.id,
            step: pending.step.clone(),
        });
        let due = self.after(std::time::Duration::from_millis(again));
        self.set_timer(pending.step, due, TimerPurpose::ApprovalReminder);
    }

    fn escalate(&mut self, frame: FrameId) {
        let Some(pending) = self.asked_by(frame) else {
            return;
        };
        let Some(escalation) = pending.request.escalation else {
            return;
        };
        self.emit(EventBody::ApprovalEscalated {
            approval: pending.id,
            step: pending.step,
            to: escalation.to,
        });
    }
}
