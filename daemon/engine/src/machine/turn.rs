//! The loop of a decision: begin tasks, act on what their kinds answer, until everything waits.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    Data, EffectOutcome, EventBody, RunEvent, StepId, TimerId, TimerPurpose, WorkflowError,
};
use jiff::Timestamp;

use super::model::{Done, Me, Next, Outcome, Stop, TaskDef, TaskIndex, Turn, Work};
use super::scope::TaskScope;
use crate::document::Then;
use crate::state::{FrameId, Wait, apply};

impl Turn<'_, '_> {
    /// Records an event and folds it at once; gives its number.
    pub fn emit(&mut self, body: EventBody) -> u64 {
        let seq = self.state.seq + 1;
        let event = RunEvent {
            seq,
            time: self.cx.now,
            body,
        };
        apply(&mut self.state, &event);
        self.events.push(event);
        seq
    }

    /// The number the next event will have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.state.seq + 1
    }

    /// The step of a frame.
    pub(crate) fn step(&self, frame: FrameId) -> StepId {
        self.state
            .frame(frame)
            .map_or_else(|| StepId::new(""), |frame| frame.step.clone())
    }

    /// The input of a frame.
    pub(crate) fn input(&self, frame: FrameId) -> Payload {
        self.state
            .frame(frame)
            .map_or_else(Payload::default, |frame| frame.input.clone())
    }

    /// Sets a timer for a step.
    pub(crate) fn set_timer(&mut self, step: StepId, due: Timestamp, purpose: TimerPurpose) -> TimerId {
        let timer = TimerId(self.next_seq());
        self.emit(EventBody::TimerSet {
            timer,
            step,
            due,
            purpose,
        });
        timer
    }

    /// A moment after now; the far end of time where it is beyond.
    pub(crate) fn after(&self, delay: std::time::Duration) -> Timestamp {
        self.cx.now.checked_add(delay).unwrap_or(Timestamp::MAX)
    }

    /// How long an approval lives whose document does not say.
    pub(crate) fn default_expiry(&self) -> std::time::Duration {
        self.cx.approval_expiry
    }

    /// Does all work there is.
    pub(crate) fn run(&mut self) {
        while let Some(work) = self.work.pop() {
            if self.state.status.is_final() {
                self.work.clear();
                return;
            }
            match work {
                Work::Begin {
                    parent,
                    task,
                    step,
                    raw,
                } => self.begin(parent, task, step, raw),
                Work::After { frame, outcome } => self.follow(frame, outcome),
                Work::Use { frame } => self.use_answer(frame),
                Work::Again { frame, task } => self.again(frame, task),
            }
        }
    }

    fn begin(&mut self, parent: FrameId, index: TaskIndex, step: StepId, raw: Option<Payload>) {
        let workflow = self.workflow;
        let task = workflow.task(index);
        let Some(around) = self.state.frame(parent) else {
            return;
        };
        if around.phase == crate::state::Phase::Done {
            // A race that was won before all of its branches had begun.
            return;
        }
        let raw = raw.unwrap_or_else(|| around.data.clone());
        let input = self.input_of(parent, task, &raw);
        let input = match input {
            Err(Stop::Ask) => return,
            Ok(None) => {
                let (name, kind) = (task.name.clone(), task.keyword.clone());
                self.emit(EventBody::TaskSkipped {
                    step,
                    task: name,
                    kind,
                });
                let done = Done {
                    task: index,
                    output: raw,
                    then: Then::Continue,
                };
                return self.tell_parent(parent, Ok(done));
            }
            Ok(Some(input)) => Ok(input),
            Err(Stop::Fault(error)) => Err(*error),
        };
        let checked = Self::check(task.base.input.schema.as_ref(), &raw, "input");
        let (data, fault) = match (input, checked) {
            (Err(error), _) => (self.refer(parent, &raw), Some(error)),
            (Ok(_), Err(Stop::Fault(error))) => (self.refer(parent, &raw), Some(*error)),
            (Ok(input), _) => (self.refer(parent, &input), None),
        };
        let frame = self.emit(EventBody::TaskStarted {
            step: step.clone(),
            task: task.name.clone(),
            kind: task.keyword.clone(),
            input: data,
        });
        if let Some(error) = fault {
            return self.work.push(Work::After {
                frame,
                outcome: Err(Stop::fault(error)),
            });
        }
        self.begin_body(frame, index, step);
    }

    /// The input of a task that is about to begin; none when its `if` says no.
    fn input_of(&mut self, parent: FrameId, task: &TaskDef, raw: &Payload) -> Result<Option<Payload>, Stop> {
        let scope = TaskScope {
            workflow: self.workflow,
            state: &self.state,
            frame: parent,
            task,
            dot: raw.clone(),
            input: raw.clone(),
            output: None,
            extra: Vec::new(),
            now: self.cx.now,
        };
        let answers = self.cx.answers;
        let run = || {
            if let Some(condition) = &task.base.condition
                && !super::scope::truthy(&*condition.evaluate(&scope, answers)?)
            {
                return Ok(None);
            }
            match &task.base.input.from {
                Some(from) => from.evaluate(&scope, answers).map(Some),
                None => Ok(Some(raw.clone())),
            }
        };
        let result = run();
        self.answer(result)
    }

    /// Sets the limit and starts what is particular to the kind.
    pub(crate) fn begin_body(&mut self, frame: FrameId, index: TaskIndex, step: StepId) {
        let workflow = self.workflow;
        let task = workflow.task(index);
        let limited = self.limit(frame, index, step);
        let outcome = limited.map_or_else(Err, |()| task.body.start(self, Me { frame, task }));
        self.work.push(Work::After { frame, outcome });
    }

    /// Sets a task's limit, where it has one.
    pub(crate) fn limit(&mut self, frame: FrameId, index: TaskIndex, step: StepId) -> Result<(), Stop> {
        let workflow = self.workflow;
        let task = workflow.task(index);
        if let Some(limit) = &task.base.timeout {
            let delay = self.delay(Me { frame, task }, &limit.after)?;
            let due = self.after(delay);
            let purpose = match task.parent {
                None => TimerPurpose::WorkflowTimeout,
                Some(_) => TimerPurpose::TaskTimeout,
            };
            self.set_timer(step, due, purpose);
        } else if let Some(limit) = self.default_limit(frame) {
            let due = self.after(limit);
            self.set_timer(step, due, TimerPurpose::TaskTimeout);
        }
        Ok(())
    }

    /// Acts on what a kind answered.
    fn follow(&mut self, frame: FrameId, outcome: Outcome) {
        match outcome {
            Ok(Next::Wait) | Err(Stop::Ask) => {}
            Ok(Next::Done(output, then)) => self.finish(frame, output, then),
            Ok(Next::Start(tasks)) => self.start_inside(frame, &tasks, None),
            Ok(Next::StartWith(task, raw)) => self.start_inside(frame, &[task], Some(raw)),
            Err(Stop::Fault(error)) => self.fail(frame, *error),
        }
    }

    fn start_inside(&mut self, frame: FrameId, tasks: &[TaskIndex], raw: Option<Payload>) {
        let workflow = self.workflow;
        let Some(parent) = self.state.frame(frame) else {
            return;
        };
        let mut iterations = parent.step.iterations.clone();
        if parent.items.is_some() {
            iterations.push(parent.iteration);
        }
        let yields = !parent.parallel && raw.is_none() && self.events.len() >= self.cx.most_events;
        for task in tasks.iter().rev() {
            let step = StepId::iterated(workflow.task(*task).pointer.clone(), iterations.clone());
            if yields {
                self.set_timer(step, self.cx.now, TimerPurpose::Yield);
            } else {
                self.work.push(Work::Begin {
                    parent: frame,
                    task: *task,
                    step,
                    raw: raw.clone(),
                });
            }
        }
    }

    /// A task is done with its raw output: shapes it, exports, tells the task around it.
    fn finish(&mut self, frame: FrameId, raw: Payload, then: Option<Then>) {
        let workflow = self.workflow;
        let Some(own) = self.state.frame(frame) else {
            return;
        };
        let Some(index) = workflow.task_at(&own.step.pointer) else {
            return;
        };
        let task = workflow.task(index);
        let (step, parent) = (own.step.clone(), own.parent);
        let (output, context) = match self.shape(Me { frame, task }, raw) {
            Ok(shaped) => shaped,
            Err(Stop::Ask) => return,
            Err(Stop::Fault(error)) => return self.fail(frame, *error),
        };
        let data = self.refer(frame, &output);
        self.withdraw_raise(frame);
        let Some(parent) = parent else {
            self.emit(EventBody::WorkflowCompleted { output: data });
            return;
        };
        self.emit(EventBody::TaskCompleted {
            step,
            output: data,
            context,
            then: then.as_ref().map(Then::word),
            undo: task.undo.is_some() && !self.state.undoing,
        });
        let own = || {
            task.base
                .then
                .as_ref()
                .map_or(Then::Continue, |(then, _)| then.clone())
        };
        let then = then.unwrap_or_else(own);
        self.tell_parent(
            parent,
            Ok(Done {
                task: index,
                output,
                then,
            }),
        );
    }

    fn shape(&mut self, me: Me<'_>, raw: Payload) -> Result<(Payload, Option<Payload>), Stop> {
        let base = &me.task.base;
        let output = match &base.output.shape {
            Some(shape) => self.shaped(me, shape, raw.clone(), raw)?,
            None => raw,
        };
        Self::check(base.output.schema.as_ref(), &output, "output")?;
        let Some(export) = &base.export else {
            return Ok((output, None));
        };
        let Some(shape) = &export.shape else {
            return Ok((output, None));
        };
        let context = self.shaped(me, shape, output.clone(), output.clone())?;
        Self::check(export.schema.as_ref(), &context, "context")?;
        Ok((output, Some(context)))
    }

    pub(crate) fn shaped(
        &mut self,
        me: Me<'_>,
        shape: &crate::document::Template,
        dot: Payload,
        output: Payload,
    ) -> Result<Payload, Stop> {
        let Some(mut scope) = self.scope(me, Some(dot)) else {
            return Ok(output);
        };
        scope.output = Some(output);
        let result = shape.evaluate(&scope, self.cx.answers);
        self.answer(result)
    }

    pub(super) fn tell_parent(&mut self, parent: FrameId, result: Result<Done, WorkflowError>) {
        let workflow = self.workflow;
        let Some(around) = self.state.frame(parent) else {
            return;
        };
        let Some(index) = workflow.task_at(&around.step.pointer) else {
            return;
        };
        let me = Me {
            frame: parent,
            task: workflow.task(index),
        };
        if self.state.undoing && parent == self.state.root {
            // A compensation ended, well or not: the end of the decision begins the next one.
            return;
        }
        if let Some(effect) = self.verifying(parent) {
            return self.looked_up(me, effect, result);
        }
        let outcome = match result {
            _ if self.converses(me) => self.converse(me),
            Ok(done) => me.task.body.child_done(self, me, done),
            Err(error) => me.task.body.child_failed(self, me, error),
        };
        self.work.push(Work::After {
            frame: parent,
            outcome,
        });
    }

    /// A task failed: stops what is inside it, records it, tells the task around it.
    fn fail(&mut self, frame: FrameId, mut error: WorkflowError) {
        let Some(own) = self.state.frame(frame) else {
            return;
        };
        let (step, parent) = (own.step.clone(), own.parent);
        if error.instance.is_none() {
            error.instance = Some(step.clone());
        }
        self.stop_inside(frame, "the task around it failed");
        self.work.retain(|work| match work {
            Work::Begin { parent, .. } => self.state.frame(*parent).is_some() && *parent != frame,
            Work::After { frame: of, .. } | Work::Use { frame: of } | Work::Again { frame: of, .. } => {
                self.state.frame(*of).is_some() && *of != frame
            }
        });
        let Some(parent) = parent else {
            self.emit(EventBody::WorkflowFaulted { error });
            return;
        };
        self.emit(EventBody::TaskFaulted {
            step,
            error: error.clone(),
        });
        self.tell_parent(parent, Err(error));
    }

    /// Uses what a frame waited for: an outcome, a timer, a decision.
    fn use_answer(&mut self, frame: FrameId) {
        if self.state.suspended || self.state.cancelling {
            return;
        }
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
        let outcome = match own.wait.clone() {
            Wait::Outcome { outcome, attempt } => self.effect_ended(me, outcome, attempt),
            Wait::Effect(effect) => return self.look_up(me, effect),
            Wait::TimerFired if self.converses(me) => self.converse(me),
            Wait::TimerFired => me.task.body.timer_fired(self, me),
            Wait::Decided { record, payload } if own.asked.is_some() => self.answered(me, record, payload),
            Wait::Decided { record, payload } => me.task.body.decided(self, me, record, payload),
            Wait::Events => me.task.body.listened(self, me),
            Wait::Yield {
                next, fired: true, ..
            } => {
                if let Some(task) = workflow.task_at(&next.pointer) {
                    self.work.push(Work::Begin {
                        parent: frame,
                        task,
                        step: next,
                        raw: None,
                    });
                }
                return;
            }
            _ => return,
        };
        self.work.push(Work::After { frame, outcome });
    }

    /// Stops everything inside a frame, and what it waits for itself, in this commit.
    pub(crate) fn stop_inside(&mut self, frame: FrameId, reason: &str) {
        let Some(own) = self.state.frame(frame).cloned() else {
            return;
        };
        for child in &own.children {
            self.stop_task(*child, reason);
        }
        self.withdraw_raise(frame);
        match &own.wait {
            Wait::Effect(effect) if self.state.effect(*effect).is_some() => {
                let outcome = EffectOutcome::Cancelled;
                self.emit(EventBody::EffectSettled {
                    effect: *effect,
                    outcome,
                });
            }
            Wait::Approval { approval, .. } => {
                self.emit(EventBody::ApprovalWithdrawn {
                    approval: *approval,
                    step: own.step.clone(),
                });
            }
            _ => {}
        }
    }

    /// Stops one task and everything inside it.
    pub(crate) fn stop_task(&mut self, frame: FrameId, reason: &str) {
        let Some(own) = self.state.frame(frame) else {
            return;
        };
        if own.phase == crate::state::Phase::Done {
            return;
        }
        let step = own.step.clone();
        self.stop_inside(frame, reason);
        self.emit(EventBody::TaskCancelled {
            step,
            reason: Some(reason.to_owned()),
        });
    }

    /// How the journal names a value: by reference where it is one that is there already.
    pub(crate) fn refer(&self, near: FrameId, value: &Payload) -> Data {
        if Arc::ptr_eq(value, &self.state.input) {
            return Data::WorkflowInput;
        }
        if let Some(frame) = self.state.frame(near) {
            if let Some(of) = &frame.data_of
                && Arc::ptr_eq(value, &frame.data)
            {
                return Data::OutputOf(of.clone());
            }
            if Arc::ptr_eq(value, &frame.input) {
                return Data::InputOf(frame.step.clone());
            }
        }
        Data::Inline(value.clone())
    }
}
