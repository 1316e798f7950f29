//! What may be in the journal of one run, event by event, and when its effects may be performed.
//!
//! Deliberately not the engine: a few sets and counters. The engine's own fold runs beside it and is compared byte for
//! byte where the journal is read back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use dirigent_daemon::records::decode_event;
use dirigent_daemon::runtime::Call;
use dirigent_engine::{RunState, apply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    Decision, DecisionRecord, EffectId, EventBody, OnUnknown, Resolution, RunEvent, StepId, TimerId,
};
use jiff::Timestamp;

pub(crate) struct RunModel {
    run: RunId,
    pub(crate) records: Vec<Bytes>,
    pub(crate) state: RunState,
    pub(crate) effects: BTreeMap<EffectId, Known>,
    timers: BTreeMap<TimerId, (Timestamp, bool)>,
    completed: BTreeSet<StepId>,
    pub(crate) approvals: BTreeMap<EntityId, Asked>,
    pub(crate) cancelling: bool,
    pub(crate) suspended: bool,
    pub(crate) ended: bool,
}

/// An effect as the journal has it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    intent: Option<(String, Digest, OnUnknown)>,
    settled: bool,
    pub(crate) parked: bool,
    /// How often it may be performed as the journal stands, and how often it was.
    allowed: u32,
    performed: u32,
}

/// An approval as the journal has it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) digest: Digest,
    pub(crate) decided: Option<DecisionRecord>,
    pub(crate) withdrawn: bool,
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl RunModel {
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            run,
            records: Vec::new(),
            state: RunState::new(run),
            effects: BTreeMap::new(),
            timers: BTreeMap::new(),
            completed: BTreeSet::new(),
            approvals: BTreeMap::new(),
            cancelling: false,
            suspended: false,
            ended: false,
        }
    }

    /// A durable record.
    pub(crate) fn append(&mut self, seq: u64, record: &Bytes) -> Result<RunEvent, String> {
        let event = decode_event(record).map_err(|e| format!("{}: {e}", self.run))?;
        let next = self.records.len() as u64 + 1;
        must(seq == next && event.seq == next, || {
            format!("{}: event {} stands where {next} belongs", self.run, event.seq)
        })?;
        let (run, name) = (self.run, event.body.name());
        self.allow(&event)
            .map_err(|what| format!("{run} event {next} {name}: {what}"))?;
        apply(&mut self.state, &event);
        self.records.push(record.clone());
        Ok(event)
    }

    fn allow(&mut self, event: &RunEvent) -> Result<(), String> {
        let late = matches!(event.body, EventBody::EffectLate { .. });
        must(!self.ended || late, || "the run is over".into())?;
        match &event.body {
            EventBody::TaskStarted { step, .. } => {
                self.may_begin()?;
                // A step that begins again in another round of a `try` may end again.
                self.completed.remove(step);
            }
            EventBody::TaskCompleted { step, .. } => {
                must(self.completed.insert(step.clone()), || {
                    format!("{step} is completed twice")
                })?;
            }
            EventBody::WorkflowCancelling { .. } => self.cancelling = true,
            EventBody::WorkflowSuspended { .. } => self.suspended = true,
            EventBody::WorkflowResumed { by: Some(_) } => self.suspended = false,
            EventBody::WorkflowCompleted { .. }
            | EventBody::WorkflowFaulted { .. }
            | EventBody::WorkflowCancelled { .. } => self.ended = true,
            EventBody::TimerSet { timer, due, .. } => {
                must(self.timers.insert(*timer, (*due, false)).is_none(), || {
                    format!("timer {} is set twice", timer.0)
                })?;
            }
            EventBody::TimerFired { timer } => self.fired(*timer, event.time)?,
            EventBody::ApprovalRequested { .. }
            | EventBody::ApprovalDecided { .. }
            | EventBody::ApprovalWithdrawn { .. } => self.approval(&event.body)?,
            _ => self.effect(&event.body)?,
        }
        Ok(())
    }

    fn may_begin(&self) -> Result<(), String> {
        must(!self.cancelling, || "after the cancel".into())?;
        must(!self.suspended, || "while the run is paused".into())
    }

    fn fired(&mut self, timer: TimerId, now: Timestamp) -> Result<(), String> {
        let Some((due, fired)) = self.timers.get_mut(&timer) else {
            return Err(format!("timer {} was never set", timer.0));
        };
        must(now >= *due, || {
            format!("timer {} is early: {now}, due {due}", timer.0)
        })?;
        must(!std::mem::replace(fired, true), || {
            format!("timer {} fires twice", timer.0)
        })
    }

    fn approval(&mut self, body: &EventBody) -> Result<(), String> {
        match body {
            EventBody::ApprovalRequested {
                approval,
                digest,
                request,
                ..
            } => {
                must(*digest == request.digest(), || "its digest is another's".into())?;
                let asked = Asked {
                    digest: *digest,
                    decided: None,
                    withdrawn: false,
                };
                must(self.approvals.insert(*approval, asked).is_none(), || {
                    "asked twice".into()
                })
            }
            EventBody::ApprovalDecided { approval, record, .. } => {
                let asked = self.approvals.get_mut(approval).ok_or("never asked")?;
                must(!asked.withdrawn && asked.decided.is_none(), || {
                    format!("decided before: {:?}", asked.decided)
                })?;
                let by_time = matches!(record.decision, Decision::Expire);
                must(by_time || record.digest == asked.digest, || {
                    "the decision names another digest".into()
                })?;
                asked.decided = Some(record.clone());
                Ok(())
            }
            EventBody::ApprovalWithdrawn { approval, .. } => {
                let asked = self.approvals.get_mut(approval).ok_or("never asked")?;
                must(asked.decided.is_none(), || "withdrawn after its decision".into())?;
                asked.withdrawn = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn effect(&mut self, body: &EventBody) -> Result<(), String> {
        if let EventBody::EffectIntended { .. } = body {
            self.may_begin()?;
        }
        match body {
            EventBody::EffectQueued { effect, .. } => {
                let new = self.effects.insert(*effect, Known::default()).is_none();
                must(new, || "queued twice".into())
            }
            EventBody::EffectIntended {
                effect,
                key,
                digest,
                on_unknown,
                ..
            } => {
                let known = self.effects.entry(*effect).or_default();
                must(known.intent.is_none() && !known.settled, || {
                    "intended twice".into()
                })?;
                known.intent = Some((key.clone(), *digest, *on_unknown));
                known.allowed = 1;
                Ok(())
            }
            EventBody::EffectSettled { effect, .. } => {
                let known = self.effects.get_mut(effect).ok_or("never intended")?;
                must(!known.settled, || "settled twice".into())?;
                known.settled = true;
                known.parked = false;
                Ok(())
            }
            EventBody::EffectUnknown { effect, policy, .. } => {
                let known = self.effects.get_mut(effect).ok_or("never intended")?;
                must(!known.settled, || "unknown after its outcome".into())?;
                let declared = known.intent.as_ref().map(|(_, _, policy)| *policy);
                must(Some(*policy) == declared || *policy == OnUnknown::Fail, || {
                    format!("settled by {policy:?}, declared is {declared:?}")
                })?;
                known.allowed += u32::from(*policy == OnUnknown::Retry);
                known.parked = *policy == OnUnknown::Ask;
                Ok(())
            }
            EventBody::EffectResolved {
                effect, resolution, ..
            } => {
                let known = self.effects.get_mut(effect).ok_or("never intended")?;
                must(known.parked, || "nobody was asked".into())?;
                known.parked = false;
                known.allowed += u32::from(*resolution == Resolution::Again);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Somebody begins to perform an effect.
    pub(crate) fn perform(&mut self, call: &Call) -> Result<u32, String> {
        let what = format!("{} performs effect {} of {}", self.run, call.effect.0, call.step);
        let known = self
            .effects
            .get_mut(&call.effect)
            .ok_or_else(|| format!("{what}, which is not in the journal"))?;
        let Some((key, digest, policy)) = &known.intent else {
            return Err(format!("{what} before its intent is durable"));
        };
        must(!known.settled, || format!("{what} after its outcome is durable"))?;
        must(**key == *call.key, || format!("{what} with another key"))?;
        must(*digest == call.request.digest(), || {
            format!("{what}, but another request")
        })?;
        known.performed += 1;
        must(known.performed <= known.allowed, || {
            format!(
                "{what} for the {}. time under {policy:?}; the journal allows {}",
                known.performed, known.allowed
            )
        })?;
        Ok(known.performed)
    }
}
