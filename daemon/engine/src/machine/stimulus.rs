//! What can happen to a run from outside, and what the engine answers.

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    BusPosition, DecisionRecord, EffectId, EffectKind, EffectOutcome, Lineage, Moved, Pins, Resolution,
    RunEvent, Status, TimerId, WorkflowError,
};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::model::Workflow;
use crate::expression::{Answers, EvalRequest};
use crate::state::FrameId;

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Stimulus {
    /// Begin.
    Start {
        /// What the workflow is given.
        input: Payload,
        /// Versions of what it uses.
        pins: Pins,
    },
    /// Go on from the state of another run, which was folded into this run's own.
    Fork(Fork),
    /// A queued effect got its permit (held by the caller already, who gives it back when this is refused).
    Permitted {
        /// Which.
        effect: EffectId,
    },
    /// An effect ended; its permit is free again.
    Settled {
        /// Which.
        effect: EffectId,
        /// How.
        outcome: EffectOutcome,
    },
    /// A timer is due.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// A person decided.
    Decided {
        /// What about.
        approval: EntityId,
        /// What.
        record: DecisionRecord,
    },
    /// Somebody changed what is asked.
    Amend {
        /// What about.
        approval: EntityId,
        /// What they saw.
        digest: Digest,
        /// The new content.
        payload: Payload,
        /// Who.
        by: String,
    },
    /// Somebody else decides in the place of one who may.
    Delegate {
        /// What about.
        approval: EntityId,
        /// In whose place.
        from: String,
        /// Who does then.
        to: String,
        /// Who says so.
        by: String,
    },
    /// Stop: no new step starts.
    Cancel {
        /// Who wants it.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// Begin nothing new until resumed; what comes back meanwhile is recorded.
    Pause {
        /// Who wants it.
        by: String,
    },
    /// Go on.
    Resume {
        /// Who wants it.
        by: String,
    },
    /// It cannot go on: what it wants to record fits no commit.
    Fail {
        /// Why.
        error: WorkflowError,
    },
    /// An event came on the bus.
    Received {
        /// Where it stands there.
        at: BusPosition,
        /// The event.
        event: Payload,
        /// Task instances that listened when it came.
        listens: Vec<FrameId>,
    },
    /// The daemon restarted: every effect that was begun is settled by its declared policy.
    Recovered,
    /// A cancel has stopped everything, and what other runs did before this one may be undone: what they did up to an
    /// event is left to others that go on behind it.
    Undo {
        /// The event; 0 leaves nothing.
        left: u64,
    },
    /// Go on under another version of the workflow: the one this is decided with.
    Migrate(Migrate),
    /// A person says what became of a parked effect.
    Resolve {
        /// Which.
        effect: EffectId,
        /// What became of it.
        resolution: Resolution,
        /// Who says so.
        by: String,
    },
}

/// From where a run goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fork {
    /// The other run.
    pub origin: RunId,
    /// Its last event that counts: the state's.
    pub at: u64,
    /// How the one came from the other.
    pub how: Lineage,
    /// Another input; none keeps it.
    pub input: Option<Payload>,
}

/// The change to another version, as it was found possible.
#[derive(Debug, Clone)]
pub struct Migrate {
    /// The version the run leaves.
    pub old: Arc<Workflow>,
    /// Tasks that stand elsewhere now, or not at all.
    pub moved: Vec<Moved>,
    /// Tasks the run goes without.
    pub passed: Vec<Arc<str>>,
    /// Versions of what the new version uses.
    pub pins: Pins,
    /// Who wants it.
    pub by: String,
}

impl PartialEq for Migrate {
    fn eq(&self, other: &Self) -> bool {
        let parts = |migrate: &Self| (migrate.old.digest(), migrate.by.clone(), migrate.pins.clone());
        parts(self) == parts(other) && self.moved == other.moved && self.passed == other.passed
    }
}

/// What comes of a stimulus.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Record these in one commit and fold them. May be empty.
    Ready {
        /// In order; their numbers follow the state's.
        events: Vec<RunEvent>,
    },
    /// Ask the expression worker, put its replies into the answers and decide the same stimulus again at the
    /// same time. Nothing is recorded and no permit is kept.
    Evaluate(Vec<EvalRequest>),
}

/// Which permit an effect needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitClass {
    /// The kind of effect.
    pub kind: EffectKind,
    /// Most effects of this run at once, where the document declares it.
    pub run_limit: Option<u32>,
}

/// Where permits come from.
pub trait Permits {
    /// Takes a permit if one is free now.
    fn try_acquire(&mut self, class: PermitClass) -> bool;
    /// Gives one back that was taken in a decision that was not used.
    fn release(&mut self, class: PermitClass);
}

/// Permits without end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Permits for Unlimited {
    fn try_acquire(&mut self, _class: PermitClass) -> bool {
        true
    }

    fn release(&mut self, _class: PermitClass) {}
}

/// What a decision may know of the outside: time, chance, names, permits, replies of the worker.
pub struct Context<'a> {
    /// The engine's clock; the same for every attempt at one decision.
    pub now: Timestamp,
    /// Chance, for jitter.
    pub random: &'a mut dyn FnMut() -> u64,
    /// New ids, for approvals.
    pub ids: &'a mut dyn FnMut() -> EntityId,
    /// Permits for effects.
    pub permits: &'a mut dyn Permits,
    /// What effects may take at worst.
    pub quotes: &'a dyn super::budget::Quotes,
    /// Replies of the expression worker, by request.
    pub answers: &'a Answers,
    /// How long an approval lives whose document does not say.
    pub approval_expiry: Duration,
    /// After this many events in one decision, lists and loops let others go first. Usually [`MOST_EVENTS`]; fewer
    /// where those would not fit one commit.
    pub most_events: usize,
}

/// Events of one decision, usually; at least one task begins whatever is said.
pub const MOST_EVENTS: usize = 1_000;

/// A stimulus that does not fit the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run has begun.
    #[error("the run has begun already")]
    AlreadyStarted,
    /// The run has not begun.
    #[error("the run has not begun")]
    NotStarted,
    /// The run is over.
    #[error("the run is {0} already")]
    Ended(Status),
    /// A cancel was accepted.
    #[error("the run is being cancelled")]
    Cancelling,
    /// Nothing of that name waits.
    #[error("{what} is not waited for")]
    NotWaiting {
        /// What was named.
        what: String,
    },
    /// The input does not fit the workflow.
    #[error("{detail}")]
    BadInput {
        /// Why.
        detail: String,
    },
    /// What was shown is not what would run.
    #[error("the decision names digest {given}, the request has {wanted}")]
    Stale {
        /// What the decision names.
        given: String,
        /// What the request has.
        wanted: String,
    },
    /// Their yes is counted already.
    #[error("{by} has said yes already; it takes {quorum}")]
    Voted {
        /// Who.
        by: String,
        /// How many yeses it takes.
        quorum: u32,
    },
    /// Paused already, or not paused.
    #[error("the run is {0}")]
    WrongState(Status),
    /// The document is not the one the run pinned.
    #[error("the run is pinned to version {wanted}, the document is {given}")]
    OtherVersion {
        /// The document's version.
        given: String,
        /// The run's version.
        wanted: String,
    },
}
