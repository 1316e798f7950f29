//! The fold: what each event of a run does to its picture.
//! Owns the transitions; the picture itself is plain data in `run_view`.
//! Invariant: the same events give the same picture, however they are batched or repeated.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{
    Data, EffectId, EffectOutcome, EventBody, OnUnknown, RunEvent, Status, StepId, TimerPurpose, Usage,
};

use super::run_view::{MAX_LINES, RunView};
use super::step_run::{EffectRun, StepRun};
use super::words::words;
use super::words_budget::held;
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::Stretch;

impl RunView {
    /// Folds the events it has not seen yet.
    pub(super) fn extend<'e>(&mut self, events: impl IntoIterator<Item = &'e RunEvent>) {
        for event in events {
            if event.seq > self.seq {
                self.apply(event);
            }
        }
    }

    fn apply(&mut self, event: &RunEvent) {
        self.seq = event.seq;
        self.began.get_or_insert(event.time);
        let now = self.since(event.time);
        if let Some(line) = words(event, self) {
            self.lines.push_back(line);
            if self.lines.len() > MAX_LINES {
                self.lines.pop_front();
            }
        }
        match &event.body {
            body if body.step().is_some() => self.step_event(event.seq, body, now),
            EventBody::EffectSettled { effect, outcome } => self.settled(event.seq, *effect, outcome, now),
            EventBody::EffectUnknown { effect, policy, .. } => self.unknown(event.seq, *effect, *policy, now),
            EventBody::EffectResolved { effect, .. } => {
                self.of_effect(*effect, |step| step.turn(StepState::Running, Stretch::Busy, now));
            }
            EventBody::TimerFired { timer } => {
                let fired = self.timers.remove(timer);
                if let Some((step, TimerPurpose::Wait | TimerPurpose::Retry)) = fired
                    && let Some(step) = self.steps.get_mut(&step)
                    && !step.state.is_over()
                {
                    step.due = None;
                    step.turn(StepState::Running, Stretch::Busy, now);
                }
            }
            body => self.run_event(body, now),
        }
    }

    fn run_event(&mut self, body: &EventBody, now: u64) {
        match body {
            EventBody::WorkflowStarted {
                workflow,
                version,
                input,
                ..
            } => {
                self.workflow.clone_from(workflow);
                self.version = Some(*version);
                self.input = Some(Arc::clone(input));
                self.status = Status::Running;
            }
            EventBody::WorkflowForked { input, restart, .. } => {
                if let Data::Inline(input) = input {
                    self.input = Some(Arc::clone(input));
                }
                self.taken_over(restart, now);
            }
            EventBody::WorkflowMigrated { to, moved, .. } => {
                self.version = Some(*to);
                self.move_steps(moved);
            }
            EventBody::WorkflowWaiting {} => self.status = Status::Waiting,
            EventBody::WorkflowSuspended { .. } => self.status = Status::Suspended,
            EventBody::WorkflowResumed { .. } => self.status = Status::Running,
            EventBody::WorkflowCancelling { by, .. } => self.cancelling = Some(by.clone()),
            EventBody::WorkflowCompensating { .. } => self.undoing = true,
            EventBody::TaskCompensating { step, by } => {
                self.undo.insert(by.clone(), step.clone());
                if let Some(undone) = self.steps.get_mut(step) {
                    undone.awaits = Some("being undone".to_owned());
                }
            }
            EventBody::EffectReleased { effect } => self.of_effect(*effect, |step| step.awaits = None),
            EventBody::WorkflowCompleted { output } => {
                self.output = Some(output.clone());
                self.finish(Status::Completed, now);
            }
            EventBody::WorkflowFaulted { error } => {
                self.error = Some(error.clone());
                self.finish(Status::Faulted, now);
            }
            EventBody::WorkflowCancelled { .. } => self.finish(Status::Cancelled, now),
            _ => {}
        }
    }

    /// All before this is another run's: what was in flight there begins again here.
    fn taken_over(&mut self, restart: &[StepId], now: u64) {
        (self.status, self.cancelling) = (Status::Running, None);
        self.usage = Usage::default();
        for id in restart {
            if let Some(step) = self.steps.get_mut(id)
                && !step.state.is_over()
            {
                step.approval = None;
                step.end(StepState::Cancelled, now);
            }
        }
    }

    fn finish(&mut self, status: Status, now: u64) {
        self.status = status;
        self.ended = Some(now);
        for step in self.steps.values_mut().filter(|step| !step.state.is_over()) {
            step.end(
                if status == Status::Completed {
                    StepState::Completed
                } else {
                    StepState::Cancelled
                },
                now,
            );
        }
    }

    fn step_event(&mut self, seq: u64, body: &EventBody, now: u64) {
        let Some(id) = body.step() else { return };
        if self.status == Status::Waiting {
            self.status = Status::Running;
        }
        match body {
            EventBody::EffectQueued { effect, request, .. } => {
                self.effect(*effect, id, body, seq).request = Some(request.clone());
            }
            EventBody::EffectHeld { effect, request, .. } => {
                let known = self.effect(*effect, id, body, seq);
                if request.is_some() {
                    known.request.clone_from(request);
                }
            }
            EventBody::EffectIntended {
                effect,
                request,
                key,
                digest,
                on_unknown,
                ..
            } => {
                let known = self.effect(*effect, id, body, seq);
                if request.is_some() {
                    known.request.clone_from(request);
                }
                known.key.clone_from(key);
                known.digest = Some(*digest);
                known.on_unknown = *on_unknown;
                known.time.0 = Some(now);
            }
            EventBody::TimerSet { timer, purpose, .. } => {
                self.timers.insert(*timer, (id.clone(), *purpose));
            }
            _ => {}
        }
        let due = match body {
            EventBody::TimerSet { due, .. } => Some(self.since(*due)),
            _ => None,
        };
        let step = self.step(id, body, now);
        step.seq = seq;
        change(step, body, due, now);
        if let (EventBody::TaskCompleted { .. }, Some(undone)) = (body, self.undo.get(id).cloned())
            && let Some(undone) = self.steps.get_mut(&undone)
        {
            undone.awaits = None;
            undone.state = StepState::Undone;
        }
    }

    /// The step's entry, made if this is the first of it.
    fn step(&mut self, id: &StepId, body: &EventBody, now: u64) -> &mut StepRun {
        let (task, kind): (Arc<str>, Arc<str>) = match body {
            EventBody::TaskStarted { task, kind, .. } | EventBody::TaskSkipped { task, kind, .. } => {
                (Arc::clone(task), Arc::clone(kind))
            }
            _ => (
                id.pointer.rsplit('/').next().unwrap_or_default().into(),
                "".into(),
            ),
        };
        self.latest.insert(Arc::clone(&id.pointer), id.clone());
        self.steps.entry(id.clone()).or_insert_with(|| {
            self.order.push(id.clone());
            StepRun::new(&task, &kind, now)
        })
    }

    fn effect(&mut self, effect: EffectId, step: &StepId, body: &EventBody, seq: u64) -> &mut EffectRun {
        let attempt = match body {
            EventBody::EffectQueued { attempt, .. }
            | EventBody::EffectHeld { attempt, .. }
            | EventBody::EffectIntended { attempt, .. } => *attempt,
            _ => 1,
        };
        let known = self.effects.entry(effect).or_insert_with(|| EffectRun {
            step: step.clone(),
            attempt,
            request: None,
            key: String::new(),
            digest: None,
            on_unknown: OnUnknown::default(),
            facts: BTreeMap::new(),
            ended: None,
            time: (None, None),
            usage: Usage::default(),
            seq,
        });
        known.seq = seq;
        known
    }

    fn of_effect(&mut self, effect: EffectId, then: impl FnOnce(&mut StepRun)) {
        let step = self.effects.get(&effect).map(|effect| effect.step.clone());
        if let Some(step) = step.and_then(|step| self.steps.get_mut(&step))
            && !step.state.is_over()
        {
            then(step);
        }
    }

    fn settled(&mut self, seq: u64, effect: EffectId, outcome: &EffectOutcome, now: u64) {
        let mut took = Usage::default();
        if let Some(known) = self.effects.get_mut(&effect) {
            known.seq = seq;
            known.time.1 = Some(now);
            known.ended = Some(match outcome {
                EffectOutcome::Done { .. } => "done",
                EffectOutcome::Turn { .. } => "turn",
                EffectOutcome::Failed { .. } => "failed",
                EffectOutcome::Unknown { .. } => "unknown",
                EffectOutcome::Cancelled => "cancelled",
                EffectOutcome::Asks { .. } => "asks",
            });
            if let EffectOutcome::Done { usage, facts, .. } | EffectOutcome::Turn { usage, facts, .. } =
                outcome
            {
                took = *usage;
                known.facts.clone_from(facts);
            } else if let EffectOutcome::Failed { usage, .. } = outcome {
                took = *usage;
            }
            known.usage = took;
        }
        self.usage += took;
        self.of_effect(effect, |step| {
            step.seq = seq;
            step.usage += took;
            if let EffectOutcome::Failed { error, .. } = outcome {
                step.error = Some(error.clone());
                step.fail_try(now);
            }
        });
    }

    fn unknown(&mut self, seq: u64, effect: EffectId, policy: OnUnknown, now: u64) {
        self.of_effect(effect, |step| {
            step.seq = seq;
            match policy {
                OnUnknown::Ask | OnUnknown::Verify => step.turn(StepState::Unknown, Stretch::Waiting, now),
                OnUnknown::Retry => step.turn(StepState::Retry, Stretch::Queued, now),
                OnUnknown::Fail => step.fail_try(now),
            }
        });
    }
}

/// What an event does to the step it names: here what the task itself goes through.
fn change(step: &mut StepRun, body: &EventBody, due: Option<u64>, now: u64) {
    match body {
        EventBody::TaskStarted {
            input, task, kind, ..
        } => {
            let mut fresh = StepRun {
                seq: step.seq,
                input: Some(input.clone()),
                ..StepRun::new(task, kind, now)
            };
            if step.ended.is_some() {
                fresh.times = step.times + 1;
                fresh.spans = std::mem::take(&mut step.spans);
                fresh.turn(StepState::Running, Stretch::Busy, now);
            }
            *step = fresh;
        }
        EventBody::TaskSkipped { .. } => {
            step.spans.clear();
            step.end(StepState::Skipped, now);
        }
        EventBody::TaskCompleted { output, .. } => {
            step.output = Some(output.clone());
            step.error = None;
            step.end(StepState::Completed, now);
        }
        EventBody::TaskFaulted { error, .. } => {
            step.error = Some(error.clone());
            step.end(StepState::Faulted, now);
        }
        EventBody::TaskCancelled { .. } => step.end(StepState::Cancelled, now),
        EventBody::TaskCaught { .. } => step.turn(StepState::Running, Stretch::Busy, now),
        EventBody::TaskRetried {
            attempt,
            delay_ms,
            error,
            waits_for,
            ..
        } => {
            step.fail_try(now);
            step.awaits.clone_from(waits_for);
            step.attempt = *attempt;
            step.error = Some(error.clone());
            step.due = Some(now + delay_ms);
            step.turn(StepState::Retry, Stretch::Queued, now);
        }
        EventBody::TaskIterated {
            iteration,
            collection,
            ..
        } => {
            step.round = Some(*iteration);
            if collection.is_some() {
                step.collection.clone_from(collection);
            }
        }
        body => advance(step, body, due, now),
    }
}

/// What an effect, a timer or a question does to its step.
fn advance(step: &mut StepRun, body: &EventBody, due: Option<u64>, now: u64) {
    match body {
        EventBody::EffectQueued { effect, attempt, .. } => {
            (step.effect, step.attempt, step.due) = (Some(*effect), *attempt, None);
            step.awaits = None;
            step.turn(StepState::Queued, Stretch::Queued, now);
        }
        EventBody::EffectHeld {
            effect,
            attempt,
            limited,
            ..
        } => {
            (step.effect, step.attempt, step.due) = (Some(*effect), *attempt, None);
            step.awaits = Some(held(*limited));
            step.turn(StepState::Queued, Stretch::Queued, now);
        }
        EventBody::EffectIntended { effect, attempt, .. } => {
            step.awaits = None;
            (step.effect, step.attempt, step.due) = (Some(*effect), *attempt, None);
            step.turn(StepState::Running, Stretch::Busy, now);
        }
        EventBody::TimerSet {
            purpose: TimerPurpose::Wait,
            ..
        } => {
            step.due = due;
            step.turn(StepState::Waiting, Stretch::Waiting, now);
        }
        EventBody::TimerSet {
            purpose: TimerPurpose::Retry,
            ..
        } => step.due = due,
        EventBody::ApprovalRequested {
            approval, request, ..
        } => {
            step.approval = Some((*approval, Box::new(request.clone())));
            step.turn(StepState::Person, Stretch::Waiting, now);
        }
        EventBody::ApprovalDecided { record, .. } => {
            step.decision = Some(record.clone());
            step.turn(StepState::Running, Stretch::Busy, now);
        }
        EventBody::ApprovalWithdrawn { .. } => step.approval = None,
        body => heed(step, body, now),
    }
}

/// What people say before they decide, and what is heard on the bus.
fn heed(step: &mut StepRun, body: &EventBody, now: u64) {
    match body {
        EventBody::ListenOpened { patterns, .. } => {
            let kinds: Vec<&str> = patterns
                .iter()
                .map(|one| one.kind.as_deref().unwrap_or("any event"))
                .collect();
            step.awaits = Some(format!("for event {}", kinds.join(", ")));
            step.turn(StepState::Waiting, Stretch::Waiting, now);
        }
        EventBody::EventReceived { closes: true, .. } => {
            step.awaits = None;
            step.turn(StepState::Running, Stretch::Busy, now);
        }
        EventBody::ApprovalVoted { record, .. } => step.votes.push(record.by.clone()),
        EventBody::ApprovalAmended { payload, .. } => {
            step.votes.clear();
            if let Some((_, request)) = &mut step.approval {
                request.payload.clone_from(payload);
            }
        }
        _ => {}
    }
}
