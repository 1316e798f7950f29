//! The fold: one event at a time.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    Data, EffectId, EffectOutcome, EventBody, OnUnknown, Resolution, RunEvent, Status, StepId, TimerId,
    TimerPurpose, Usage, WorkflowError,
};
use jiff::Timestamp;
use serde_json::Value;

use super::frame::{Frame, FrameId, Phase, Wait};
use super::run::{Effect, EffectPhase, PendingApproval, RunState, Timer, bucket};

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
        | EventBody::WorkflowCancelled { .. } => state.workflow_event(event),
        EventBody::TimerSet { .. } | EventBody::TimerFired { .. } => state.timer_event(&event.body),
        EventBody::ApprovalRequested { .. }
        | EventBody::ApprovalDecided { .. }
        | EventBody::ApprovalWithdrawn { .. } => state.approval_event(event),
        EventBody::EffectQueued { .. }
        | EventBody::EffectIntended { .. }
        | EventBody::EffectSettled { .. }
        | EventBody::EffectUnknown { .. }
        | EventBody::EffectResolved { .. }
        | EventBody::EffectLate { .. } => state.effect_event(&event.body),
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
                self.status = Status::Running;
                self.started_at = Some(event.time);
                self.root = event.seq;
                let shaped = shaped.as_ref().unwrap_or(input).clone();
                self.add_frame(
                    event.seq,
                    frame(StepId::new(""), None, input.clone(), shaped, event.time),
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
            EventBody::WorkflowCancelled {} => self.end(Status::Cancelled, event.time),
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
    }

    fn task_event(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::TaskStarted {
                step, input, kind, ..
            } => {
                let parent = self.parent_of(step);
                let input = self.value(input, parent);
                let raw = parent
                    .and_then(|id| self.frame(id))
                    .map_or(input.clone(), |p| p.data.clone());
                let mut new = frame(step.clone(), parent, raw, input, event.time);
                new.parallel = &**kind == "fork";
                if let Some(parent) = parent.and_then(|id| self.frame_mut(id)) {
                    parent.children.push(event.seq);
                    parent.open += 1;
                    parent.wait = Wait::Nothing;
                }
                self.add_frame(event.seq, new);
            }
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
            } => {
                if let Some(context) = context {
                    self.context = context.clone();
                }
                self.task_completed(step, output);
            }
            EventBody::TaskFaulted { step, .. } | EventBody::TaskCancelled { step, .. } => {
                if let Some(id) = self.frame_of(step) {
                    self.remove_frame(id);
                }
            }
            EventBody::TaskCaught { step, error } => self.change(step, |frame| {
                frame.phase = Phase::Catch;
                frame.error = Some(error.clone());
                frame.data = frame.input.clone();
                frame.data_of = None;
            }),
            EventBody::TaskRetried { step, attempt, .. } => self.change(step, |frame| {
                frame.phase = Phase::Body;
                frame.attempt = *attempt;
                frame.data = frame.input.clone();
                frame.data_of = None;
                frame.wait = Wait::Nothing;
            }),
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

    fn task_completed(&mut self, step: &StepId, output: &Data) {
        let Some(id) = self.frame_of(step) else { return };
        let output = self.value(output, Some(id));
        let parent = self.frame(id).and_then(|frame| frame.parent);
        if let Some(parent) = parent
            && self.frame(parent).is_some_and(|parent| parent.parallel)
        {
            self.remove_inside(id);
            if let Some(frame) = self.frame_mut(id) {
                frame.phase = Phase::Done;
                frame.data = output;
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
            parent.transitions += 1;
        }
    }

    fn effect_event(&mut self, body: &EventBody) {
        match body {
            EventBody::EffectQueued {
                effect,
                step,
                attempt,
                request,
            } => {
                self.add_effect(*effect, step, *attempt, request.clone(), EffectPhase::Queued);
            }
            EventBody::EffectIntended {
                effect,
                step,
                attempt,
                key,
                on_unknown,
                request,
                ..
            } => {
                let phase = EffectPhase::Intended {
                    key: Arc::from(key.as_str()),
                    on_unknown: *on_unknown,
                };
                if let Some(known) = self.effects.get_mut(effect.0) {
                    Arc::make_mut(known).phase = phase;
                } else if let Some(request) = request {
                    self.add_effect(*effect, step, *attempt, request.clone(), phase);
                }
            }
            EventBody::EffectSettled { effect, outcome } => self.settle(*effect, outcome),
            EventBody::EffectLate { effect, outcome } => {
                self.effects.remove(effect.0);
                self.usage += usage(outcome);
            }
            EventBody::EffectUnknown {
                effect,
                policy,
                reason,
            } => match policy {
                OnUnknown::Fail => {
                    self.settle(
                        *effect,
                        &EffectOutcome::Unknown {
                            reason: reason.clone(),
                        },
                    );
                }
                OnUnknown::Retry | OnUnknown::Ask => {
                    if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
                        known.unknowns += 1;
                        if *policy == OnUnknown::Ask {
                            known.phase = known.phase.clone().parked();
                        }
                    }
                }
            },
            EventBody::EffectResolved {
                effect, resolution, ..
            } => self.resolve(*effect, resolution),
            _ => {}
        }
    }

    fn resolve(&mut self, effect: EffectId, resolution: &Resolution) {
        match resolution {
            Resolution::Again => {
                if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
                    known.phase = known.phase.clone().resumed();
                }
            }
            Resolution::Happened { output } => {
                let outcome = EffectOutcome::Done {
                    output: output.clone(),
                    usage: Usage::default(),
                    facts: std::collections::BTreeMap::default(),
                };
                self.settle(effect, &outcome);
            }
            Resolution::Failed { reason } => {
                let error = WorkflowError::standard("runtime", 500, "Outcome decided by a person")
                    .detail(reason.clone());
                let outcome = EffectOutcome::Failed {
                    error,
                    retryable: false,
                    retry_after_ms: None,
                    usage: Usage::default(),
                };
                self.settle(effect, &outcome);
            }
        }
    }

    fn settle(&mut self, id: EffectId, outcome: &EffectOutcome) {
        let Some(effect) = self.effects.remove(id.0) else {
            return;
        };
        self.usage += usage(outcome);
        if let Some(frame) = self.frame_mut(effect.frame)
            && frame.wait == Wait::Effect(id)
        {
            frame.wait = Wait::Outcome {
                outcome: outcome.clone(),
                attempt: effect.attempt,
            };
        }
    }

    fn add_effect(
        &mut self,
        id: EffectId,
        step: &StepId,
        attempt: u32,
        request: dirigent_protocol::run::EffectRequest,
        phase: EffectPhase,
    ) {
        let Some(frame) = self.frame_of(step) else { return };
        let effect = Effect {
            id,
            step: step.clone(),
            frame,
            attempt,
            request,
            phase,
            unknowns: 0,
            abort: false,
        };
        self.effects.insert(id.0, Arc::new(effect));
        if let Some(frame) = self.frame_mut(frame) {
            frame.wait = Wait::Effect(id);
        }
    }

    fn timer_event(&mut self, body: &EventBody) {
        match body {
            EventBody::TimerSet {
                timer,
                step,
                due,
                purpose,
            } => {
                let owner = match purpose {
                    TimerPurpose::Yield => self.parent_of(step),
                    TimerPurpose::WorkflowTimeout => Some(self.root),
                    _ => self.frame_of(step),
                };
                let Some(frame) = owner else { return };
                self.timers.insert(
                    timer.0,
                    Timer {
                        id: *timer,
                        frame,
                        due: *due,
                        purpose: *purpose,
                    },
                );
                let Some(frame) = self.frame_mut(frame) else {
                    return;
                };
                match purpose {
                    TimerPurpose::Wait | TimerPurpose::Retry => frame.wait = Wait::Timer(*timer),
                    TimerPurpose::TaskTimeout | TimerPurpose::WorkflowTimeout => {
                        frame.timeout = Some(*timer);
                    }
                    TimerPurpose::ApprovalExpiry => {
                        if let Wait::Approval { expiry, .. } = &mut frame.wait {
                            *expiry = Some(*timer);
                        }
                    }
                    TimerPurpose::Yield => {
                        frame.wait = Wait::Yield {
                            timer: *timer,
                            next: step.clone(),
                            fired: false,
                        };
                    }
                }
            }
            EventBody::TimerFired { timer } => self.timer_fired(*timer),
            _ => {}
        }
    }

    fn timer_fired(&mut self, id: TimerId) {
        let Some(timer) = self.timers.remove(id.0) else {
            return;
        };
        let Some(frame) = self.frame_mut(timer.frame) else {
            return;
        };
        match &mut frame.wait {
            Wait::Timer(waiting) if *waiting == id => frame.wait = Wait::TimerFired,
            Wait::Yield { timer, fired, .. } if *timer == id => *fired = true,
            Wait::Approval { expiry, .. } if *expiry == Some(id) => *expiry = None,
            _ if frame.timeout == Some(id) => frame.timeout = None,
            _ => {}
        }
    }

    fn approval_event(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::ApprovalRequested {
                approval,
                step,
                digest,
                request,
            } => {
                let Some(frame) = self.frame_of(step) else { return };
                let pending = PendingApproval {
                    id: *approval,
                    step: step.clone(),
                    frame,
                    digest: *digest,
                    request: request.clone(),
                };
                self.approvals.insert(event.seq, Arc::new(pending));
                if let Some(frame) = self.frame_mut(frame) {
                    frame.wait = Wait::Approval {
                        approval: *approval,
                        expiry: None,
                    };
                }
            }
            EventBody::ApprovalDecided { approval, record, .. } => {
                let Some(pending) = self.take_approval(*approval) else {
                    return;
                };
                let Some(frame) = self.frame_mut(pending.frame) else {
                    return;
                };
                let payload = pending.request.payload.clone();
                let waited = std::mem::replace(
                    &mut frame.wait,
                    Wait::Decided {
                        record: record.clone(),
                        payload,
                    },
                );
                if let Wait::Approval {
                    expiry: Some(timer), ..
                } = waited
                {
                    self.timers.remove(timer.0);
                }
            }
            EventBody::ApprovalWithdrawn { approval, .. } => {
                self.take_approval(*approval);
            }
            _ => {}
        }
    }

    fn take_approval(&mut self, id: dirigent_protocol::id::EntityId) -> Option<Arc<PendingApproval>> {
        let key = self
            .approvals
            .iter()
            .find(|(_, pending)| pending.id == id)
            .map(|(key, _)| key)?;
        self.approvals.remove(key)
    }

    fn change(&mut self, step: &StepId, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frame_of(step).and_then(|id| self.frame_mut(id)) {
            change(frame);
        }
    }

    fn add_frame(&mut self, id: FrameId, frame: Frame) {
        let bucket = bucket(&frame.step.pointer, &frame.step.iterations);
        if let Some(ids) = self.by_step.get_mut(bucket) {
            ids.push(id);
        } else {
            self.by_step.insert(bucket, vec![id]);
        }
        self.frames.insert(id, Arc::new(frame));
    }

    /// Takes a frame and all inside it out; effects of theirs that may be running are marked to be aborted.
    fn remove_frame(&mut self, id: FrameId) {
        self.remove_inside(id);
        let Some(frame) = self.frames.remove(id) else {
            return;
        };
        let bucket = bucket(&frame.step.pointer, &frame.step.iterations);
        if let Some(ids) = self.by_step.get_mut(bucket) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_step.remove(bucket);
            }
        }
        if let Some(parent) = frame.parent.and_then(|id| self.frame_mut(id)) {
            parent.children.retain(|child| *child != id);
            parent.open = parent.open.saturating_sub(u32::from(frame.phase != Phase::Done));
        }
    }

    fn remove_inside(&mut self, id: FrameId) {
        let Some(frame) = self.frames.get(id).cloned() else {
            return;
        };
        for child in &frame.children {
            self.remove_frame(*child);
        }
        if let Some(timer) = frame.timeout {
            self.timers.remove(timer.0);
        }
        match &frame.wait {
            Wait::Timer(timer) | Wait::Yield { timer, .. } => {
                self.timers.remove(timer.0);
            }
            Wait::Approval { approval, expiry } => {
                self.take_approval(*approval);
                if let Some(timer) = expiry {
                    self.timers.remove(timer.0);
                }
            }
            Wait::Effect(effect) => {
                let queued = self
                    .effects
                    .get(effect.0)
                    .is_some_and(|known| known.phase == EffectPhase::Queued);
                if queued {
                    self.effects.remove(effect.0);
                } else if let Some(known) = self.effects.get_mut(effect.0) {
                    Arc::make_mut(known).abort = true;
                }
            }
            _ => {}
        }
    }

    /// The frame around a step: the nearest pointer above that lives, with as many iterations or one less.
    pub(crate) fn parent_of(&self, step: &StepId) -> Option<FrameId> {
        let mut pointer: &str = &step.pointer;
        let mut lookup = StepId::iterated("", step.iterations.clone());
        while let Some((above, _)) = pointer.rsplit_once('/') {
            pointer = above;
            lookup.pointer = Arc::from(pointer);
            if let Some(id) = self.frame_of(&lookup) {
                return Some(id);
            }
            if let Some(last) = lookup.iterations.pop() {
                if let Some(id) = self.frame_of(&lookup) {
                    return Some(id);
                }
                lookup.iterations.push(last);
            }
        }
        None
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

impl EffectPhase {
    fn parked(self) -> Self {
        match self {
            Self::Intended { key, on_unknown } => Self::Parked { key, on_unknown },
            other => other,
        }
    }

    fn resumed(self) -> Self {
        match self {
            Self::Parked { key, on_unknown } => Self::Intended { key, on_unknown },
            other => other,
        }
    }
}

fn usage(outcome: &EffectOutcome) -> Usage {
    match outcome {
        EffectOutcome::Done { usage, .. } | EffectOutcome::Failed { usage, .. } => *usage,
        EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled => Usage::default(),
    }
}

fn frame(step: StepId, parent: Option<FrameId>, raw: Payload, input: Payload, at: Timestamp) -> Frame {
    Frame {
        step,
        parent,
        raw_input: raw,
        data: input.clone(),
        input,
        started_at: at,
        data_of: None,
        children: Vec::new(),
        open: 0,
        wait: Wait::Nothing,
        phase: Phase::Body,
        iteration: 0,
        items: None,
        parallel: false,
        attempt: 1,
        transitions: 0,
        error: None,
        timeout: None,
    }
}
