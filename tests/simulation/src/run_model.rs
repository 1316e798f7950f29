//! What may be in the journal of one run, event by event, and when its effects may be performed.
//!
//! Deliberately not the engine: a few sets and counters. The engine's own fold runs beside it and is compared byte for
//! byte where the journal is read back. A run that comes from another has that one's events before its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use dirigent_daemon::records::decode_event;
use dirigent_daemon::runtime::Call;
use dirigent_engine::{RunState, apply};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, RunEvent, StepId, TimerId, TimerPurpose};
use jiff::Timestamp;
use serde_json::Value;

use crate::ledger::Ledger;
use crate::must;
use crate::questions::Questions;
use crate::undoing::Undoing;

/// Published documents by digest.
pub(crate) type Definitions = BTreeMap<String, Arc<Value>>;

pub(crate) struct RunModel {
    run: RunId,
    /// The run it comes from and the last event of that one that counts here.
    pub(crate) origin: Option<(RunId, u64)>,
    /// Its own events.
    pub(crate) records: Vec<Bytes>,
    pub(crate) state: RunState,
    pub(crate) definition: Arc<Value>,
    pub(crate) ledger: Ledger,
    pub(crate) questions: Questions,
    pub(crate) undoing: Undoing,
    timers: BTreeMap<TimerId, Timer>,
    completed: BTreeSet<StepId>,
    bill: Bill,
    /// The time of its newest event.
    newest: Timestamp,
    pub(crate) cancelling: bool,
    pub(crate) suspended: bool,
    pub(crate) ended: bool,
}

struct Timer {
    due: Timestamp,
    purpose: TimerPurpose,
    fired: bool,
}

/// Calls of models.
#[derive(Debug, Default)]
struct Bill {
    most: Option<u64>,
    made: u64,
}

impl RunModel {
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            run,
            origin: None,
            records: Vec::new(),
            state: RunState::new(run),
            definition: Arc::default(),
            ledger: Ledger::default(),
            questions: Questions::default(),
            undoing: Undoing::default(),
            timers: BTreeMap::new(),
            completed: BTreeSet::new(),
            bill: Bill::default(),
            newest: Timestamp::MIN,
            cancelling: false,
            suspended: false,
            ended: false,
        }
    }

    /// A run that goes on behind these events of another.
    pub(crate) fn behind(
        run: RunId,
        origin: (RunId, u64),
        past: &[Bytes],
        definitions: &Definitions,
    ) -> Result<Self, String> {
        let mut own = Self::new(run);
        own.ledger.of_another = true;
        for record in past {
            let event = decode_event(record).map_err(|e| e.to_string())?;
            own.take(&event, definitions)?;
        }
        own.origin = Some(origin);
        Ok(own)
    }

    /// Number of the event its own follow.
    fn base(&self) -> u64 {
        self.origin.map_or(0, |(_, at)| at)
    }

    /// A durable record of its own stream.
    pub(crate) fn append(
        &mut self,
        seq: u64,
        record: &Bytes,
        definitions: &Definitions,
    ) -> Result<RunEvent, String> {
        let event = decode_event(record).map_err(|e| format!("{}: {e}", self.run))?;
        let next = self.records.len() as u64 + 1;
        must(seq == next && event.seq == self.base() + next, || {
            format!("{}: event {} stands where {next} belongs", self.run, event.seq)
        })?;
        self.take(&event, definitions)?;
        self.records.push(record.clone());
        Ok(event)
    }

    fn take(&mut self, event: &RunEvent, definitions: &Definitions) -> Result<(), String> {
        let (run, name) = (self.run, event.body.name());
        let (now, before) = (event.time, std::mem::replace(&mut self.newest, event.time));
        must(now >= before, || {
            format!(
                "{run} event {}: the clock went back from {before} to {now}",
                event.seq
            )
        })?;
        self.allow(event, definitions)
            .map_err(|what| format!("{run} event {} {name}: {what}", event.seq))?;
        apply(&mut self.state, event);
        Ok(())
    }

    fn allow(&mut self, event: &RunEvent, definitions: &Definitions) -> Result<(), String> {
        let late = matches!(event.body, EventBody::EffectLate { .. });
        must(!self.ended || late, || "the run is over".into())?;
        self.undoing.note(event)?;
        match &event.body {
            EventBody::WorkflowStarted { version, .. } => {
                let found = definitions.get(&version.to_string());
                self.definition = found.ok_or("it is a run of nothing")?.clone();
                let budget = &self.definition["document"]["metadata"]["dirigent"]["budget"];
                self.bill.most = budget["calls"].as_u64();
            }
            EventBody::WorkflowForked { origin, at, .. } => {
                let known = self.origin.is_none_or(|known| known == (*origin, *at));
                must(known, || "it comes from elsewhere".into())?;
                self.leave_behind();
                // It may be the event of a run between.
                self.ledger.of_another = self.origin.is_none();
            }
            EventBody::WorkflowMigrated { to, .. } => {
                self.definition = definitions.get(&to.to_string()).ok_or("of nothing")?.clone();
            }
            EventBody::TaskStarted { step, .. } => {
                self.may_begin()?;
                must(!self.completed.contains(step), || {
                    format!("{step} was completed before")
                })?;
            }
            EventBody::TaskCompleted { step, .. } => {
                must(self.completed.insert(step.clone()), || {
                    format!("{step} is completed twice")
                })?;
            }
            // What was done inside it does not count any more, and may begin again.
            EventBody::TaskRetried { step, .. }
            | EventBody::TaskFaulted { step, .. }
            | EventBody::TaskCancelled { step, .. } => self.begin_anew(step),
            EventBody::WorkflowCancelling { .. } => (self.cancelling, self.suspended) = (true, false),
            EventBody::WorkflowCompensating { .. } => {
                self.ledger.quiet()?;
                self.cancelling = false;
            }
            EventBody::WorkflowSuspended { .. } => self.suspended = true,
            EventBody::WorkflowResumed { by: Some(_), .. } => self.suspended = false,
            EventBody::WorkflowCancelled { .. } => {
                self.ledger.quiet()?;
                self.ended = true;
            }
            EventBody::WorkflowCompleted { .. } | EventBody::WorkflowFaulted { .. } => {
                must(!self.cancelling && !self.undoing.on, || "after the cancel".into())?;
                self.ended = true;
            }
            EventBody::TimerSet { .. } | EventBody::TimerFired { .. } => self.timer(event)?,
            EventBody::EffectIntended { .. } => self.may_begin()?,
            _ => {}
        }
        if let Some(step) = self.ledger.looked_up(&event.body).cloned() {
            // The lookup is inside the step, and may be needed more than once.
            self.begin_anew(&step);
        }
        self.ledger.note(&event.body)?;
        if let Some(most) = self.questions.note(event)? {
            self.bill.most = Some(most);
        }
        Ok(())
    }

    /// What was in flight there begins anew here, and what it took is on the other's bill.
    fn leave_behind(&mut self) {
        let keeps = [TimerPurpose::Wait, TimerPurpose::Retry, TimerPurpose::Yield];
        self.ledger = Ledger::default();
        self.questions = Questions::default();
        self.timers.retain(|_, timer| keeps.contains(&timer.purpose));
        self.bill.made = 0;
        let budget = &self.definition["document"]["metadata"]["dirigent"]["budget"];
        self.bill.most = budget["calls"].as_u64();
        (self.cancelling, self.suspended, self.ended) = (false, false, false);
    }

    fn begin_anew(&mut self, step: &StepId) {
        self.completed.retain(|done| {
            let below = done.pointer.strip_prefix(&*step.pointer);
            let inside = below.is_some_and(|rest| rest.starts_with('/'));
            !(inside && done.iterations.starts_with(&step.iterations))
        });
    }

    fn may_begin(&self) -> Result<(), String> {
        must(!self.cancelling, || "after the cancel".into())?;
        must(!self.suspended, || "while the run is paused".into())
    }

    fn timer(&mut self, event: &RunEvent) -> Result<(), String> {
        match &event.body {
            EventBody::TimerSet {
                timer, due, purpose, ..
            } => {
                let set = Timer {
                    due: *due,
                    purpose: *purpose,
                    fired: false,
                };
                let new = self.timers.insert(*timer, set).is_none();
                must(new, || format!("timer {} is set twice", timer.0))
            }
            EventBody::TimerFired { timer } => {
                let Some(known) = self.timers.get_mut(timer) else {
                    return Err(format!("timer {} was never set", timer.0));
                };
                let (now, due) = (event.time, known.due);
                must(now >= due, || {
                    format!("timer {} is early: {now}, due {due}", timer.0)
                })?;
                must(!std::mem::replace(&mut known.fired, true), || {
                    format!("timer {} fires twice", timer.0)
                })
            }
            _ => Ok(()),
        }
    }

    /// Somebody begins to perform an effect; answers the how manieth time.
    pub(crate) fn perform(&mut self, call: &Call) -> Result<u32, String> {
        self.about(call, |ledger| ledger.perform(call))
    }

    /// It happens outside, whatever becomes known of it.
    pub(crate) fn happens(&mut self, call: &Call) -> Result<(), String> {
        self.about(call, |ledger| ledger.happens(call))
    }

    /// A model is called so often by it.
    pub(crate) fn bills(&mut self, call: &Call, calls: u64) -> Result<(), String> {
        self.bill.made += calls;
        let (made, most) = (self.bill.made, self.bill.most);
        must(most.is_none_or(|most| made <= most), || {
            let (run, effect) = (self.run, call.effect.0);
            format!("{run} makes {made} calls of models with effect {effect}, {most:?} are allowed")
        })
    }

    fn about<T>(
        &mut self,
        call: &Call,
        ask: impl FnOnce(&mut Ledger) -> Result<T, String>,
    ) -> Result<T, String> {
        let run = self.run;
        ask(&mut self.ledger)
            .map_err(|what| format!("{run} performs effect {} of {}: {what}", call.effect.0, call.step))
    }
}
