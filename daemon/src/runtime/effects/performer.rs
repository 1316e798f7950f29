//! What a performer is given and what it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dirigent_engine::state::Conversation;
use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::AgentVersion;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    Amounts, Budget, EffectId, EffectKind, EffectOutcome, EffectRequest, StepId, Traits, Usage, WorkflowError,
};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::PERFORMERS;
use super::egress::Egress;
use super::security::Security;
use super::watch::Watch;
use crate::clock::Clock;
use crate::runtime::error::RuntimeError;
use crate::runtime::live::LiveSink;
use crate::runtime::policy::Policy;
use crate::runtime::routing::Router;
use crate::swap::Swap;
use crate::worker::WorkerPool;

/// One effect to perform: its intent is durable.
#[derive(Clone)]
pub struct Call {
    /// The run.
    pub run: RunId,
    /// The step that wants it.
    pub step: StepId,
    /// Names it within the run.
    pub effect: EffectId,
    /// Which attempt of the step.
    pub attempt: u32,
    /// Stable idempotency key, sent along.
    pub key: Arc<str>,
    /// What to do.
    pub request: EffectRequest,
    /// What an agent with tools has said and been told, from its second turn on.
    pub(crate) conversation: Option<Arc<Conversation>>,
    /// Set aside for it where a budget holds: it may take no more.
    pub reserved: Option<Amounts>,
    /// The budget of a run that it starts; none where nothing limits that.
    pub budget: Option<Budget>,
    /// An agent's model asked for it.
    pub tool: bool,
    /// What came into its run so far.
    pub seen: Traits,
    /// Its run only tries agents out.
    pub trial: bool,
    /// Stop it: the task or the run was stopped.
    pub cancel: CancellationToken,
    /// Where it writes live text.
    pub(crate) live: LiveSink,
}

/// Finds published agents.
pub(crate) trait AgentSource: Send + Sync {
    /// The pinned version, or the newest of that name where none is pinned.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn agent(&self, name: &str, version: Option<Digest>) -> Result<AgentVersion, RuntimeError>;
}

/// What a child run is a run of.
#[derive(Debug, Clone)]
pub(crate) enum Child {
    /// A published workflow; an empty namespace is any.
    Published {
        namespace: String,
        name: String,
        version: String,
    },
    /// This document.
    Document(String),
}

/// Starts and stops runs for runs.
pub(crate) trait Children: Send + Sync {
    /// Starts a run under the call's key, or finds the one that was started, and waits for its end.
    fn run(&self, call: Call, child: Child, input: Payload, detached: bool) -> BoxFuture<'_, EffectOutcome>;

    /// Stops the run that was started under a key, and waits for its end.
    fn stop<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()>;
}

/// What performers are made of.
#[derive(Clone)]
pub(crate) struct Means {
    /// Directory for process records and working directories.
    pub(crate) data_dir: PathBuf,
    /// What a reload may exchange: whether commands run, how long outputs are, models and prices.
    pub(crate) policy: Arc<Swap<Policy>>,
    /// Which addresses may be reached.
    pub(crate) egress: Egress,
    /// From SIGTERM to SIGKILL.
    pub(crate) kill_grace: Duration,
    /// Agents.
    pub(crate) agents: Arc<dyn AgentSource>,
    /// Renders prompts under limits.
    pub(crate) worker: Arc<WorkerPool>,
    /// What is re-executed in the place of a command that is kept to something.
    pub(crate) program: PathBuf,
    /// Runs of runs.
    pub(crate) children: Arc<dyn Children>,
    /// Which agent does it.
    pub(crate) router: Arc<Router>,
    /// Records what must not stay unseen.
    pub(crate) security: Arc<Security>,
    /// Watches over what goes out.
    pub(crate) watch: Arc<Watch>,
    /// The engine's.
    pub(crate) clock: Clock,
}

/// Performs effects of one kind.
pub trait Performer: Send + Sync {
    /// Which kind.
    fn kind(&self) -> EffectKind;

    /// Does it once and says how it ended.
    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome>;

    /// Whether it never waits: then it is performed where it stands, without a task of its own.
    fn immediate(&self) -> bool {
        false
    }

    /// Whether it wants to be told how effects like this one ended.
    fn remembers(&self, _request: &EffectRequest) -> bool {
        false
    }

    /// How one of those ended; in the place of its secrets are their marks.
    fn ended(&self, _call: &Call, _outcome: &EffectOutcome) {}

    /// A run is over: nothing of it waits any more. What is to be told to others for that, bounded.
    fn over(&self, _run: RunId) -> Vec<BoxFuture<'static, ()>> {
        Vec::new()
    }

    /// The daemon stops: ends whatever still runs. Outcomes are nobody's concern any more.
    fn abandon(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// An earlier process of the daemon began it, and it is not wanted any more: stops what may still go on elsewhere.
    fn unwanted<'a>(&'a self, _call: &'a Call) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Empties what an earlier process of the daemon left running of an effect, before its intent is settled.
    fn clear<'a>(&'a self, _run: RunId, _effect: EffectId, _key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// All performers by kind.
pub(crate) struct Performers(BTreeMap<EffectKind, Arc<dyn Performer>>);

impl Performers {
    /// Those that are given, and for every other kind the row of the list.
    ///
    /// # Errors
    /// What keeps a performer from being set up.
    pub(crate) fn open(means: &Means, given: Vec<Arc<dyn Performer>>) -> Result<Self, RuntimeError> {
        let mut all: BTreeMap<_, _> = given
            .into_iter()
            .map(|performer| (performer.kind(), performer))
            .collect();
        for (kind, open) in PERFORMERS {
            if !all.contains_key(kind) {
                all.insert(*kind, Arc::from(open(means)?));
            }
        }
        Ok(Self(all))
    }

    /// Every performer.
    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn Performer> {
        self.0.values().map(|performer| &**performer)
    }

    /// The performer of a kind.
    pub(crate) fn of(&self, kind: EffectKind) -> Option<&dyn Performer> {
        self.0.get(&kind).map(|performer| &**performer)
    }
}

/// A failure that is known.
pub(super) fn failed(error: WorkflowError, retryable: bool) -> EffectOutcome {
    EffectOutcome::Failed {
        error,
        retryable,
        retry_after_ms: None,
        retry: None,
        usage: Usage::default(),
    }
}

/// A failure whose request was never acceptable.
pub(crate) fn refused(kind: &str, status: u16, title: &str, detail: impl Into<String>) -> EffectOutcome {
    failed(WorkflowError::standard(kind, status, title).detail(detail), false)
}

/// The request is of another kind: a defect of ours, told as one.
pub(super) fn misdirected() -> EffectOutcome {
    refused(
        "runtime",
        500,
        "Internal error",
        "the request reached a performer of another kind",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_exactly_one_row() {
        let kinds: Vec<_> = PERFORMERS.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, EffectKind::ALL);
    }
}
