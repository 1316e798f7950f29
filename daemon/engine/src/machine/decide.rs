//! The door: one stimulus in, one decision out.

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    EffectId, EffectOutcome, EventBody, Pins, Resolution, Status, StepId, TimerId, TimerPurpose,
    WorkflowError,
};

use super::model::{Stop, Turn, Work, Workflow};
use super::scope::TaskScope;
use super::stimulus::{Context, Decision, Refusal, Stimulus};
use crate::state::{EffectPhase, Frame, FrameId, Phase, RunState, Wait};

/// Most tasks that are named in one event.
const MOST_NAMED: usize = 1_000;

/// Decides what comes of a stimulus. Changes nothing: record the events in one commit, then fold them with
/// [`crate::state::apply`].
///
/// # Errors
/// The stimulus does not fit the run; nothing is to be recorded.
pub fn decide(
    workflow: &Workflow,
    state: &RunState,
    stimulus: &Stimulus,
    cx: &mut Context<'_>,
) -> Result<Decision, Refusal> {
    admit(workflow, state, stimulus)?;
    let mut turn = Turn {
        workflow,
        state: state.clone(),
        events: Vec::new(),
        cx,
        needed: Vec::new(),
        work: Vec::new(),
        taken: Vec::new(),
    };
    turn.take(stimulus)?;
    loop {
        turn.run();
        turn.spend();
        if !turn.close() {
            break;
        }
    }
    if turn.needed.is_empty() {
        return Ok(Decision::Ready { events: turn.events });
    }
    for class in std::mem::take(&mut turn.taken) {
        turn.cx.permits.release(class);
    }
    Ok(Decision::Evaluate(turn.needed))
}

fn admit(workflow: &Workflow, state: &RunState, stimulus: &Stimulus) -> Result<(), Refusal> {
    let decided_with = match stimulus {
        Stimulus::Migrate(migrate) => migrate.old.digest,
        _ => workflow.digest,
    };
    if let Some(version) = state.version
        && version != decided_with
    {
        let (given, wanted) = (decided_with.short(), version.short());
        return Err(Refusal::OtherVersion { given, wanted });
    }
    match (stimulus, state.status) {
        (Stimulus::Start { .. }, Status::Pending) => Ok(()),
        (Stimulus::Start { .. }, _) => Err(Refusal::AlreadyStarted),
        // A run that waits for its turn is over without having begun.
        (Stimulus::Cancel { .. }, Status::Pending) => Ok(()),
        (_, Status::Pending) => Err(Refusal::NotStarted),
        (
            Stimulus::Settled { .. }
            | Stimulus::TimerFired { .. }
            | Stimulus::Received { .. }
            | Stimulus::Recovered,
            _,
        ) => Ok(()),
        (_, status) if status.is_final() => Err(Refusal::Ended(status)),
        (
            Stimulus::Cancel { .. }
            | Stimulus::Pause { .. }
            | Stimulus::Decided { .. }
            | Stimulus::Migrate(_),
            _,
        ) if state.cancelling || state.undoing && !matches!(stimulus, Stimulus::Decided { .. }) => {
            Err(Refusal::Cancelling)
        }
        (Stimulus::Pause { .. }, status) if state.suspended => Err(Refusal::WrongState(status)),
        (Stimulus::Resume { .. }, status) if !state.suspended => Err(Refusal::WrongState(status)),
        _ => Ok(()),
    }
}

impl Turn<'_, '_> {
    fn take(&mut self, stimulus: &Stimulus) -> Result<(), Refusal> {
        match stimulus {
            Stimulus::Start { input, pins } => self.start(input, pins),
            Stimulus::Fork(fork) => self.fork(fork)?,
            Stimulus::Migrate(migrate) => self.migrate(migrate),
            Stimulus::Permitted { effect } => self.permitted(*effect)?,
            Stimulus::Settled { effect, outcome } => self.settled(*effect, outcome),
            Stimulus::TimerFired { timer } => self.timer(*timer),
            Stimulus::Decided { approval, record } => self.decided(*approval, record)?,
            Stimulus::Amend {
                approval,
                digest,
                payload,
                by,
            } => self.amended(*approval, *digest, payload, by)?,
            Stimulus::Delegate {
                approval,
                from,
                to,
                by,
            } => self.delegated(*approval, from, to, by)?,
            Stimulus::Cancel { by, reason } => self.cancel(by, reason.clone()),
            Stimulus::Pause { by } => {
                let (by, tasks) = (by.clone(), self.begun());
                self.emit(EventBody::WorkflowSuspended { by, tasks });
            }
            Stimulus::Resume { by } => self.resume(by),
            Stimulus::Received { at, event, listens } => self.received(*at, event, listens),
            Stimulus::Recovered => self.recovered(),
            Stimulus::Undo { left } => self.undo_behind(*left)?,
            Stimulus::Fail { error } => self.work.push(Work::After {
                frame: self.state.root,
                outcome: Err(Stop::fault(error.clone())),
            }),
            Stimulus::Resolve {
                effect,
                resolution,
                by,
            } => self.resolve(*effect, resolution, by)?,
        }
        Ok(())
    }

    fn start(&mut self, input: &Payload, pins: &Pins) {
        let workflow = self.workflow;
        let task = workflow.task(0);
        let filled = task.base.input.schema.as_ref().map(|schema| schema.fill(input));
        let input = filled.as_ref().unwrap_or(input);
        let shaped = match self.shape_input(input) {
            Ok(shaped) => Ok(shaped),
            Err(Stop::Ask) => return,
            Err(Stop::Fault(error)) => Err(*error),
        };
        let checked = Self::check(task.base.input.schema.as_ref(), input, "workflow's input");
        let root = self.emit(EventBody::WorkflowStarted {
            workflow: workflow.name.clone(),
            version: workflow.digest,
            input: input.clone(),
            shaped: shaped.as_ref().ok().and_then(Clone::clone),
            pins: pins.clone(),
        });
        if let Some(error) = shaped.err().or(match checked {
            Err(Stop::Fault(error)) => Some(*error),
            _ => None,
        }) {
            self.work.push(Work::After {
                frame: root,
                outcome: Err(Stop::fault(error)),
            });
            return;
        }
        let step = self.step(root);
        self.begin_body(root, 0, step);
    }

    /// What the workflow's `input.from` makes of its input.
    pub(super) fn shape_input(&mut self, input: &Payload) -> Result<Option<Payload>, Stop> {
        let workflow = self.workflow;
        let task = workflow.task(0);
        let Some(from) = &task.base.input.from else {
            return Ok(None);
        };
        let mut state = self.state.clone();
        state.input = input.clone();
        state.started_at = Some(self.cx.now);
        let scope = TaskScope {
            workflow,
            state: &state,
            frame: 0,
            task,
            dot: input.clone(),
            input: input.clone(),
            output: None,
            extra: Vec::new(),
            now: self.cx.now,
        };
        let result = from.evaluate(&scope, self.cx.answers);
        self.answer(result).map(Some)
    }

    fn permitted(&mut self, effect: EffectId) -> Result<(), Refusal> {
        let not_waiting = || Refusal::NotWaiting {
            what: format!("effect {}", effect.0),
        };
        let queued = self.state.effect(effect).ok_or_else(not_waiting)?;
        if queued.phase != EffectPhase::Queued || queued.abort || self.state.cancelling {
            return Err(not_waiting());
        }
        if self.state.suspended {
            return Err(Refusal::WrongState(Status::Suspended));
        }
        self.workflow
            .task_at(&queued.step.pointer)
            .ok_or_else(not_waiting)?;
        self.intend_if_room(effect, true);
        Ok(())
    }

    fn settled(&mut self, effect: EffectId, outcome: &EffectOutcome) {
        if self.state.status.is_final() {
            return;
        }
        let Some(known) = self.state.effect(effect) else {
            if effect.0 <= self.state.seq && *outcome != EffectOutcome::Cancelled {
                self.emit(EventBody::EffectLate {
                    effect,
                    outcome: outcome.clone(),
                });
            }
            return;
        };
        let (frame, abort) = (known.frame, known.abort);
        match outcome {
            EffectOutcome::Unknown { reason } => {
                if self.effect_unknown(effect, reason.clone(), false) {
                    self.reserve_again(effect);
                }
            }
            EffectOutcome::Done { .. }
            | EffectOutcome::Turn { .. }
            | EffectOutcome::Failed { .. }
            | EffectOutcome::Asks { .. }
                if abort =>
            {
                self.emit(EventBody::EffectLate {
                    effect,
                    outcome: outcome.clone(),
                });
            }
            _ => {
                self.emit(EventBody::EffectSettled {
                    effect,
                    outcome: outcome.clone(),
                });
            }
        }
        self.work.push(Work::Use { frame });
    }

    fn timer(&mut self, id: TimerId) {
        if self.state.status.is_final() || self.state.cancelling {
            return;
        }
        let Some(timer) = self.state.timers.get(id.0).cloned() else {
            return;
        };
        if timer.due > self.cx.now {
            return;
        }
        let limit = timer.purpose.is_limit();
        if limit && self.state.suspended {
            // While a person holds the run nothing new may begin, not even what handles a timeout.
            return;
        }
        self.emit(EventBody::TimerFired { timer: id });
        if limit {
            let error = WorkflowError::standard("timeout", 408, "The time limit ran out");
            if timer.purpose == TimerPurpose::AttemptTimeout {
                // An error of what is tried: the `try` itself catches it.
                self.stop_inside(timer.frame, "the attempt took too long");
                let instance = Some(self.step(timer.frame));
                return self.tell_parent(timer.frame, Err(WorkflowError { instance, ..error }));
            }
            self.work.push(Work::After {
                frame: timer.frame,
                outcome: Err(Stop::fault(error)),
            });
        } else if !self.question_timer(&timer) {
            self.work.push(Work::Use { frame: timer.frame });
        }
    }

    pub(super) fn cancel(&mut self, by: &str, reason: Option<String>) {
        if self.state.suspended {
            // A cancel ends the pause: what runs must stop, and what was done may have to be undone.
            self.emit_resumed(by);
        }
        self.emit(EventBody::WorkflowCancelling {
            by: by.to_owned(),
            reason,
        });
        let begun: Vec<EffectId> = self.state.effects().map(|effect| effect.id).collect();
        for id in begun {
            let parked = |phase: &EffectPhase| !matches!(phase, EffectPhase::Intended { .. });
            if self.state.effect(id).is_some_and(|effect| parked(&effect.phase)) {
                self.emit(EventBody::EffectSettled {
                    effect: id,
                    outcome: EffectOutcome::Cancelled,
                });
            }
        }
        self.withdraw_raise(self.state.root);
        self.stop_leaves(self.state.root);
    }

    /// Stops every task inside a frame; effects that may be running stay open until they are reported.
    fn stop_leaves(&mut self, frame: FrameId) {
        let Some(own) = self.state.frame(frame).cloned() else {
            return;
        };
        for child in own.children {
            self.stop_leaves(child);
            let Some(inner) = self.state.frame(child) else {
                continue;
            };
            let step = inner.step.clone();
            if let Wait::Approval { approval, .. } = &inner.wait {
                let (approval, step) = (*approval, step.clone());
                self.emit(EventBody::ApprovalWithdrawn { approval, step });
            }
            self.withdraw_raise(child);
            self.emit(EventBody::TaskCancelled {
                step,
                reason: Some("the run was cancelled".to_owned()),
            });
        }
    }

    /// Tasks that have begun and not ended.
    fn begun(&self) -> Vec<StepId> {
        let open = |(_, frame): &(FrameId, &Frame)| frame.parent.is_some() && frame.phase != Phase::Done;
        let steps = self
            .state
            .frames()
            .filter(open)
            .map(|(_, frame)| frame.step.clone());
        steps.take(MOST_NAMED).collect()
    }

    fn emit_resumed(&mut self, by: &str) {
        let (by, tasks) = (Some(by.to_owned()), self.begun());
        self.emit(EventBody::WorkflowResumed { by, tasks });
    }

    fn resume(&mut self, by: &str) {
        self.emit_resumed(by);
        let ready: Vec<FrameId> = self.state.frames().map(|(id, _)| id).collect();
        self.work
            .extend(ready.into_iter().rev().map(|frame| Work::Use { frame }));
    }

    fn recovered(&mut self) {
        if self.state.status.is_final() {
            return;
        }
        let begun: Vec<EffectId> = self
            .state
            .effects()
            .filter(|effect| matches!(effect.phase, EffectPhase::Intended { .. }))
            .map(|effect| effect.id)
            .collect();
        let reason = "the daemon stopped before the outcome was recorded";
        let again: Vec<EffectId> = begun
            .into_iter()
            .filter(|id| self.effect_unknown(*id, reason.to_owned(), true))
            .collect();
        for id in again {
            self.reserve_again(id);
        }
        let frames: Vec<FrameId> = self.state.frames().map(|(id, _)| id).collect();
        self.work
            .extend(frames.into_iter().rev().map(|frame| Work::Use { frame }));
    }

    fn resolve(&mut self, effect: EffectId, resolution: &Resolution, by: &str) -> Result<(), Refusal> {
        let parked = self
            .state
            .effect(effect)
            .filter(|e| matches!(e.phase, EffectPhase::Parked { .. }));
        let frame = parked.map(|effect| effect.frame);
        let frame = frame.ok_or_else(|| Refusal::NotWaiting {
            what: format!("effect {}", effect.0),
        })?;
        self.emit(EventBody::EffectResolved {
            effect,
            resolution: resolution.clone(),
            by: by.to_owned(),
        });
        if *resolution == Resolution::Again {
            self.reserve_again(effect);
        }
        self.work.push(Work::Use { frame });
        Ok(())
    }

    /// The end of a decision: is the run waiting, is a cancel complete? True where that makes work.
    fn close(&mut self) -> bool {
        if !self.needed.is_empty() || self.state.status.is_final() || self.events.is_empty() {
            return false;
        }
        if self.state.cancelling || self.state.undoing {
            return self.undo_next();
        }
        if self.state.suspended {
            return false;
        }
        let parked = self.state.effects().all(|effect| effect.phase.rests());
        let yields = self
            .state
            .timers()
            .any(|timer| timer.purpose == TimerPurpose::Yield);
        match self.state.status {
            Status::Running if parked && !yields => {
                self.emit(EventBody::WorkflowWaiting {});
            }
            Status::Waiting if !parked || yields => {
                self.emit(EventBody::WorkflowResumed {
                    by: None,
                    tasks: Vec::new(),
                });
            }
            _ => {}
        }
        false
    }
}
