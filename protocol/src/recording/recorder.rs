//! Makes a recording of a run's events.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::moved::Places;
use super::outside::Wanted;
use super::shape::{
    Asked, Expected, FORMAT, Moment, RecordedAgent, RecordedWorkflow, Recording, Taken, What,
};
use crate::Payload;
use crate::digest::Digest;
use crate::id::{EntityId, RunId};
use crate::run::{
    Data, Decision, DecisionRecord, EffectId, EffectRequest, EventBody, Pins, RunEvent, Status, StepId,
    TimerId, TimerPurpose, WorkflowError,
};

/// Why a run cannot be a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrecordable {
    /// It goes on.
    #[error("the run has not ended")]
    NotOver,
    /// A version it was on is not given.
    #[error("the run was on version {digest} before, and that one is not there")]
    Without {
        /// The version.
        digest: Digest,
    },
    /// It has no first event.
    #[error("the run has no events")]
    Empty,
}

/// Takes a run's events in, one after the other.
#[derive(Default)]
pub struct Recorder {
    began: Option<Began>,
    /// Versions it left, in order.
    left: Vec<Digest>,
    pub(super) boundary: Vec<Moment>,
    ids: Vec<EntityId>,
    pub(super) effects: BTreeMap<EffectId, Wanted>,
    pub(super) visits: BTreeMap<(StepId, u32), u32>,
    pub(super) timers: BTreeMap<TimerId, (StepId, TimerPurpose)>,
    steps: Vec<Taken>,
    open: BTreeMap<StepId, usize>,
    inputs: BTreeMap<StepId, Payload>,
    outputs: BTreeMap<StepId, Payload>,
    asked: Vec<Asked>,
    votes: BTreeMap<EntityId, Vec<String>>,
    emitted: Vec<Payload>,
    ended: Option<(Status, Option<Data>, Option<WorkflowError>)>,
    /// A denial that stops the run brings its cancel along.
    stopped_at: Option<Timestamp>,
    pub(super) restarted_at: Option<Timestamp>,
    /// Events since the last moment, its own among them.
    behind: u32,
}

struct Began {
    workflow: String,
    version: Digest,
    /// What it was given at the beginning.
    given: Payload,
    /// What it is given now: a run that goes on from another may have another input.
    input: Payload,
    shaped: Payload,
    pins: Pins,
    at: Timestamp,
}

impl Recorder {
    /// Takes the next event in.
    pub fn note(&mut self, event: &RunEvent) {
        self.behind += 1;
        match &event.body {
            EventBody::WorkflowStarted { .. } => self.begin(event),
            EventBody::WorkflowForked { .. } => self.forked(event),
            EventBody::WorkflowMigrated { .. } => self.migrated(event),
            EventBody::WorkflowCompleted { output } => {
                self.ended = Some((Status::Completed, Some(output.clone()), None));
            }
            EventBody::WorkflowFaulted { error } => {
                self.ended = Some((Status::Faulted, None, Some(error.clone())));
            }
            EventBody::WorkflowCancelled { .. } => self.ended = Some((Status::Cancelled, None, None)),
            body => {
                self.person(event);
                self.task(body);
                self.timer(event);
                self.effect(event);
                self.question(event);
                self.bus(event);
            }
        }
    }

    fn begin(&mut self, event: &RunEvent) {
        let EventBody::WorkflowStarted {
            workflow,
            version,
            input,
            shaped,
            pins,
        } = &event.body
        else {
            return;
        };
        self.began = Some(Began {
            workflow: workflow.clone(),
            version: *version,
            given: input.clone(),
            input: input.clone(),
            shaped: shaped.as_ref().unwrap_or(input).clone(),
            pins: pins.clone(),
            at: event.time,
        });
    }

    /// What happened so far is another run's.
    fn forked(&mut self, event: &RunEvent) {
        let EventBody::WorkflowForked {
            origin,
            how,
            input,
            shaped,
            ..
        } = &event.body
        else {
            return;
        };
        let input = match input {
            Data::Inline(input) => Some(input.clone()),
            _ => None,
        };
        if let (Some(input), Some(began)) = (&input, &mut self.began) {
            began.input = input.clone();
            began.shaped = match shaped {
                Some(Data::Inline(shaped)) => shaped.clone(),
                _ => input.clone(),
            };
        }
        let what = What::Fork {
            origin: *origin,
            how: *how,
            input,
            behind: self.behind - 1,
        };
        self.moment(event, what);
    }

    /// From here on its tasks stand where the other version has them.
    fn migrated(&mut self, event: &RunEvent) {
        let EventBody::WorkflowMigrated {
            from,
            by,
            moved,
            passed,
            pins,
            ..
        } = &event.body
        else {
            return;
        };
        self.left.push(*from);
        let what = What::Migrate {
            by: by.clone(),
            moved: moved.clone(),
            passed: passed.clone(),
            pins: pins.clone(),
        };
        self.moment(event, what);
        if let Some(began) = &mut self.began {
            for (name, version) in &pins.agents {
                began.pins.agents.entry(name.clone()).or_insert(*version);
            }
        }
        let places = Places::of(moved);
        self.open = places.keys(std::mem::take(&mut self.open));
        self.inputs = places.keys(std::mem::take(&mut self.inputs));
        self.outputs = places.keys(std::mem::take(&mut self.outputs));
        let visits = std::mem::take(&mut self.visits).into_iter();
        self.visits = visits
            .map(|((step, attempt), visit)| ((places.now(step), attempt), visit))
            .collect();
        for wanted in self.effects.values_mut() {
            places.step(&mut wanted.step);
        }
        for (step, _) in self.timers.values_mut() {
            places.step(step);
        }
    }

    fn person(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::WorkflowSuspended { by, .. } => self.moment(event, What::Pause { by: by.clone() }),
            EventBody::WorkflowResumed { by: Some(by), .. } => {
                self.moment(event, What::Resume { by: by.clone() });
            }
            EventBody::WorkflowCancelling { by, reason } if self.stopped_at != Some(event.time) => {
                let (by, reason) = (by.clone(), reason.clone());
                self.moment(event, What::Cancel { by, reason });
            }
            EventBody::WorkflowCompensating { left: Some(left) } => {
                self.moment(event, What::Undo { left: *left });
            }
            _ => {}
        }
    }

    fn bus(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::EventEmitted { event: emitted, .. } => {
                let id = emitted.get("id").and_then(|id| id.as_str());
                self.ids.extend(id.and_then(|id| id.parse::<EntityId>().ok()));
                self.emitted.push(emitted.clone());
            }
            EventBody::EventReceived {
                step,
                at,
                event: taken,
                ..
            } => {
                let what = What::Event {
                    step: step.clone(),
                    place: *at,
                    event: taken.clone(),
                };
                self.moment(event, what);
            }
            _ => {}
        }
    }

    pub(super) fn moment(&mut self, event: &RunEvent, what: What) {
        self.behind = 1;
        self.boundary.push(Moment { at: event.time, what });
    }

    fn task(&mut self, body: &EventBody) {
        match body {
            EventBody::TaskStarted { step, input, .. } => {
                if let Some(input) = self.value(input) {
                    self.inputs.insert(step.clone(), input);
                }
                self.open.insert(step.clone(), self.steps.len());
                self.steps.push(taken(step, "open"));
            }
            EventBody::TaskSkipped { step, .. } => self.steps.push(taken(step, "skipped")),
            EventBody::TaskCompleted { step, output, .. } => {
                if let Some(output) = self.value(output) {
                    self.outputs.insert(step.clone(), output);
                }
                self.end(step, "completed");
            }
            EventBody::TaskFaulted { step, .. } => self.end(step, "faulted"),
            EventBody::TaskCancelled { step, .. } => self.end(step, "cancelled"),
            _ => {}
        }
    }

    fn end(&mut self, step: &StepId, how: &str) {
        if let Some(at) = self.open.remove(step)
            && let Some(taken) = self.steps.get_mut(at)
        {
            taken.ended = Arc::from(how);
        }
    }

    fn question(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::ApprovalRequested {
                approval,
                step,
                request,
                ..
            } => {
                self.ids.push(*approval);
                self.asked.push(Asked {
                    step: step.clone(),
                    request: request.clone(),
                });
            }
            EventBody::ApprovalVoted {
                approval,
                step,
                record,
            } => {
                self.votes.entry(*approval).or_default().push(record.by.clone());
                self.decision(event, step, record.clone());
            }
            EventBody::ApprovalDecided {
                approval,
                step,
                record,
            } => {
                self.decided(event, *approval, step, record.clone());
            }
            EventBody::ApprovalAmended {
                approval,
                step,
                payload,
                by,
                ..
            } => {
                self.votes.remove(approval);
                let what = What::Amendment {
                    step: step.clone(),
                    payload: payload.clone(),
                    by: by.clone(),
                };
                self.moment(event, what);
            }
            EventBody::ApprovalDelegated {
                step, from, to, by, ..
            } => {
                let what = What::Delegation {
                    step: step.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    by: by.clone(),
                };
                self.moment(event, what);
            }
            _ => {}
        }
    }

    fn decided(&mut self, event: &RunEvent, approval: EntityId, step: &StepId, mut record: DecisionRecord) {
        if record.decision == Decision::Expire {
            // The timer that ran out says it.
            return;
        }
        let voted = self.votes.remove(&approval).unwrap_or_default().join(", ");
        if let Some(last) = record
            .by
            .strip_prefix(&voted)
            .and_then(|rest| rest.strip_prefix(", "))
            .filter(|_| !voted.is_empty() && matches!(record.decision, Decision::Approve { .. }))
        {
            // The joint yes is made of the votes; the last one is what came from outside.
            record.by = last.to_owned();
        }
        if record.stops_run {
            self.stopped_at = Some(event.time);
        }
        self.decision(event, step, record);
    }

    fn decision(&mut self, event: &RunEvent, step: &StepId, record: DecisionRecord) {
        let step = step.clone();
        self.moment(event, What::Decision { step, record });
    }

    fn value(&self, data: &Data) -> Option<Payload> {
        match data {
            Data::Inline(value) => Some(value.clone()),
            Data::OutputOf(step) => self.outputs.get(step).cloned(),
            Data::WorkflowInput => self.began.as_ref().map(|began| began.input.clone()),
            Data::InputOf(step) if step.pointer.is_empty() => {
                self.began.as_ref().map(|began| began.shaped.clone())
            }
            Data::InputOf(step) => self.inputs.get(step).cloned(),
            Data::Item => None,
        }
    }

    /// What the run did so far.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let (status, output, error) = self.ended.clone().unwrap_or((Status::Waiting, None, None));
        Expected {
            status,
            output: output.and_then(|output| self.value(&output)),
            error,
            steps: self.steps.clone(),
            asked: self.asked.clone(),
            emitted: self.emitted.clone(),
        }
    }

    /// Versions it left, in order.
    #[must_use]
    pub fn left(&self) -> &[Digest] {
        &self.left
    }

    /// The recording; `workflow` is the version it is on, `earlier` are those it left, `agents` what it pinned.
    ///
    /// # Errors
    /// The run cannot be a test.
    pub fn finish(
        self,
        run: RunId,
        workflow: RecordedWorkflow,
        earlier: Vec<RecordedWorkflow>,
        agents: BTreeMap<String, RecordedAgent>,
    ) -> Result<Recording, Unrecordable> {
        let mut given = earlier.iter().map(|version| version.digest);
        if let Some(digest) = self
            .left
            .iter()
            .copied()
            .find(|digest| given.next() != Some(*digest))
        {
            return Err(Unrecordable::Without { digest });
        }
        if self.ended.is_none() {
            return Err(Unrecordable::NotOver);
        }
        let mut recording = self.replayed(run, workflow, agents)?;
        recording.earlier = earlier;
        Ok(recording)
    }

    /// The recording of a replay, which may have come to no end.
    ///
    /// # Errors
    /// There were no events.
    pub fn replayed(
        mut self,
        run: RunId,
        workflow: RecordedWorkflow,
        agents: BTreeMap<String, RecordedAgent>,
    ) -> Result<Recording, Unrecordable> {
        let expect = self.expected();
        let began = self.began.take().ok_or(Unrecordable::Empty)?;
        Ok(Recording {
            format: FORMAT.to_owned(),
            about: String::new(),
            run,
            workflow,
            earlier: Vec::new(),
            agents,
            budget: began.pins.budget,
            seen: began.pins.seen,
            trial: began.pins.trial,
            input: began.given,
            started_at: began.at,
            ids: self.ids,
            boundary: self.boundary,
            expect,
        })
    }

    /// What the run pinned: the workflow's name and digest, and its agents.
    #[must_use]
    pub fn pinned(&self) -> Option<(&str, Digest, &Pins)> {
        let began = self.began.as_ref()?;
        Some((&began.workflow, began.version, &began.pins))
    }

    /// How many questions were asked so far.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.asked.len()
    }

    /// The effect that was asked for last: its step, attempt and visit, and the request.
    #[must_use]
    pub fn newest(&self) -> Option<(EffectId, &StepId, u32, u32, &EffectRequest)> {
        let (effect, wanted) = self.effects.last_key_value()?;
        let request = wanted.request.as_ref()?;
        Some((*effect, &wanted.step, wanted.attempt, wanted.visit, request))
    }
}

fn taken(step: &StepId, ended: &str) -> Taken {
    Taken {
        step: step.clone(),
        ended: Arc::from(ended),
    }
}
