//! The fold: one event at a time.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Data, EventBody, RunEvent, Status, StepId};
use jiff::Timestamp;
use serde_json::Value;

use super::conversation::Answer;
use super::frame::{Frame, FrameId, Phase, Wait};
use super::run::{RunState, Undo};
use super::tree::new_frame;

/// Folds one event into the state. Events come in order of their sequence numbers; an event that is in the
/// state already (its number is not above [`RunState::seq`]) changes nothing.
pub fn apply(state: &mut RunState, event: &RunEvent) {
    if event.seq <= state.seq {
        return;
    }
    state.seq = event.seq;
    match &event.body {
        EventBody::WorkflowStarted { .. }
        | EventBody::WorkflowWaiting { .. }
        | EventBody::WorkflowSuspended { .. }
        | EventBody::WorkflowResumed { .. }
        | EventBody::WorkflowCompleted { .. }
        | EventBody::WorkflowFaulted { .. }
        | EventBody::WorkflowCancelling { .. }
        | EventBody::WorkflowCompensating { .. }
        | EventBody::WorkflowCancelled { .. } => state.workflow_event(event),
        EventBody::WorkflowForked { .. } => state.forked(event),
        EventBody::WorkflowMigrated { .. } => state.migrated(&event.body),
        EventBody::TimerSet { .. } | EventBody::TimerFired { .. } => state.timer_event(&event.body),
        EventBody::ApprovalRequested { .. }
        | EventBody::ApprovalDecided { .. }
        | EventBody::ApprovalVoted { .. }
        | EventBody::ApprovalAmended { .. }
        | EventBody::ApprovalDelegated { .. }
        | EventBody::ApprovalEscalated { .. }
        | EventBody::ApprovalWithdrawn { .. } => state.approval_event(event),
        EventBody::ListenOpened { .. } | EventBody::EventReceived { .. } | EventBody::EventHandled { .. } => {
            state.listen_event(&event.body);
        }
        EventBody::EffectQueued { .. }
        | EventBody::EffectIntended { .. }
        | EventBody::EffectSettled { .. }
        | EventBody::EffectUnknown { .. }
        | EventBody::EffectResolved { .. }
        | EventBody::EffectLate { .. } => state.effect_event(&event.body),
        EventBody::EffectHeld { .. }
        | EventBody::EffectReleased { .. }
        | EventBody::BudgetReserved { .. } => {
            state.budget_event(&event.body);
        }
        _ => state.task_event(event),
    }
}

impl RunState {
    fn workflow_event(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::WorkflowStarted {
                workflow,
                version,
                input,
                shaped,
                pins,
            } => {
                self.workflow = Arc::from(workflow.as_str());
                self.version = Some(*version);
                self.input = input.clone();
                self.pins = Arc::new(pins.clone());
                self.seen = self.seen.and(pins.seen);
                self.status = Status::Running;
                self.started_at = Some(event.time);
                self.root = event.seq;
                let shaped = shaped.as_ref().unwrap_or(input).clone();
                self.add_frame(
                    event.seq,
                    new_frame(StepId::new(""), None, input.clone(), shaped, event.time),
                );
            }
            EventBody::WorkflowWaiting {} => self.status = Status::Waiting,
            EventBody::WorkflowSuspended { .. } => {
                self.suspended = true;
                self.status = Status::Suspended;
            }
            EventBody::WorkflowResumed { .. } => {
                self.suspended = false;
                self.status = Status::Running;
            }
            EventBody::WorkflowCompleted { output } => {
                self.output = Some(self.value(output, Some(self.root)));
                self.end(Status::Completed, event.time);
            }
            EventBody::WorkflowFaulted { error } => {
                self.error = Some(error.clone());
                self.end(Status::Faulted, event.time);
            }
            EventBody::WorkflowCancelling { .. } => self.cancelling = true,
            EventBody::WorkflowCompensating { left } => {
                if let Some(left) = left {
                    self.undo.retain(|undo| undo.seq > *left);
                }
                // Nothing of what was cancelled waits for anything any more.
                (self.cancelling, self.undoing) = (false, true);
                self.status = Status::Running;
                self.timers = super::Table::default();
            }
            EventBody::WorkflowCancelled { .. } => self.end(Status::Cancelled, event.time),
            _ => {}
        }
    }

    fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
        self.suspended = false;
        self.frames = super::Table::default();
        self.by_step = super::Table::default();
        self.timers = super::Table::default();
        self.approvals = super::Table::default();
        self.listens = super::Table::default();
        self.undo = Vec::new();
        self.undoing = false;
    }

    fn task_event(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::TaskStarted { .. } => self.task_started(event),
            EventBody::TaskSkipped { step, .. } => {
                if let Some(parent) = self.parent_of(step).and_then(|id| self.frame_mut(id)) {
                    parent.transitions += 1;
                    parent.wait = Wait::Nothing;
                }
            }
            EventBody::TaskCompleted {
                step,
                output,
                context,
                then,
                undo,
            } => {
                if *undo {
                    self.note_undo(event.seq, step, output);
                }
                if let Some(context) = context {
                    self.context = context.clone();
                }
                self.task_completed(step, output, then.as_ref());
            }
            EventBody::TaskCompensating { step, .. } => {
                if let Some(at) = self.undo.iter().rposition(|undo| undo.step == *step) {
                    self.undo_at = Some(self.undo.remove(at).step);
                }
            }
            EventBody::TaskFaulted { step, error } => {
                self.tool_answered(step, Answer::failure(error));
                self.task_gone(step);
            }
            EventBody::TaskCancelled { step, .. } => self.task_gone(step),
            EventBody::TaskCaught { step, error } => self.attempt_ended(step, |frame| {
                frame.phase = Phase::Catch;
                frame.error = Some(error.clone());
            }),
            EventBody::TaskRetried { .. } => self.task_retried(event),
            EventBody::TaskExtended { step, output, then } => self.task_extended(step, output, then),
            EventBody::TaskIterated {
                step,
                iteration,
                collection,
                ..
            } => self.change(step, |frame| {
                frame.iteration = *iteration;
                frame.transitions = 0;
                if let Some(collection) = collection {
                    frame.items = Some(collection.clone());
                }
            }),
            _ => {}
        }
    }

    fn task_retried(&mut self, event: &RunEvent) {
        let EventBody::TaskRetried {
            step,
            attempt,
            waits_for,
            ..
        } = &event.body
        else {
            return;
        };
        self.attempt_ended(step, |frame| {
            frame.phase = Phase::Body;
            frame.attempt = *attempt;
            frame.wait = Wait::Nothing;
            frame.refused_again(event.time, waits_for.as_deref());
        });
    }

    /// An attempt of a `try` ended with an error: what comes next begins with the task's input.
    fn attempt_ended(&mut self, step: &StepId, next: impl FnOnce(&mut Frame)) {
        if let Some(id) = self.frame_of(step) {
            self.attempt_over(id);
        }
        self.change(step, |frame| {
            frame.data = frame.input.clone();
            frame.data_of = None;
            next(frame);
        });
    }

    fn task_gone(&mut self, step: &StepId) {
        let Some(id) = self.frame_of(step) else { return };
        let whole = self.frame(id).and_then(|frame| frame.parent) == Some(self.root);
        if self.undoing && whole {
            self.undo_failed.extend(self.undo_at.take());
        }
        self.remove_frame(id);
    }

    /// Keeps what a task did for its compensation.
    fn note_undo(&mut self, seq: u64, step: &StepId, output: &Data) {
        let Some(id) = self.frame_of(step) else { return };
        let output = self.value(output, Some(id));
        if let Some(frame) = self.frame(id) {
            let undo = Undo {
                seq,
                step: step.clone(),
                input: frame.input.clone(),
                output,
            };
            self.undo.push(undo);
        }
    }

    fn task_extended(&mut self, step: &StepId, output: &Data, then: &Arc<str>) {
        let output = self.value(output, self.frame_of(step));
        self.change(step, |frame| frame.kept = Some((output, then.clone())));
    }

    fn task_started(&mut self, event: &RunEvent) {
        let EventBody::TaskStarted {
            step, input, kind, ..
        } = &event.body
        else {
            return;
        };
        let parent = self.parent_of(step);
        let input = self.value(input, parent);
        let raw = parent
            .and_then(|id| self.frame(id))
            .map_or(input.clone(), |parent| parent.data.clone());
        let mut new = new_frame(step.clone(), parent, raw, input, event.time);
        new.parallel = &**kind == "fork";
        if let Some(parent) = parent.and_then(|id| self.frame_mut(id)) {
            parent.children.push(event.seq);
            parent.open += 1;
            if !matches!(parent.wait, Wait::Effect(_)) {
                // Whoever waits for an effect has a lookup inside and goes on waiting.
                parent.wait = Wait::Nothing;
            }
        }
        self.add_frame(event.seq, new);
    }

    fn task_completed(&mut self, step: &StepId, output: &Data, then: Option<&Arc<str>>) {
        let Some(id) = self.frame_of(step) else { return };
        let output = self.value(output, Some(id));
        let (response, is_error) = (output.clone(), false);
        self.tool_answered(step, Answer { response, is_error });
        let parent = self.frame(id).and_then(|frame| frame.parent);
        if let Some(parent) = parent
            && self.frame(parent).is_some_and(|parent| parent.parallel)
        {
            self.remove_inside(id);
            if let Some(frame) = self.frame_mut(id) {
                frame.phase = Phase::Done;
                frame.data = output;
                frame.then = then.cloned();
                frame.wait = Wait::Nothing;
            }
            if let Some(parent) = self.frame_mut(parent) {
                parent.open = parent.open.saturating_sub(1);
            }
            return;
        }
        self.remove_frame(id);
        if let Some(parent) = parent.and_then(|id| self.frame_mut(id)) {
            parent.data = output;
            parent.data_of = Some(step.clone());
            parent.then = then.cloned();
            parent.transitions += 1;
        }
    }

    /// A task that is a tool call ended: the conversation around it has its answer.
    fn tool_answered(&mut self, step: &StepId, answer: Answer) {
        let Some(number) = step.iterations.last().copied() else {
            return;
        };
        let Some(own) = self.frame_of(step).and_then(|id| self.frame(id)) else {
            return;
        };
        let brought = own
            .conversation
            .as_ref()
            .map(|inner| inner.seen)
            .unwrap_or_default();
        let around = own.parent.and_then(|id| self.frame_mut(id));
        if let Some(conversation) = around.and_then(|around| around.conversation.as_mut()) {
            Arc::make_mut(conversation).answered(number, answer, brought);
            let now = conversation.seen;
            self.seen = self.seen.and(now);
        }
    }

    fn value(&self, data: &Data, near: Option<FrameId>) -> Payload {
        let near = near.and_then(|id| self.frame(id));
        let found = match data {
            Data::Inline(value) => Some(value.clone()),
            Data::WorkflowInput => Some(self.input.clone()),
            Data::InputOf(step) => match near {
                Some(frame) if frame.step == *step => Some(frame.input.clone()),
                _ => self
                    .frame_of(step)
                    .and_then(|id| self.frame(id))
                    .map(|frame| frame.input.clone()),
            },
            Data::OutputOf(step) => near
                .filter(|frame| frame.data_of.as_ref() == Some(step))
                .or_else(|| self.frame_of(step).and_then(|id| self.frame(id)))
                .map(|frame| frame.data.clone()),
            Data::Item => None,
        };
        found.unwrap_or_else(|| Arc::new(Value::Null))
    }
}
