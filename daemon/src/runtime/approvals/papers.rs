//! The documents that follow from a run's events: approvals, notifications. Written in the commit of the events.
//!
//! Decides nothing: an event is turned into the document people see of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use dirigent_engine::state::RunState;
use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Document, Kind, Level, Notification, WorkflowApproval};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{
    ApprovalRequest, Decision, DecisionRecord, EffectId, EventBody, OnUnknown, Resolution, Risk, RunEvent,
    StepId, TimerPurpose,
};
use dirigent_store::Txn;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::note_questioned;
use crate::chance::Chance;
use crate::events::{StoredEvent, encode, event_key};
use crate::records::{Draft, Records, Stored, put};
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{body, unread};

/// Largest part of a request that a document repeats, bytes of JSON.
const MAX_SHOWN: usize = 256 << 10;

/// Whose documents they are.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) run: EntityId,
    pub(crate) org: EntityId,
    pub(crate) owner: EntityId,
    pub(crate) workflow: String,
    pub(crate) started_by: String,
}

/// Documents of one commit.
pub(crate) struct Papers {
    pub(crate) about: About,
    records: Records,
    chance: Arc<dyn Chance>,
    pub(crate) approvals: BTreeMap<EntityId, Paper>,
    pub(crate) notifications: Vec<Notification>,
    /// Approvals that ask about an effect, as they are after these events.
    pub(crate) asks: BTreeMap<EffectId, EntityId>,
    /// By how much the approvals that wait changed.
    pub(crate) pending: i64,
    /// Events that go on the bus, with the numbers of the run's events.
    pub(crate) emitted: Vec<(u64, Payload)>,
}

pub(crate) struct Paper {
    old: Option<Stored>,
    body: WorkflowApproval,
}

impl Papers {
    pub(crate) fn new(
        about: About,
        records: Records,
        chance: Arc<dyn Chance>,
        asks: BTreeMap<EffectId, EntityId>,
    ) -> Self {
        Self {
            about,
            records,
            chance,
            approvals: BTreeMap::new(),
            notifications: Vec::new(),
            asks,
            pending: 0,
            emitted: Vec::new(),
        }
    }

    /// Takes an event in; `before` is the state it was decided in.
    pub(crate) fn note(&mut self, before: &RunState, event: &RunEvent) -> Result<(), RuntimeError> {
        let now = event.time;
        match &event.body {
            EventBody::ApprovalRequested {
                approval,
                step,
                digest,
                request,
            } => {
                self.ask(*approval, step, *digest, request, now);
            }
            EventBody::TimerSet {
                step,
                due,
                purpose: TimerPurpose::ApprovalExpiry,
                ..
            } => self.expires(step, *due),
            EventBody::ApprovalDecided { approval, record, .. } => {
                self.close(*approval, status_of(&record.decision), Some(record), now)?;
            }
            EventBody::ApprovalWithdrawn { approval, .. } => {
                self.close(*approval, ApprovalStatus::Withdrawn, None, now)?;
            }
            EventBody::EffectUnknown {
                effect,
                policy: OnUnknown::Ask,
                reason,
            } => {
                self.ask_about(before, *effect, reason, now);
            }
            EventBody::EffectResolved {
                effect,
                resolution,
                by,
            } => {
                if let Some(approval) = self.asks.remove(effect) {
                    self.answered(approval, resolution, by, now)?;
                }
            }
            EventBody::EffectSettled { effect, .. } => {
                if let Some(approval) = self.asks.remove(effect) {
                    self.close(approval, ApprovalStatus::Withdrawn, None, now)?;
                }
            }
            EventBody::WorkflowMigrated { moved, .. } => self.move_steps(before, moved)?,
            EventBody::EventEmitted { event: emitted, .. } => {
                self.emitted.push((event.seq, emitted.clone()));
            }
            EventBody::EffectIntended { effect, request, .. } => {
                let queued = || before.effect(*effect).map(|known| &known.request);
                self.notice(request.as_ref().or_else(queued));
            }
            body => self.tell_of(body, now)?,
        }
        Ok(())
    }

    /// Ends a person should hear of.
    fn tell_of(&mut self, body: &EventBody, now: Timestamp) -> Result<(), RuntimeError> {
        match body {
            EventBody::WorkflowCancelled { uncompensated } if !uncompensated.is_empty() => {
                let steps: Vec<String> = uncompensated.iter().map(ToString::to_string).collect();
                let text = format!(
                    "The run was cancelled, and these steps could not be undone: {}. What they did stands.",
                    steps.join(", ")
                );
                let title = format!("{} was not undone whole", self.about.workflow);
                self.notify(Level::Critical, title, text);
            }
            EventBody::WorkflowFaulted { error } => {
                self.faulted(error);
            }
            other => self.on_the_way(other, now)?,
        }
        Ok(())
    }

    /// The limit of an approval that was asked in this commit.
    fn expires(&mut self, step: &StepId, due: Timestamp) {
        let step = step.to_string();
        let asked = self
            .approvals
            .values_mut()
            .find(|paper| paper.body.step == step && paper.old.is_none());
        if let Some(paper) = asked {
            paper.body.expires_at = Some(due);
        }
    }

    fn ask(
        &mut self,
        id: EntityId,
        step: &StepId,
        digest: Digest,
        request: &ApprovalRequest,
        now: Timestamp,
    ) {
        let body = WorkflowApproval {
            run: self.about.run,
            workflow: self.about.workflow.clone(),
            step: step.to_string(),
            task: step.pointer.rsplit('/').next().unwrap_or_default().to_owned(),
            title: request.title.clone(),
            action: request.action.clone(),
            risk: request.risk,
            reason: request.reason.clone(),
            payload: (*request.payload).clone(),
            before: request.before.as_deref().cloned(),
            agent: request.agent.clone(),
            on_deny: request.on_deny.clone(),
            on_expire: request.on_expire.clone(),
            started_by: self.about.started_by.clone(),
            deciders: request.deciders.clone(),
            edit_schema: request.edit_schema.as_deref().cloned(),
            confirm: request.confirm.clone(),
            digest: digest.to_string(),
            status: ApprovalStatus::Pending,
            requested_at: Some(now),
            ..WorkflowApproval::default()
        };
        self.pending += 1;
        self.approvals.insert(id, Paper { old: None, body });
    }

    fn ask_about(&mut self, before: &RunState, effect: EffectId, reason: &str, now: Timestamp) {
        let Some(known) = before.effect(effect) else {
            return;
        };
        let key = known.phase.key().map(|key| key.to_string()).unwrap_or_default();
        let shown = shown(&known.request);
        let request = ApprovalRequest {
            title: "Nobody knows whether this happened".into(),
            action: "perform it again with the same key".into(),
            risk: Risk::High,
            reason: Some(reason.to_owned()),
            payload: Arc::new(json!({ "request": shown, "attempt": known.attempt, "key": key })),
            ..ApprovalRequest::default()
        };
        let id = EntityId(self.chance.id());
        let digest = request.digest();
        self.ask(id, &known.step.clone(), digest, &request, now);
        if let Some(paper) = self.approvals.get_mut(&id) {
            paper.body.unknown_effect = Some(effect.0);
        }
        self.asks.insert(effect, id);
    }

    fn answered(
        &mut self,
        id: EntityId,
        resolution: &Resolution,
        by: &str,
        now: Timestamp,
    ) -> Result<(), RuntimeError> {
        let (status, decision, reason) = match resolution {
            Resolution::Again => (ApprovalStatus::Approved, Decision::Approve { edited: None }, None),
            Resolution::Happened { output } => (
                ApprovalStatus::Approved,
                Decision::Approve {
                    edited: Some((**output).clone()),
                },
                None,
            ),
            Resolution::Failed { reason } => (ApprovalStatus::Denied, Decision::Deny, Some(reason.clone())),
        };
        let record = DecisionRecord {
            decision,
            by: by.to_owned(),
            reason,
            digest: Digest([0; 32]),
            stops_run: false,
        };
        self.close(id, status, Some(&record), now)
    }

    fn close(
        &mut self,
        id: EntityId,
        status: ApprovalStatus,
        record: Option<&DecisionRecord>,
        now: Timestamp,
    ) -> Result<(), RuntimeError> {
        let body = self.known(id)?;
        let waited = body.status == ApprovalStatus::Pending;
        body.status = status;
        body.decided_at = Some(now);
        if let Some(record) = record {
            body.decided_by = Some(record.by.clone());
            body.decision_reason.clone_from(&record.reason);
            if let Decision::Approve { edited: Some(edited) } = &record.decision {
                body.edited = Some(edited.clone());
            }
            body.stopped_run = record.stops_run;
        }
        self.pending -= i64::from(waited);
        Ok(())
    }

    /// The body of an approval that was asked in this commit or before.
    pub(crate) fn known(&mut self, id: EntityId) -> Result<&mut WorkflowApproval, RuntimeError> {
        let paper = match self.approvals.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let found = self.records.get(Kind::WorkflowApproval, id).map_err(unread)?;
                let stored = found.ok_or(RuntimeError::UnknownApproval { approval: id })?;
                let body = body::<WorkflowApproval>(&stored.document)?;
                place.insert(Paper {
                    old: Some(stored),
                    body,
                })
            }
        };
        Ok(&mut paper.body)
    }

    /// Whether there is nothing to file.
    pub(crate) fn is_empty(&self) -> bool {
        self.approvals.is_empty() && self.notifications.is_empty()
    }

    /// Puts all of them into a commit; what is asked for effects stays known.
    pub(crate) fn file(&mut self, txn: &mut Txn, now: Timestamp) -> Result<(), RuntimeError> {
        let About { run, org, owner, .. } = self.about;
        self.pending = 0;
        for (seq, event) in std::mem::take(&mut self.emitted) {
            let stored = StoredEvent {
                org,
                event,
                run: Some(run.into()),
                seq,
                by: String::new(),
            };
            let key = event_key(now, self.chance.id());
            txn.puts.push((key, encode(&stored).map_err(unread)?));
        }
        for (id, paper) in std::mem::take(&mut self.approvals) {
            let spec = spec(&paper.body);
            let new = match &paper.old {
                Some(old) => old.next(spec, now),
                None => Draft::of(Kind::WorkflowApproval, "", spec)
                    .id(id)
                    .org(org)
                    .owner(owner)
                    .document(now),
            };
            put(txn, paper.old.as_ref(), &new).map_err(unread)?;
            note_questioned(txn, id, &paper.body);
        }
        for notification in std::mem::take(&mut self.notifications) {
            let new: Document = Draft::of(Kind::Notification, "", spec(&notification))
                .id(EntityId(self.chance.id()))
                .org(org)
                .owner(owner)
                .document(now);
            put(txn, None, &new).map_err(unread)?;
        }
        Ok(())
    }
}

const fn status_of(decision: &Decision) -> ApprovalStatus {
    match decision {
        Decision::Approve { .. } => ApprovalStatus::Approved,
        Decision::Deny => ApprovalStatus::Denied,
        Decision::Expire => ApprovalStatus::Expired,
    }
}

fn spec<T: Serialize>(body: &T) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

/// A value for people: whole, or a remark where it is too large for a document.
pub(crate) fn shown<T: Serialize>(value: &T) -> Value {
    let json = spec(value);
    let bytes = json.to_string().len();
    if bytes > MAX_SHOWN {
        json!({ "not_shown": format!("{bytes} bytes; see the run's events") })
    } else {
        json
    }
}
