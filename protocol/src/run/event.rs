//! The journal of a run: a gapless sequence of events.
//!
//! The engine makes them in `decide` and folds them in `apply`; results of expressions are in them, so folding needs
//! no interpreter. Invariant: sequence numbers start at 1 and have no gap.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Amounts, ApprovalRequest, Budget, BusPosition, Deciders, DecisionRecord, EffectId, EffectOutcome,
    EffectRequest, EventPattern, Limited, Lineage, Moved, OnUnknown, ReadAs, Resolution, StepId, Traits,
    WorkflowError,
};
use crate::Payload;
use crate::digest::Digest;
use crate::id::{EntityId, RunId};

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Place in the run's journal, from 1.
    pub seq: u64,
    /// When, by the engine's clock.
    pub time: Timestamp,
    /// What.
    pub body: EventBody,
}

/// A value in the journal: itself, or a reference to one that is there already, so that the journal carries deltas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The value.
    Inline(Payload),
    /// The same as that step's output.
    OutputOf(StepId),
    /// The same as that step's input.
    InputOf(StepId),
    /// The same as the run's input.
    WorkflowInput,
    /// The item that the loop's round stands for, from the collection in its first `task.iterated`.
    Item,
}

/// Names a timer within its run: the sequence number of the event that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u64);

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerPurpose {
    /// A `wait` task.
    Wait,
    /// The next attempt of a task.
    Retry,
    /// The limit of a task.
    TaskTimeout,
    /// The limit of one attempt of a `try`.
    AttemptTimeout,
    /// The limit of the run.
    WorkflowTimeout,
    /// The end of an approval's life.
    ApprovalExpiry,
    /// People are told again that they are asked.
    ApprovalReminder,
    /// Others are asked too.
    ApprovalEscalation,
    /// A long stretch without effects lets others go first; due at once.
    Yield,
}

impl TimerPurpose {
    /// Whether it limits how long something may take.
    #[must_use]
    pub const fn is_limit(self) -> bool {
        matches!(
            self,
            Self::TaskTimeout | Self::AttemptTimeout | Self::WorkflowTimeout
        )
    }
}

/// The immutable versions a run uses, by name; fixed when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pins {
    /// Agent name to version.
    pub agents: BTreeMap<String, Digest>,
    /// The most the run may take, as its starter says; the document's own budget holds beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What had come into the run that started it: it counts here from the first step on.
    #[serde(skip_serializing_if = "Traits::is_empty")]
    pub seen: Traits,
    /// It only tries agents out: of their tools' calls, those that merely read are performed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident = $text:literal { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })+) => {
        /// What happened. The name of each is the specification's lifecycle event where it has one.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum EventBody {
            $($(#[$doc])* #[serde(rename = $text)] $variant { $($(#[$fdoc])* $field: $type,)* },)+
        }

        impl EventBody {
            /// The stable name: `task.completed`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text,)+ }
            }
        }
    };
}

bodies! {
    /// The run began.
    WorkflowStarted = "workflow.started" {
        /// Name of the workflow.
        workflow: String,
        /// Digest of the pinned version.
        version: Digest,
        /// What it was given.
        input: Payload,
        /// What the workflow's `input.from` made of it.
        #[serde(default, skip_serializing_if = "Option::is_none")] shaped: Option<Payload>,
        /// Versions of everything else it uses.
        #[serde(default)] pins: Pins,
    }
    /// The run goes on from another's journal: all before this is that run's, all behind it its own.
    WorkflowForked = "workflow.forked" {
        /// The other run.
        origin: RunId,
        /// Its last event that counts here too.
        at: u64,
        how: Lineage,
        /// Its input, where it is another than the other run's.
        input: Data,
        /// What the workflow's `input.from` makes of that.
        #[serde(default, skip_serializing_if = "Option::is_none")] shaped: Option<Data>,
        /// Steps that were in flight there, or failed, and begin again here.
        #[serde(default)] restart: Vec<StepId>,
    }
    /// The run goes on under another version of its workflow; finished effects stay, what is in flight goes on.
    WorkflowMigrated = "workflow.migrated" {
        /// The version it leaves.
        from: Digest,
        /// The version it goes on under.
        to: Digest,
        by: String,
        /// Tasks that stand elsewhere in it, or not at all; all others are where they were.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] moved: Vec<Moved>,
        /// Tasks of it that the run is beyond and goes without, as its author declares.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] passed: Vec<Arc<str>>,
        /// Versions of what it uses and the other did not.
        #[serde(default)] pins: Pins,
    }
    /// Nothing to do until somebody or something comes.
    WorkflowWaiting = "workflow.waiting" {}
    /// A person paused it.
    WorkflowSuspended = "workflow.suspended" {
        by: String,
        /// Tasks that have begun and not ended, the first thousand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] tasks: Vec<StepId>,
    }
    /// It goes on; `by` somebody where somebody had paused it.
    WorkflowResumed = "workflow.resumed" {
        #[serde(default)] by: Option<String>,
        /// Tasks that were paused with it, the first thousand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] tasks: Vec<StepId>,
    }
    /// It ended as it should.
    WorkflowCompleted = "workflow.completed" { output: Data, }
    /// It ended with an error nobody caught.
    WorkflowFaulted = "workflow.faulted" { error: WorkflowError, }
    /// A cancel was accepted; no new step starts.
    WorkflowCancelling = "workflow.cancelling" { by: String, #[serde(default)] reason: Option<String>, }
    /// Nothing of it is left running.
    WorkflowCancelled = "workflow.cancelled" {
        /// Steps whose compensation failed: what they did stands.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] uncompensated: Vec<StepId>,
    }
    /// A cancel has stopped everything; what was done is undone now, newest first.
    WorkflowCompensating = "workflow.compensating" {
        /// What was done up to this event, in runs it comes from, is left to others that go on behind it.
        #[serde(default, skip_serializing_if = "Option::is_none")] left: Option<u64>,
    }
    /// What a step did is undone by another: the compensation it declares.
    TaskCompensating = "task.compensating" { step: StepId, by: StepId, }
    /// A task began; `task` is its name, `kind` its keyword.
    TaskStarted = "task.started" { step: StepId, task: Arc<str>, kind: Arc<str>, input: Data, }
    /// Its `if` said no.
    TaskSkipped = "task.skipped" { step: StepId, task: Arc<str>, kind: Arc<str>, }
    /// It ended; `context` is the new `$context` where `export` changed it.
    TaskCompleted = "task.completed" {
        step: StepId,
        output: Data,
        #[serde(default, skip_serializing_if = "Option::is_none")] context: Option<Payload>,
        /// Where it leads, where that is not what its `then` says.
        #[serde(default, skip_serializing_if = "Option::is_none")] then: Option<Arc<str>>,
        /// It can be undone: where the run is cancelled, its compensation runs.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] undo: bool,
    }
    /// It ended with an error (which a `try` around it may catch).
    TaskFaulted = "task.faulted" { step: StepId, error: WorkflowError, }
    /// A `try` caught the error of a step inside it.
    TaskCaught = "task.caught" { step: StepId, error: WorkflowError, }
    /// Another attempt is due.
    TaskRetried = "task.retried" {
        step: StepId,
        attempt: u32,
        delay_ms: u64,
        error: WorkflowError,
        /// It was refused at the door and waits for this: `the limit of openai`.
        #[serde(default, skip_serializing_if = "Option::is_none")] waits_for: Option<String>,
    }
    /// It was stopped: a fork's race was lost, a limit ran out, the run was cancelled.
    TaskCancelled = "task.cancelled" { step: StepId, #[serde(default)] reason: Option<String>, }
    /// A task is done and what extends it comes after it; `output` is the task's, `then` where it wants to go.
    TaskExtended = "task.extended" { step: StepId, output: Data, then: Arc<str>, }
    /// The next round of a loop begins.
    TaskIterated = "task.iterated" {
        step: StepId,
        iteration: u32,
        item: Data,
        /// What the loop goes over; only in its first round.
        #[serde(default, skip_serializing_if = "Option::is_none")] collection: Option<Payload>,
    }
    /// An effect is fully known and waits for its permit; nothing was done yet.
    EffectQueued = "effect.queued" { effect: EffectId, step: StepId, attempt: u32, request: EffectRequest, }
    /// An effect holds its permit. Once this is durable it may be performed.
    EffectIntended = "effect.intended" {
        effect: EffectId,
        step: StepId,
        attempt: u32,
        /// Sent along (`Idempotency-Key`, `DIRIGENT_IDEMPOTENCY_KEY`); the same until a failure is known.
        key: String,
        digest: Digest,
        on_unknown: OnUnknown,
        /// Absent where `effect.queued` carried it.
        #[serde(default, skip_serializing_if = "Option::is_none")] request: Option<EffectRequest>,
        /// Set aside of the budgets around it, at its worst; absent where no budget holds.
        #[serde(default, skip_serializing_if = "Option::is_none")] reserved: Option<Amounts>,
    }
    /// An effect waits until a budget has room for it; nothing was done yet, or its outcome is unknown and it may not
    /// be repeated now.
    EffectHeld = "effect.held" {
        effect: EffectId,
        step: StepId,
        attempt: u32,
        /// What there is too little of.
        #[serde(default, skip_serializing_if = "Option::is_none")] limited: Option<Limited>,
        /// Absent where it is known already.
        #[serde(default, skip_serializing_if = "Option::is_none")] request: Option<EffectRequest>,
    }
    /// The budget has room: the effect waits for its permit now.
    EffectReleased = "effect.released" { effect: EffectId, }
    /// The repeat of an effect whose outcome was unknown has its own reservation.
    BudgetReserved = "budget.reserved" { effect: EffectId, reserved: Amounts, }
    /// An effect ended.
    EffectSettled = "effect.settled" { effect: EffectId, outcome: EffectOutcome, }
    /// A crash left it open; `policy` says what happens now.
    EffectUnknown = "effect.unknown" { effect: EffectId, policy: OnUnknown, reason: String, }
    /// A person said what became of it.
    EffectResolved = "effect.resolved" { effect: EffectId, resolution: Resolution, by: String, }
    /// An outcome came after its task was over; kept, not used.
    EffectLate = "effect.late" { effect: EffectId, outcome: EffectOutcome, }
    /// A timer was set.
    TimerSet = "timer.set" { timer: TimerId, step: StepId, due: Timestamp, purpose: TimerPurpose, }
    /// A timer ran out.
    TimerFired = "timer.fired" { timer: TimerId, }
    /// A person is asked.
    ApprovalRequested = "approval.requested" { approval: EntityId, step: StepId, digest: Digest, request: ApprovalRequest, }
    /// A person, or time, has decided.
    ApprovalDecided = "approval.decided" { approval: EntityId, step: StepId, record: DecisionRecord, }
    /// A yes, of several that it takes.
    ApprovalVoted = "approval.voted" { approval: EntityId, step: StepId, record: DecisionRecord, }
    /// Somebody changed what is asked: decisions on what was shown before are stale, and votes for it do not count.
    ApprovalAmended = "approval.amended" { approval: EntityId, step: StepId, payload: Payload, digest: Digest, by: String, }
    /// Somebody else decides in the place of `from`.
    ApprovalDelegated = "approval.delegated" { approval: EntityId, step: StepId, from: String, to: String, by: String, }
    /// People were told again.
    ApprovalReminded = "approval.reminded" { approval: EntityId, step: StepId, }
    /// Others are asked too.
    ApprovalEscalated = "approval.escalated" { approval: EntityId, step: StepId, to: Deciders, }
    /// The question is void: its task was stopped.
    ApprovalWithdrawn = "approval.withdrawn" { approval: EntityId, step: StepId, }
    /// A task put an event on the bus; it is there with this very commit.
    EventEmitted = "event.emitted" { step: StepId, event: Payload, }
    /// A task listens from now on.
    ListenOpened = "listen.opened" {
        step: StepId,
        /// Which events may concern it; empty where it waits for none.
        patterns: Vec<EventPattern>,
        #[serde(default)] read: ReadAs,
        /// What correlated values must be, by filter and name, where that was known when it began.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] expected: Vec<BTreeMap<String, Value>>,
        /// Each event has a round of tasks.
        #[serde(default)] rounds: bool,
        /// It never ends by itself: what it took is not kept.
        #[serde(default)] forever: bool,
    }
    /// A task that listens took an event.
    EventReceived = "event.received" {
        step: StepId,
        at: BusPosition,
        event: Payload,
        /// The filter it fits; absent for what only ends the listening.
        #[serde(default, skip_serializing_if = "Option::is_none")] filter: Option<u32>,
        /// The filter of `until` that it fits.
        #[serde(default, skip_serializing_if = "Option::is_none")] until: Option<u32>,
        /// The last one: it listens no more.
        #[serde(default)] closes: bool,
        /// Correlated values that it brought.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")] correlations: BTreeMap<String, Value>,
    }
    /// The round of an event is over; `context` is the new `$context` where `export` changed it.
    EventHandled = "event.handled" {
        step: StepId,
        output: Payload,
        #[serde(default, skip_serializing_if = "Option::is_none")] context: Option<Payload>,
    }
}

impl EventBody {
    /// The step it is about, where it names one.
    #[must_use]
    pub const fn step(&self) -> Option<&StepId> {
        match self {
            Self::TaskStarted { step, .. }
            | Self::TaskSkipped { step, .. }
            | Self::TaskCompleted { step, .. }
            | Self::TaskFaulted { step, .. }
            | Self::TaskCaught { step, .. }
            | Self::TaskRetried { step, .. }
            | Self::TaskCancelled { step, .. }
            | Self::TaskExtended { step, .. }
            | Self::TaskIterated { step, .. }
            | Self::EffectQueued { step, .. }
            | Self::EffectIntended { step, .. }
            | Self::EffectHeld { step, .. }
            | Self::TimerSet { step, .. }
            | Self::ApprovalRequested { step, .. }
            | Self::ApprovalDecided { step, .. }
            | Self::ApprovalVoted { step, .. }
            | Self::ApprovalAmended { step, .. }
            | Self::ApprovalDelegated { step, .. }
            | Self::ApprovalReminded { step, .. }
            | Self::ApprovalEscalated { step, .. }
            | Self::ApprovalWithdrawn { step, .. }
            | Self::EventEmitted { step, .. }
            | Self::ListenOpened { step, .. }
            | Self::EventReceived { step, .. }
            | Self::EventHandled { step, .. } => Some(step),
            _ => None,
        }
    }
}

impl RunEvent {
    /// The flat form that scripts read: `{"seq","time","type","step","task",...}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut flat = json!({ "seq": self.seq, "time": self.time, "type": self.body.name() });
        let body = serde_json::to_value(&self.body).unwrap_or(Value::Null);
        if let (Some(flat), Value::Object(tagged)) = (flat.as_object_mut(), body) {
            for (_, members) in tagged {
                if let Value::Object(members) = members {
                    flat.extend(members);
                }
            }
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_flat_for_scripts() {
        let event = RunEvent {
            seq: 3,
            time: "2026-11-22T18:00:00Z".parse().unwrap(),
            body: EventBody::TaskStarted {
                step: StepId::new("/do/0/fetch"),
                task: "fetch".into(),
                kind: "call".into(),
                input: Data::WorkflowInput,
            },
        };
        let flat = event.to_json();
        assert_eq!(flat["type"], "task.started");
        assert_eq!(flat["step"], "/do/0/fetch");
        assert_eq!(flat["seq"], 3);
        let again: RunEvent = serde_json::from_value(serde_json::to_value(&event).unwrap()).unwrap();
        assert_eq!(again, event);
    }
}
