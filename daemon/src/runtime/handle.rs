//! The door of the runtime. Every method that changes something answers when the change is durable; its audit record
//! and the remembered answer of its request id are in the same commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{
    ApprovalStatus, Document, Kind, WorkflowApproval, WorkflowExecution, WorkflowVersion,
};
use dirigent_protocol::graph::Graph;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, DecisionRecord, EffectId, Resolution, Status};
use dirigent_protocol::watch::{StreamPage, StreamRequest};
use dirigent_store::error::Conflict;
use dirigent_store::{CommitError, RequestKey, Txn};
use serde_json::Value;
use tokio::sync::oneshot;

use super::api::{Counts, Rooms, StartRun, Started};
use super::core::Core;
use super::driver::{self, Driver};
use super::error::RuntimeError;
use super::message::{Message, PersonCommand, Wish};
use super::plans::{body, unread};
use super::{recover, rows};
use crate::records::{Actor, Draft, RecallError, recall};

/// How long tasks may take to end when the daemon stops.
const STOP_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The running runtime; clones share it.
#[derive(Clone)]
pub struct RuntimeHandle {
    core: Arc<Core>,
}

impl RuntimeHandle {
    /// Takes up every unfinished run, then answers. Effects that a crash left open are settled by their policy.
    ///
    /// # Errors
    /// The store cannot be read or written, or the data directory cannot be made.
    pub async fn open(rooms: Rooms) -> Result<Self, RuntimeError> {
        Ok(Self {
            core: Box::pin(recover::open(rooms)).await?,
        })
    }

    /// Starts a run of a stored version: its first events, its document and its first intents are one commit.
    ///
    /// # Errors
    /// The version does not compile, names an agent that does not exist, or the store did not commit.
    pub async fn start(&self, start: StartRun, actor: Actor) -> Result<Started, RuntimeError> {
        let org = actor.subject.org;
        let key = start.idempotency_key.clone();
        let version: WorkflowVersion = body(&start.version)?;
        let asked = (version.workflow_name.clone(), super::papers::shown(&start.input));
        if let Some(existing) = self.started_before(org, key.as_deref(), &asked)? {
            return Ok(existing);
        }
        let workflow = self.core.plans.compiled(&version)?;
        let pins = self.core.plans.pins(org, &workflow)?;
        let run = RunId(self.core.chance.id());
        let document = self.birth(run, &start, &version, &actor);
        let stimulus = Stimulus::Start {
            input: Arc::new(start.input),
            pins,
        };
        let wish = Wish::Start {
            document: Box::new(document),
            stimulus: Box::new(stimulus),
        };
        if self.core.tasks.is_stopping() || self.core.draining.load(Ordering::Acquire) {
            return Err(RuntimeError::Stopping);
        }
        let messages = self.core.runs.enter(run, Status::Pending);
        self.core.live.began(run);
        let fresh = Driver::new(&self.core, run, workflow);
        self.core.tasks.spawn_until_stop(
            "run",
            async move { Box::pin(driver::drive(fresh, messages)).await },
        );
        let request = actor.key;
        match self.ask(run, wish, actor).await {
            // The request was answered before: this run never began, that one did.
            Ok(Status::Pending) => self.answered_before(request),
            Ok(status) => Ok(Started {
                run,
                existing: false,
                status,
            }),
            Err(RuntimeError::Commit(CommitError::Conflict(Conflict::Key { .. }))) => self
                .started_before(org, key.as_deref(), &asked)?
                .ok_or(RuntimeError::Internal("a new run's keys exist already")),
            Err(error) => Err(error),
        }
    }

    /// Stops a run: once this answers no new step begins. Answers before everything that runs has stopped.
    ///
    /// # Errors
    /// The run does not exist or is over, or the store did not commit.
    pub async fn cancel(&self, run: RunId, reason: Option<String>, actor: Actor) -> Result<(), RuntimeError> {
        self.ask(run, Wish::Cancel { reason }, actor).await.map(drop)
    }

    /// Begins nothing new in a run until it is resumed; what comes back meanwhile is recorded.
    ///
    /// # Errors
    /// The run does not exist, is over or paused, or the store did not commit.
    pub async fn pause(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        self.ask(run, Wish::Pause, actor).await.map(drop)
    }

    /// Lets a paused (or quarantined) run go on.
    ///
    /// # Errors
    /// The run does not exist or is not paused, or the store did not commit.
    pub async fn resume(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        self.ask(run, Wish::Resume, actor).await.map(drop)
    }

    /// Decides an approval; decision, event and audit are one commit. Exactly one decision is ever accepted. For an
    /// approval about an unknown effect, approving performs it again with the same key, approving with a payload
    /// takes that as its result, denying makes it failed.
    ///
    /// # Errors
    /// [`RuntimeError::AlreadyDecided`], [`RuntimeError::Stale`], no such approval, or the store did not commit.
    pub async fn decide(
        &self,
        approval: EntityId,
        digest: Digest,
        decision: Decision,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        let asked = self.pending(approval)?;
        let run = RunId::from(asked.run);
        if asked.digest != digest.to_string() {
            return Err(RuntimeError::Stale {
                wanted: asked.digest,
                given: digest.to_string(),
            });
        }
        if decision == Decision::Expire {
            return Err(RuntimeError::WrongState {
                run,
                detail: "only time lets an approval expire".into(),
            });
        }
        let by = actor.subject.name.clone();
        let wish = match asked.unknown_effect {
            Some(effect) => Wish::Resolve {
                effect: EffectId(effect),
                resolution: resolution(decision, reason),
            },
            None => Wish::Decide {
                approval,
                record: DecisionRecord {
                    decision,
                    by,
                    reason,
                    digest,
                },
            },
        };
        match self.ask(run, wish, actor).await {
            Ok(_) => Ok(()),
            // Whoever was first has changed the document by now.
            Err(error) => Err(self.pending(approval).err().unwrap_or(error)),
        }
    }

    /// Says what became of an effect whose outcome nobody knows; closes the approval that asks.
    ///
    /// # Errors
    /// The effect is not parked, the approval was decided before, or the store did not commit.
    pub async fn resolve(
        &self,
        run: RunId,
        effect: EffectId,
        resolution: Resolution,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        self.ask(run, Wish::Resolve { effect, resolution }, actor)
            .await
            .map(drop)
    }

    /// Live text of a run behind a chunk; waits at most `wait_ms` (clamped to 30,000) when there is none.
    pub async fn stream(&self, request: StreamRequest) -> StreamPage {
        if self.core.runs.status(request.run).is_some() {
            self.core.live.began(request.run);
        }
        self.core.live.read(&request).await
    }

    /// The graph of the version a run pinned.
    ///
    /// # Errors
    /// The run or its version does not exist or cannot be read.
    pub fn graph(&self, run: RunId) -> Result<Graph, RuntimeError> {
        let execution: WorkflowExecution = body(&self.core.plans.execution(run)?)?;
        Ok(dirigent_engine::graph(&*self.core.plans.of_run(&execution)?))
    }

    /// Figures of this moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core.counts()
    }

    /// Takes nothing new, lets effects that end within `grace` end, then stops every driver. What is open then goes
    /// on after the next start by its policy.
    pub async fn shutdown(&self, grace: Duration) {
        self.core.draining.store(true, Ordering::Release);
        self.core.permits.close();
        let deadline = tokio::time::Instant::now() + grace;
        while self.core.counts().in_flight.values().sum::<u64>() > 0 && tokio::time::Instant::now() < deadline
        {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.abandon().await;
        for performer in self.core.performers.all() {
            performer.abandon().await;
        }
        let mark = (rows::STOPPED_IN_ORDER.into(), bytes::Bytes::new());
        let txn = Txn {
            puts: vec![mark],
            reserve: true,
            ..Txn::default()
        };
        if let Err(error) = self.core.store.commit(txn).await {
            tracing::warn!(%error, "the orderly stop could not be noted; the next start counts it as a death");
        }
    }

    /// Drops everything where it stands, as a crash would: nothing is told, noted or ended. For tests of recovery.
    pub async fn abandon(&self) {
        if !self.core.tasks.stop(STOP_LIMIT).await {
            tracing::warn!("tasks of the runtime did not end in time");
        }
    }

    async fn ask(&self, run: RunId, wish: Wish, actor: Actor) -> Result<Status, RuntimeError> {
        let (reply, answer) = oneshot::channel();
        let command = Message::Command(Box::new(PersonCommand { wish, actor, reply }));
        if self.core.deliver(run, command).is_err() {
            return Err(self.absent(run));
        }
        answer.await.unwrap_or_else(|_| Err(self.absent(run)))
    }

    /// Why a run takes no message.
    fn absent(&self, run: RunId) -> RuntimeError {
        let known = self
            .core
            .plans
            .execution(run)
            .and_then(|document| body::<WorkflowExecution>(&document));
        match known {
            Ok(execution) if execution.status.is_final() => RuntimeError::Ended {
                run,
                status: execution.status,
            },
            Ok(_) => RuntimeError::Stopping,
            Err(error) => error,
        }
    }

    fn pending(&self, approval: EntityId) -> Result<WorkflowApproval, RuntimeError> {
        let found = self
            .core
            .records
            .get(Kind::WorkflowApproval, approval)
            .map_err(unread)?;
        let stored = found.ok_or(RuntimeError::UnknownApproval { approval })?;
        let asked: WorkflowApproval = body(&stored.document)?;
        let status = match asked.status {
            ApprovalStatus::Pending => return Ok(asked),
            ApprovalStatus::Approved => "approved",
            ApprovalStatus::Denied => "denied",
            ApprovalStatus::Expired => "expired",
            ApprovalStatus::Withdrawn => "withdrawn",
        };
        let by = asked.decided_by.unwrap_or_else(|| "dirigent".into());
        Err(RuntimeError::AlreadyDecided {
            status: status.into(),
            by,
            at: asked.decided_at,
        })
    }

    /// The run that was started with that key; it must be of the same workflow (a newer version is fine) and input.
    fn started_before(
        &self,
        org: EntityId,
        key: Option<&str>,
        asked: &(String, Value),
    ) -> Result<Option<Started>, RuntimeError> {
        let Some(key) = key else { return Ok(None) };
        let value = Value::String(key.to_owned());
        let found = self
            .core
            .records
            .find_unique(org, Kind::WorkflowExecution, "idempotency_key", &value)
            .map_err(unread)?;
        let Some(stored) = found else { return Ok(None) };
        let execution: WorkflowExecution = body(&stored.document)?;
        let run = RunId::from(stored.document.metadata.id);
        if asked.0 != execution.workflow || asked.1 != execution.input {
            return Err(RuntimeError::KeyReused { run });
        }
        let status = self.core.runs.status(run).unwrap_or(execution.status);
        Ok(Some(Started {
            run,
            existing: true,
            status,
        }))
    }

    fn answered_before(&self, request: RequestKey) -> Result<Started, RuntimeError> {
        match recall(&self.core.records, request) {
            Ok(Some(CommandReply::RunStarted { run, status, .. })) => Ok(Started {
                run,
                existing: false,
                status,
            }),
            Err(RecallError::Record(error)) => Err(unread(error)),
            _ => Err(RuntimeError::Commit(CommitError::RequestReused)),
        }
    }

    fn birth(&self, run: RunId, start: &StartRun, version: &WorkflowVersion, actor: &Actor) -> Document {
        let execution = WorkflowExecution {
            workflow: version.workflow_name.clone(),
            workflow_version: start.version.metadata.id,
            digest: version.digest.clone(),
            version: version.version.clone(),
            input: super::papers::shown(&start.input),
            idempotency_key: start.idempotency_key.clone(),
            started_by: actor.subject.name.clone(),
            ..WorkflowExecution::default()
        };
        Draft::of(
            Kind::WorkflowExecution,
            "",
            serde_json::to_value(execution).unwrap_or_default(),
        )
        .id(run.into())
        .org(actor.subject.org)
        .owner(actor.subject.user)
        .labels(start.labels.clone())
        .document((self.core.clock)())
    }
}

/// What a decision on an unknown effect means.
fn resolution(decision: Decision, reason: Option<String>) -> Resolution {
    match decision {
        Decision::Approve { edited: None } => Resolution::Again,
        Decision::Approve { edited: Some(output) } => Resolution::Happened {
            output: Arc::new(output),
        },
        Decision::Deny | Decision::Expire => Resolution::Failed {
            reason: reason.unwrap_or_else(|| "it did not happen, or may not count".into()),
        },
    }
}
