//! Going on from another run's journal: what had finished there stays, what was in flight begins again here.
//!
//! The state is that of the other run at any of its events, in the middle of a decision too: whatever the next events
//! of that decision would have done is done here. Invariant: an effect whose outcome counts is not asked for again.

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Data, Decision as Verdict, EffectOutcome, EventBody, StepId};

use super::model::{Done, Me, Outcome, Stop, TaskIndex, Turn, Work};
use super::stimulus::{Fork, Refusal};
use crate::document::Then;
use crate::state::{Frame, FrameId, Phase, Wait};

/// What becomes of a frame.
enum Lot {
    /// It waits for what still comes: its tasks, a timer.
    Keep,
    /// It begins again.
    Restart,
    /// What it waited for is there and was not used yet.
    Use,
    /// Its tasks go on where they are.
    GoOn,
}

impl Turn<'_, '_> {
    /// Takes the run over.
    pub(super) fn fork(&mut self, fork: &Fork) -> Result<(), Refusal> {
        let root = self.workflow.task(0);
        let schema = root.base.input.schema.as_ref();
        let filled = fork
            .input
            .as_ref()
            .map(|input| schema.map_or_else(|| input.clone(), |schema| schema.fill(input)));
        let (input, shaped) = match &filled {
            None => (Data::WorkflowInput, None),
            Some(input) => match self.another_input(input) {
                Ok(shaped) => (Data::Inline(input.clone()), shaped.map(Data::Inline)),
                Err(Stop::Ask) => return Ok(()),
                Err(Stop::Fault(error)) => {
                    let detail = error.detail.unwrap_or(error.title);
                    return Err(Refusal::BadInput { detail });
                }
            },
        };
        let (mut restart, mut on) = (Vec::new(), Vec::new());
        for (id, frame) in self.state.frames() {
            match self.lot(frame) {
                Lot::Keep => {}
                Lot::Restart => restart.push(id),
                Lot::Use => on.push(Work::Use { frame: id }),
                Lot::GoOn => on.push(Work::Again {
                    frame: id,
                    task: None,
                }),
            }
        }
        on.extend(restart.iter().filter_map(|id| self.anew(*id)));
        let steps: Vec<StepId> = restart.iter().map(|id| self.step(*id)).collect();
        self.emit(EventBody::WorkflowForked {
            origin: fork.origin,
            at: fork.at,
            how: fork.how,
            input,
            shaped,
            restart: steps,
        });
        self.limits_anew();
        self.work.extend(on.into_iter().rev());
        Ok(())
    }

    /// What the workflow makes of another input, or what is wrong with it.
    fn another_input(&mut self, input: &Payload) -> Result<Option<Payload>, Stop> {
        let root = self.workflow.task(0);
        Self::check(root.base.input.schema.as_ref(), input, "workflow's input")?;
        self.shape_input(input)
    }

    fn lot(&self, frame: &Frame) -> Lot {
        let Some(index) = self.workflow.task_at(&frame.step.pointer) else {
            return Lot::Keep;
        };
        match &frame.wait {
            _ if frame.phase == Phase::Done => Lot::Keep,
            Wait::Outcome {
                outcome: EffectOutcome::Done { .. } | EffectOutcome::Turn { .. } | EffectOutcome::Asks { .. },
                ..
            }
            | Wait::TimerFired
            | Wait::Events
            | Wait::Yield { fired: true, .. } => Lot::Use,
            Wait::Decided { record, .. } if matches!(record.decision, Verdict::Approve { .. }) => Lot::Use,
            Wait::Timer(_) | Wait::Yield { .. } => Lot::Keep,
            Wait::Nothing if !frame.children.is_empty() && !frame.parallel => Lot::Keep,
            _ if frame.conversation.is_some() => Lot::GoOn,
            Wait::Nothing => {
                let inner = !self.workflow.task(index).body.lists().is_empty();
                let begun = frame.data_of.is_some()
                    || frame.items.is_some()
                    || frame.transitions > 0
                    || frame.attempt > 1
                    || frame.phase != Phase::Body
                    || !frame.children.is_empty();
                if inner && (begun || frame.parent.is_none()) {
                    Lot::GoOn
                } else {
                    Lot::Restart
                }
            }
            _ => Lot::Restart,
        }
    }

    /// The task around a frame begins it again; branches are found missing by their own task.
    fn anew(&self, id: FrameId) -> Option<Work> {
        let frame = self.state.frame(id)?;
        let parent = frame.parent?;
        let task = self.workflow.task_at(&frame.step.pointer)?;
        (!self.state.frame(parent)?.parallel).then_some(Work::Again {
            frame: parent,
            task: Some(task),
        })
    }

    /// Limits of tasks that go on count from now.
    fn limits_anew(&mut self) {
        let workflow = self.workflow;
        let open: Vec<(FrameId, StepId, TaskIndex)> = self
            .state
            .frames()
            .filter(|(_, frame)| frame.phase != Phase::Done)
            .filter_map(|(id, frame)| Some((id, frame.step.clone(), workflow.task_at(&frame.step.pointer)?)))
            .collect();
        for (frame, step, index) in open {
            if let Err(stop) = self.limit(frame, index, step) {
                self.work.push(Work::After {
                    frame,
                    outcome: Err(stop),
                });
            }
        }
    }

    /// A task around others goes on: it begins one of them again, or does what follows the last one that ended.
    pub(super) fn again(&mut self, frame: FrameId, task: Option<TaskIndex>) {
        let workflow = self.workflow;
        let Some(own) = self.state.frame(frame) else {
            return;
        };
        let Some(index) = workflow.task_at(&own.step.pointer) else {
            return;
        };
        let me = Me {
            frame,
            task: workflow.task(index),
        };
        let outcome: Outcome = match task {
            _ if self.converses(me) => self.converse(me),
            Some(task) => me.task.body.begin_again(self, me, task),
            None => {
                let last = self.last_done(own);
                me.task.body.go_on(self, me, last)
            }
        };
        self.work.push(Work::After { frame, outcome });
    }

    /// The last task inside a frame that ended, and where it wanted to go.
    fn last_done(&self, frame: &Frame) -> Option<Done> {
        let task = self.workflow.task_at(&frame.data_of.as_ref()?.pointer)?;
        Some(Done {
            task,
            output: frame.data.clone(),
            then: self.way_of(task, frame),
        })
    }

    /// Where a task that ended leads; `frame` holds the way it chose.
    pub(crate) fn way_of(&self, task: TaskIndex, frame: &Frame) -> Then {
        let own = || self.workflow.task(task).base.then.as_ref();
        match &frame.then {
            Some(word) => Then::of(word),
            None => own().map_or(Then::Continue, |(then, _)| then.clone()),
        }
    }
}

#[cfg(test)]
#[path = "again_tests.rs"]
mod tests;
