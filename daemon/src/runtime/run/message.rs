//! What reaches a run's driver.

use std::sync::Arc;

use dirigent_engine::machine::{Migrate, Stimulus, Workflow};
use dirigent_protocol::Payload;
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Question};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{
    BusPosition, Deciders, DecisionRecord, EffectId, EffectOutcome, Lineage, Resolution, Status,
};
use dirigent_store::{Guard, Txn};
use tokio::sync::oneshot;

use crate::records::{Actor, Stored};
use crate::runtime::admission::gate::Counted;
use crate::runtime::admission::permits::Permit;
use crate::runtime::admission::place::Ask;
use crate::runtime::bus::ack::Ack;
use crate::runtime::error::RuntimeError;

/// Something for one run.
pub(crate) enum Message {
    /// An effect ended.
    Settled {
        effect: EffectId,
        outcome: Box<EffectOutcome>,
    },
    /// A waiting effect got its permit.
    Permitted { effect: EffectId, permit: Permit },
    /// Something may be due.
    Wake,
    /// The daemon was restarted with this run in hand.
    Recovered,
    /// The daemon died again and again with this run in hand: set it aside.
    Quarantine,
    /// A question about an approval was answered.
    Answered {
        approval: EntityId,
        answered: Box<Question>,
    },
    /// An event came that it listens for.
    Event(Box<Delivery>),
    /// Its turn has come; where a rate counts it.
    Admitted(Option<Counted>),
    /// A person wants something.
    Command(Box<PersonCommand>),
}

/// An event for task instances of a run that listened when it came.
pub(crate) struct Delivery {
    pub(crate) at: BusPosition,
    pub(crate) event: Payload,
    pub(crate) listens: Vec<u64>,
    pub(crate) ack: Ack,
}

/// What a person wants of a run.
pub(crate) struct PersonCommand {
    pub(crate) wish: Wish,
    pub(crate) actor: Actor,
    /// Told once it is durable, or why it is not.
    pub(crate) reply: oneshot::Sender<Result<Status, RuntimeError>>,
}

/// A decision with everything that is in its commit.
pub(crate) struct Decided {
    pub(crate) approval: EntityId,
    pub(crate) record: DecisionRecord,
    /// A rule that is made with it.
    pub(crate) rule: Option<Document>,
    /// The rule that decides, or what lets a person decide: it must still be as it was read.
    pub(crate) under: Vec<Stored>,
    /// Who may decide, as it was looked up: they must still be those.
    pub(crate) deciders: Deciders,
    /// What else its commit stands on: that no rule says otherwise.
    pub(crate) unless: Option<Guard>,
    /// The link it comes by, which is good for once.
    pub(crate) once: Option<dirigent_store::Key>,
    pub(crate) reply: CommandReply,
}

/// The change to another version, as it was found possible.
pub(crate) struct Migration {
    /// The run's last event then.
    pub(crate) at: u64,
    /// The version's document.
    pub(crate) version: Document,
    /// Its compiled form.
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) migrate: Migrate,
}

/// What is changed about a question.
pub(crate) enum Change {
    /// What is asked.
    Content { digest: Digest, payload: Payload },
    /// Who decides.
    Decider { from: String, to: String },
}

/// The wish itself.
pub(crate) enum Wish {
    /// Begin; the document of the execution as it is at birth, and what begins it.
    Start {
        document: Box<Document>,
        stimulus: Box<Stimulus>,
        ask: Box<Ask>,
        /// What is in the same commit by whoever starts it.
        beside: Option<Box<Txn>>,
    },
    /// Stop.
    Cancel { reason: Option<String> },
    /// Hold.
    Pause,
    /// Go on.
    Resume,
    /// Go on after it was set aside.
    Release,
    /// Decide an approval.
    Decide(Box<Decided>),
    /// Note a question about an approval.
    Question {
        approval: EntityId,
        question: Box<Question>,
    },
    /// Change a question.
    Change {
        approval: EntityId,
        change: Change,
        under: Vec<Stored>,
        /// Who may decide, as it was looked up.
        deciders: Deciders,
    },
    /// Go on under another version.
    Migrate(Box<Migration>),
    /// Say what became of an effect.
    Resolve {
        effect: EffectId,
        resolution: Resolution,
    },
}

impl Wish {
    /// The approval it is about and who may decide that, as it was looked up.
    pub(crate) fn stands_on(&self) -> Option<(EntityId, &Deciders)> {
        match self {
            Self::Decide(decided) => Some((decided.approval, &decided.deciders)),
            Self::Change {
                approval, deciders, ..
            } => Some((*approval, deciders)),
            _ => None,
        }
    }

    /// The word of the audit.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::Start { stimulus, .. } => match &**stimulus {
                Stimulus::Fork(fork) if fork.how == Lineage::Retried => "run.retry",
                Stimulus::Fork(_) => "run.fork",
                _ => "run.start",
            },
            Self::Cancel { .. } => "run.cancel",
            Self::Pause => "run.pause",
            Self::Resume => "run.resume",
            Self::Release => "run.release",
            Self::Decide(_) => "approval.decide",
            Self::Question { .. } => "approval.ask",
            Self::Change {
                change: Change::Content { .. },
                ..
            } => "approval.amend",
            Self::Change {
                change: Change::Decider { .. },
                ..
            } => "approval.delegate",
            Self::Migrate(_) => "run.migrate",
            Self::Resolve { .. } => "effect.resolve",
        }
    }
}
