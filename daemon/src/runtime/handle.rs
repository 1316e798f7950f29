//! The door of the runtime. Every method that changes something answers when the change is durable; its audit record
//! and the remembered answer of its request id are in the same commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::Payload;
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::emergency::Emergency;
use dirigent_protocol::entity::{Document, Kind, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::graph::Graph;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Budget, Pins, Status};
use dirigent_protocol::watch::{StreamPage, StreamRequest};
use dirigent_providers::{PriceTable, Registry};
use dirigent_store::error::Conflict;
use dirigent_store::{CommitError, RequestKey, Txn};
use jiff::Timestamp;
use serde_json::Value;

use super::admission::space::Space;
use super::api::{Counts, Rooms, RuntimeSettings, StartRun, Started, Terms};
use super::core::Core;
use super::error::RuntimeError;
use super::plans::{body, unread};
use super::run::driver::{self, Driver};
use super::run::message::Wish;
use super::{recover, retention, rows};
use crate::records::{Actor, Draft, RecallError, recall};
use crate::worker::WorkerPool;

/// How long tasks may take to end when the daemon stops.
const STOP_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The running runtime; clones share it.
#[derive(Clone)]
pub struct RuntimeHandle {
    pub(super) core: Arc<Core>,
}

impl RuntimeHandle {
    /// Takes up every unfinished run, then answers. Effects that a crash left open are settled by their policy.
    ///
    /// # Errors
    /// The store cannot be read or written, or the data directory cannot be made.
    pub async fn open(rooms: Rooms) -> Result<Self, RuntimeError> {
        let handle = Self {
            core: Box::pin(recover::open(rooms)).await?,
        };
        handle.make_up();
        Ok(handle)
    }

    /// What is owed to requests that wait: a crash may have come between them and their rules or answers.
    fn make_up(&self) {
        self.rules_changed();
        let handle = self.clone();
        self.core.tasks.spawn_until_stop(
            "retention",
            async move { Box::pin(retention::keep(handle)).await },
        );
        let handle = self.clone();
        self.core.tasks.spawn_until_stop("questions", async move {
            if let Err(error) = Box::pin(handle.mend_questions()).await {
                tracing::error!(%error, "questions about approvals could not be taken up");
            }
        });
    }

    /// Starts a run of a stored version: its first events, its document and its first intents are one commit.
    ///
    /// # Errors
    /// The version does not compile, names an agent that does not exist, or the store did not commit.
    pub async fn start(&self, start: StartRun, actor: Actor) -> Result<Started, RuntimeError> {
        self.start_on(start, Terms::default(), actor).await
    }

    /// As [`Self::start`], on terms of whoever starts it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on(
        &self,
        start: StartRun,
        terms: Terms,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let run = self.next_run();
        self.start_as(run, start, terms, None, actor).await
    }

    /// An id for [`Self::start_beside`].
    pub(crate) fn next_run(&self) -> RunId {
        RunId(self.core.chance.id())
    }

    /// As [`Self::start`], with an id of [`Self::next_run`] and with puts, deletes and guards that are in the commit of
    /// its beginning. They are not made where another run is answered: one that was started with this key before.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) async fn start_beside(
        &self,
        run: RunId,
        start: StartRun,
        beside: Txn,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        self.start_as(run, start, Terms::default(), Some(Box::new(beside)), actor)
            .await
    }

    async fn start_as(
        &self,
        run: RunId,
        start: StartRun,
        terms: Terms,
        beside: Option<Box<Txn>>,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let org = actor.subject.org;
        let key = start.idempotency_key.clone();
        let version = self.core.plans.version(&start.version)?;
        let asked = (
            version.workflow_name.clone(),
            super::approvals::papers::shown(&start.input),
        );
        if let Some(existing) = self.started_before(org, key.as_deref(), &asked)? {
            return Ok(existing);
        }
        self.core.space.get().admit()?;
        let workflow = self.core.plans.compiled(&version)?;
        let mut pins = self.core.plans.pins(org, &workflow)?;
        pins.budget = terms.budget.filter(Budget::limits);
        (pins.seen, pins.trial) = (terms.seen, terms.trial);
        let request = actor.key;
        match Box::pin(self.launch(run, start, pins, (terms.priority, beside), actor)).await {
            // The request was answered before: this run never began, that one did.
            Ok(started) if started.status == Status::Pending => self.answered_before(request),
            Err(RuntimeError::Commit(CommitError::Conflict(Conflict::Key { .. }))) => self
                .started_before(org, key.as_deref(), &asked)?
                .ok_or(RuntimeError::Internal("a new run's keys exist already")),
            other => other,
        }
    }

    /// Starts a run with this id, these pins, a priority and what is to be in its first commit; it is `pending` where
    /// its request was answered before.
    pub(super) async fn launch(
        &self,
        run: RunId,
        start: StartRun,
        pins: Pins,
        (priority, beside): (Option<i32>, Option<Box<Txn>>),
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let version = self.core.plans.version(&start.version)?;
        let workflow = self.core.plans.compiled(&version)?;
        let mut document = self.birth(run, &start, &version, &actor);
        let input: Payload = Arc::new(start.input);
        let parent = start.parent.as_ref().map(|(run, _)| *run);
        let ask = self.core.ask_for(&workflow, &input, priority, parent).await?;
        if ask.priority != 0 {
            document.spec["priority"] = ask.priority.into();
        }
        let stimulus = Stimulus::Start { input, pins };
        let wish = Wish::Start {
            document: Box::new(document),
            stimulus: Box::new(stimulus),
            ask: Box::new(ask),
            beside,
        };
        let fresh = Driver::new(&self.core, run, workflow);
        let status = self.set_going(fresh, wish, actor).await?;
        Ok(Started {
            run,
            existing: false,
            status,
        })
    }

    /// Gives a new run to its driver and asks for its beginning; `pending` where the request was answered before.
    pub(super) async fn set_going(
        &self,
        fresh: Driver,
        wish: Wish,
        actor: Actor,
    ) -> Result<Status, RuntimeError> {
        if self.core.tasks.is_stopping() || self.core.draining.load(Ordering::Acquire) {
            return Err(RuntimeError::Stopping);
        }
        let run = fresh.run;
        let messages = self.core.runs.enter(run, Status::Pending);
        self.core.live.began(run);
        self.core.tasks.spawn_until_stop(
            "run",
            async move { Box::pin(driver::drive(fresh, messages)).await },
        );
        self.core.ask(run, wish, actor).await
    }

    /// Stops a run: once this answers no new step begins. Answers before everything that runs has stopped.
    ///
    /// # Errors
    /// The run does not exist or is over, or the store did not commit.
    pub async fn cancel(&self, run: RunId, reason: Option<String>, actor: Actor) -> Result<(), RuntimeError> {
        self.core.ask(run, Wish::Cancel { reason }, actor).await.map(drop)
    }

    /// Begins nothing new in a run until it is resumed; what comes back meanwhile is recorded.
    ///
    /// # Errors
    /// The run does not exist, is over or paused, or the store did not commit.
    pub async fn pause(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        self.core.ask(run, Wish::Pause, actor).await.map(drop)
    }

    /// Lets a paused (or quarantined) run go on.
    ///
    /// # Errors
    /// The run does not exist or is not paused, or the store did not commit.
    pub async fn resume(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        self.core.ask(run, Wish::Resume, actor).await.map(drop)
    }

    /// Lets a run go on that was set aside because the daemon died with it in hand again and again.
    ///
    /// # Errors
    /// The run does not exist or is not set aside, or the store did not commit.
    pub async fn release(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        self.core.ask(run, Wish::Release, actor).await.map(drop)
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

    /// Goes on with other settings: commands, output limits, egress, permits, approvals' expiry, models and prices.
    /// What is being performed keeps what it began with; `data_dir`, `max_crashes` and the worker stay as they are.
    pub fn reconfigure(&self, settings: &RuntimeSettings, providers: Arc<Registry>, prices: Arc<PriceTable>) {
        let core = &self.core;
        core.egress.set(&settings.egress_allow);
        core.policy.set(settings.policy(providers, prices));
        core.permits.relimit(&settings.permits, settings.permits_total);
        core.admit(core.gate.limit(settings.most(), (core.clock)()));
    }

    /// What the disk has room for from now on.
    pub fn set_space(&self, space: Space) {
        self.core.space.set(space);
        self.core.hold();
    }

    /// Stops everything until it is let go on: no run begins, nothing is performed, and what is being performed ends with
    /// an end that nobody knows. In force, and durable, when this returns.
    ///
    /// # Errors
    /// The store takes nothing.
    pub async fn emergency_stop(&self, by: &str, reason: Option<String>) -> Result<(), RuntimeError> {
        let stopped = Emergency {
            since: (self.core.clock)(),
            by: by.to_owned(),
            reason,
        };
        self.core.emergency(Some(stopped)).await
    }

    /// Lets everything go on that an emergency stop holds.
    ///
    /// # Errors
    /// The store takes nothing.
    pub async fn emergency_release(&self) -> Result<(), RuntimeError> {
        self.core.emergency(None).await
    }

    /// Who stopped everything; none where it goes on.
    #[must_use]
    pub fn emergency(&self) -> Option<Emergency> {
        self.core.emergency.stopped()
    }

    /// Where expressions run that could loop.
    pub(crate) fn worker(&self) -> Arc<WorkerPool> {
        Arc::clone(&self.core.worker)
    }

    /// The engine's time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.core.clock)()
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
        self.core.hold_gate();
        self.core.permits.close();
        let deadline = tokio::time::Instant::now() + grace;
        while self.core.counts().at_work() > 0 && tokio::time::Instant::now() < deadline {
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

    pub(super) fn answered_before(&self, request: RequestKey) -> Result<Started, RuntimeError> {
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
            input: super::approvals::papers::shown(&start.input),
            idempotency_key: start.idempotency_key.clone(),
            started_by: actor.subject.name.clone(),
            parent: start.parent.as_ref().map(|(run, _)| *run),
            parent_step: start.parent.as_ref().map(|(_, step)| step.to_string()),
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
