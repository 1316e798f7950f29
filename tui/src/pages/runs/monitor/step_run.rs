//! One step of a run, and one effect of a step, as folded from the events.
//! Owns plain data and the stretches of time they went through; the fold decides when.
//! Invariant: at most the last stretch is open.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{
    ApprovalRequest, Data, DecisionRecord, EffectId, EffectRequest, OnUnknown, StepId, Usage, WorkflowError,
};
use serde_json::Value;

use crate::widgets::step_state::StepState;
use crate::widgets::timeline::{Span, Stretch};

/// Most stretches kept of one step; a loop of retries cannot grow it without bound.
const MAX_SPANS: usize = 256;

/// A step that has begun (or was passed over).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepRun {
    /// The task's name.
    pub task: Arc<str>,
    /// The task's keyword: `set`, `call`, `fork`, ...
    pub kind: Arc<str>,
    /// What it is doing.
    pub state: StepState,
    /// Milliseconds from the run's start to its begin.
    pub began: u64,
    /// Milliseconds from the run's start to its end.
    pub ended: Option<u64>,
    /// What it was given.
    pub input: Option<Data>,
    /// What came out.
    pub output: Option<Data>,
    /// Why it ended badly, or why the try before failed.
    pub error: Option<WorkflowError>,
    /// How often it has begun: a try around it, or a way back, begins it again.
    pub times: u32,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When its timer is due, in milliseconds from the run's start.
    pub due: Option<u64>,
    /// What it waits for, where that is no timer and no person of its own: `for budget: money`.
    pub awaits: Option<String>,
    /// Who has said yes, where it takes several.
    pub votes: Vec<String>,
    /// The round it is in, where it is a loop, from 0.
    pub round: Option<u32>,
    /// What it goes over, where it is a loop.
    pub collection: Option<Payload>,
    /// The question it put to a person.
    pub approval: Option<(EntityId, Box<ApprovalRequest>)>,
    /// What the person said.
    pub decision: Option<DecisionRecord>,
    /// Its latest effect.
    pub effect: Option<EffectId>,
    /// What its model calls took.
    pub usage: Usage,
    /// What its time was spent on.
    pub spans: Vec<Span>,
    /// Number of the event that last changed it.
    pub seq: u64,
}

/// An effect: its intent and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EffectRun {
    /// The step it belongs to.
    pub step: StepId,
    /// Attempt of the step.
    pub attempt: u32,
    /// Exactly what is done.
    pub request: Option<EffectRequest>,
    /// Idempotency key, once intended.
    pub key: String,
    /// Digest of the request.
    pub digest: Option<Digest>,
    /// What happens if nobody knows how it ended.
    pub on_unknown: OnUnknown,
    /// Facts of its outcome: model, status code, exit code.
    pub facts: std::collections::BTreeMap<String, Value>,
    /// It has ended, in a word.
    pub ended: Option<&'static str>,
    /// Milliseconds from the run's start to its intent and to its end.
    pub time: (Option<u64>, Option<u64>),
    /// What it took.
    pub usage: Usage,
    /// Number of the event that made its intent, or its outcome, durable.
    pub seq: u64,
}

impl StepRun {
    /// A step that begins at `now`.
    pub(super) fn new(task: &Arc<str>, kind: &Arc<str>, now: u64) -> Self {
        Self {
            task: Arc::clone(task),
            kind: Arc::clone(kind),
            state: StepState::Running,
            began: now,
            ended: None,
            input: None,
            output: None,
            error: None,
            times: 1,
            attempt: 1,
            due: None,
            awaits: None,
            votes: Vec::new(),
            round: None,
            collection: None,
            approval: None,
            decision: None,
            effect: None,
            usage: Usage::default(),
            spans: vec![Span {
                stretch: Stretch::Busy,
                from: now,
                to: None,
            }],
            seq: 0,
        }
    }

    /// Goes over to a state, and to what its time is spent on from now on.
    pub(super) fn turn(&mut self, state: StepState, stretch: Stretch, now: u64) {
        self.state = state;
        match self.spans.last_mut() {
            Some(last) if last.to.is_none() && last.stretch == stretch => return,
            Some(last) if last.to.is_none() && last.from == now => {
                last.stretch = stretch;
                return;
            }
            Some(last) if last.to.is_none() => last.to = Some(now),
            _ => {}
        }
        if self.spans.len() == MAX_SPANS {
            self.spans.remove(0);
        }
        self.spans.push(Span {
            stretch,
            from: now,
            to: None,
        });
    }

    /// The try that was running failed.
    pub(super) fn fail_try(&mut self, now: u64) {
        if let Some(last) = self.spans.last_mut()
            && last.to.is_none()
        {
            last.to = Some(now);
            if last.stretch == Stretch::Busy {
                last.stretch = Stretch::Failed;
            }
        }
    }

    /// It is over.
    pub(super) fn end(&mut self, state: StepState, now: u64) {
        if state == StepState::Faulted {
            self.fail_try(now);
        }
        if let Some(last) = self.spans.last_mut()
            && last.to.is_none()
        {
            last.to = Some(now);
        }
        self.state = state;
        self.ended = Some(now);
        self.due = None;
    }

    /// Milliseconds it took so far.
    pub(super) fn took(&self, now: u64) -> u64 {
        self.ended.unwrap_or(now).saturating_sub(self.began)
    }
}
