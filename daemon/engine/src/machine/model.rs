//! A workflow as the machine runs it, and what a kind of task must be able to do.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{BusPosition, DecisionRecord, OnUnknown, RunEvent, StepId, WorkflowError};
use dirigent_protocol::source::Position;

use super::stimulus::Context;
use crate::document::{Base, Schedule, Settings, Then};
use crate::expression::EvalRequest;
use crate::state::{Frame, FrameId, RunState};

/// Index of a task in its workflow.
pub type TaskIndex = usize;

/// An immutable version of a workflow: the document, its digest, its tasks.
pub struct Workflow {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) version: String,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) digest: Digest,
    pub(crate) definition: Payload,
    pub(crate) tasks: Vec<TaskDef>,
    pub(crate) by_pointer: HashMap<Arc<str>, TaskIndex>,
    pub(crate) settings: Settings,
    pub(crate) agents: Vec<String>,
    pub(crate) schedule: Option<Schedule>,
    /// It, or a task of it, has a budget.
    pub(crate) budgeted: bool,
    pub(crate) secrets: Vec<String>,
    /// What `$secrets` gives: marks.
    pub(crate) secret_marks: Payload,
}

impl Workflow {
    /// `document.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `document.namespace`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// `document.version`, for people; the identity is [`Self::digest`].
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `document.title`.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// `document.summary`, Markdown.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// The content address: SHA-256 of the canonical form of the document.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The document as JSON.
    #[must_use]
    pub fn definition(&self) -> &Payload {
        &self.definition
    }

    /// `metadata.dirigent` of the document.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Names of agents it calls by a fixed name: what a run must pin.
    #[must_use]
    pub fn agents(&self) -> &[String] {
        &self.agents
    }

    /// Whether it runs commands as the daemon's user.
    #[must_use]
    pub fn runs_commands(&self) -> bool {
        self.tasks
            .iter()
            .any(|task| matches!(&*task.label, "run:shell" | "run:script" | "run:container"))
    }

    /// Names of the secrets it declares.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// When its runs begin by themselves.
    #[must_use]
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// The schedule alone.
    #[must_use]
    pub fn into_schedule(self) -> Option<Schedule> {
        self.schedule
    }

    /// Every task in document order; the first is the workflow itself.
    #[must_use]
    pub fn tasks(&self) -> &[TaskDef] {
        &self.tasks
    }

    /// How many tasks a run has before it, as far as the document tells: tools are called as a model sees fit.
    #[must_use]
    pub fn steps(&self) -> usize {
        let told = self.tasks.iter().filter(|task| task.parent.is_some());
        told.filter(|task| &*task.keyword != super::agent_loop::TOOL)
            .count()
    }

    pub(crate) fn task(&self, index: TaskIndex) -> &TaskDef {
        &self.tasks[index]
    }

    pub(crate) fn task_at(&self, pointer: &str) -> Option<TaskIndex> {
        // Tools that are agents have tools of their own: one place stands for all of them.
        self.by_pointer.get(pointer).copied().or_else(|| {
            let outer = pointer.strip_suffix("/tool")?;
            outer.ends_with("/tool").then(|| self.task_at(outer))?
        })
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Workflow({}/{} {})",
            self.namespace,
            self.name,
            self.digest.short()
        )
    }
}

/// A task of a document.
#[derive(Debug)]
pub struct TaskDef {
    /// JSON pointer in the document; empty for the workflow itself.
    pub pointer: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Keyword of its kind: `set`, `call`, `run`.
    pub keyword: Arc<str>,
    /// Keyword with what is called or run: `call:http`.
    pub label: Arc<str>,
    /// The task around it.
    pub parent: Option<TaskIndex>,
    /// Its common part.
    pub base: Base,
    /// The task inside it that says whether its effect happened, where it declares one.
    pub verify: Option<TaskIndex>,
    /// What undoes it where the run is cancelled.
    pub undo: Option<TaskIndex>,
    /// The task that `$task` means, where it is part of what extends that one.
    pub stands_for: Option<TaskIndex>,
    /// Whether any part of it names a secret: only then may marks of secrets be filled in.
    pub uses_secrets: bool,
    /// What is particular to its kind.
    pub body: Box<dyn Task>,
}

/// A list of tasks that run one after the other, or the branches of a fork.
#[derive(Debug, Clone, Default)]
pub struct TaskList {
    /// In order.
    pub tasks: Vec<TaskIndex>,
    /// By name.
    pub by_name: HashMap<Arc<str>, usize>,
}

impl TaskList {
    /// Where in the list a task stands.
    #[must_use]
    pub fn position(&self, task: TaskIndex) -> Option<usize> {
        self.tasks.iter().position(|other| *other == task)
    }
}

/// Which task instance a kind acts for.
#[derive(Debug, Clone, Copy)]
pub struct Me<'a> {
    /// Its frame.
    pub frame: FrameId,
    /// Its definition.
    pub task: &'a TaskDef,
}

/// A task inside a task that is done.
#[derive(Debug, Clone)]
pub struct Done {
    /// Which task.
    pub task: TaskIndex,
    /// Its output.
    pub output: Payload,
    /// Where it wants to go.
    pub then: Then,
}

/// A way out of a task that its kind declares: a case of a switch, the way behind an error.
#[derive(Debug, Clone)]
pub struct Way {
    /// What stands on it.
    pub label: String,
    /// Where it leads.
    pub then: Then,
    /// Whether it is taken only under a condition.
    pub conditional: bool,
    /// Where it stands in the text.
    pub at: Position,
}

/// What a task wants next.
#[derive(Debug)]
pub enum Next {
    /// Wait for what was asked for.
    Wait,
    /// Done with this raw output; `then` overrules the task's own.
    Done(Payload, Option<Then>),
    /// Start these inside it.
    Start(Vec<TaskIndex>),
    /// Start this inside it, with this as its raw input.
    StartWith(TaskIndex, Payload),
}

/// Why a task cannot go on now.
#[derive(Debug)]
pub enum Stop {
    /// It failed.
    Fault(Box<WorkflowError>),
    /// An expression must be run by the worker first; this decision is void.
    Ask,
}

impl Stop {
    /// It failed with this error.
    #[must_use]
    pub fn fault(error: WorkflowError) -> Self {
        Self::Fault(Box::new(error))
    }
}

impl From<WorkflowError> for Stop {
    fn from(error: WorkflowError) -> Self {
        Self::fault(error)
    }
}

/// An event of the bus, on its way to a listener.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Where it stands on the bus.
    pub at: BusPosition,
    /// The event.
    pub event: &'a Payload,
}

/// What a kind's method gives back.
pub type Outcome = Result<Next, Stop>;

/// A kind of task. One file implements it; methods a kind does not need have answers that say so.
pub trait Task: Send + Sync + fmt::Debug {
    /// It begins: its input is ready.
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome;

    /// A task inside it is done.
    fn child_done(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, done: Done) -> Outcome {
        let then = (done.then == Then::End).then_some(Then::End);
        Ok(Next::Done(done.output, then))
    }

    /// A task inside it failed.
    fn child_failed(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, error: WorkflowError) -> Outcome {
        Err(Stop::fault(error))
    }

    /// The run goes on from another's journal and a task inside it begins again.
    fn begin_again(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, task: TaskIndex) -> Outcome {
        Ok(Next::Start(vec![task]))
    }

    /// The run goes on from another's journal, which ended between tasks inside it: what follows `last`, the newest of
    /// them that is done. Only for kinds with [`Self::lists`].
    fn go_on(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, last: Option<Done>) -> Outcome {
        match last {
            Some(done) => self.child_done(turn, me, done),
            None => self.start(turn, me),
        }
    }

    /// Its effect was performed; `output` is the raw result.
    fn performed(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, output: Payload) -> Outcome {
        Ok(Next::Done(output, None))
    }

    /// Its timer ran out.
    fn timer_fired(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        self.start(turn, me)
    }

    /// A person decided.
    fn decided(
        &self,
        _turn: &mut Turn<'_, '_>,
        _me: Me<'_>,
        _record: DecisionRecord,
        payload: Payload,
    ) -> Outcome {
        Ok(Next::Done(payload, None))
    }

    /// An event came that may concern it: takes it in if it does, and says whether.
    fn received(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, _event: &Incoming<'_>) -> Result<bool, Stop> {
        Ok(false)
    }

    /// It has taken events, or may go on with those it has.
    fn listened(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>) -> Outcome {
        Ok(Next::Wait)
    }

    /// Whether it would catch this error of a task inside it: none where it does not, false where its conditions, which
    /// are not evaluated here, may let it pass.
    fn catches(&self, _frame: &Frame, _error: &WorkflowError) -> Option<bool> {
        None
    }

    /// A variable it defines for the tasks inside it.
    fn variable(&self, _frame: &Frame, _name: &str) -> Option<Payload> {
        None
    }

    /// What happens to its effect when nobody knows how it ended, whatever the document declares.
    fn always_on_unknown(&self) -> Option<OnUnknown> {
        None
    }

    /// How many attempts its effect has where nothing is declared.
    fn default_attempts(&self) -> u32 {
        1
    }

    /// Lists inside it, each with the word for the way into it.
    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        Vec::new()
    }

    /// Ways out of it beside the next task.
    fn ways(&self) -> Vec<Way> {
        Vec::new()
    }

    /// Whether exactly one of its ways is always taken, so that it never just goes on.
    fn always_leaves(&self) -> bool {
        false
    }
}

/// One decision being made: a copy of the state, the events so far, what is to be done next.
pub struct Turn<'a, 'c> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// The state with the events so far.
    pub state: RunState,
    /// Events so far.
    pub events: Vec<RunEvent>,
    /// The outside.
    pub cx: &'a mut Context<'c>,
    /// Expressions the worker must run.
    pub(crate) needed: Vec<EvalRequest>,
    /// What is to be done next, last first.
    pub(crate) work: Vec<Work>,
    /// Permits taken.
    pub(crate) taken: Vec<super::stimulus::PermitClass>,
}

/// A piece of work of a decision.
#[derive(Debug)]
pub(crate) enum Work {
    /// Begin a task inside a frame.
    Begin {
        /// The frame around it.
        parent: FrameId,
        /// Which task.
        task: TaskIndex,
        /// Its address.
        step: StepId,
        /// Its raw input, where it is not the data of the frame around it.
        raw: Option<Payload>,
    },
    /// Act on what a task's kind answered.
    After {
        /// Its frame.
        frame: FrameId,
        /// The answer.
        outcome: Outcome,
    },
    /// Go on inside a frame that was taken over: begin this task again, or what follows the last one.
    Again {
        /// The frame.
        frame: FrameId,
        /// The task that begins again.
        task: Option<TaskIndex>,
    },
    /// Use what a frame waited for and got.
    Use {
        /// The frame.
        frame: FrameId,
    },
}
