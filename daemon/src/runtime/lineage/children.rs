//! Runs of runs: started under the key of the effect that wants them, waited for, stopped with it.
//!
//! Invariant: one key starts one run, whatever dies in between; a parent that is stopped is not over before its children
//! are.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use dirigent_engine::state::{RunState, apply};
use dirigent_protocol::Payload;
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Document, Kind, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::{Amounts, EffectOutcome, Status, Usage, WorkflowError};
use dirigent_protocol::watch::StreamSource;
use dirigent_store::{Budget, Feed, FeedItem, Position};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::door::{Action, DoorError, Object};
use crate::records::{Actor, DEFAULT_ORG, decode_event};
use crate::runtime::api::{StartRun, Terms};
use crate::runtime::core::Core;
use crate::runtime::effects::{Call, Child, Children, refused};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows;
use crate::runtime::run::message::Wish;
use crate::runtime::unnamed_version::unnamed_version;

/// Deepest chain of runs in runs.
const MAX_DEPTH: usize = 16;
/// Versions of one workflow that are looked through.
const MAX_VERSIONS: usize = 10_000;

/// The runtime's door for its own performers; it opens when the runtime is made.
#[derive(Default)]
pub(crate) struct Offspring(OnceLock<Weak<Core>>);

impl Offspring {
    /// From now on runs can be started.
    pub(crate) fn connect(&self, core: &Arc<Core>) {
        // Set once: there is one runtime to a set of performers.
        drop(self.0.set(Arc::downgrade(core)));
    }

    fn core(&self) -> Option<Arc<Core>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl Children for Offspring {
    fn run(&self, call: Call, child: Child, input: Payload, detached: bool) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let Some(core) = self.core() else {
                return EffectOutcome::Unknown {
                    reason: "the daemon stops".into(),
                };
            };
            match Box::pin(begin(&core, &call, child, input)).await {
                // Nobody hears what it takes: all that was set aside counts as taken.
                Ok(run) if detached => done(
                    run,
                    Payload::default(),
                    call.reserved.map(bill).unwrap_or_default(),
                ),
                Ok(run) => attend(&core, &call, run).await,
                Err(error) => not_begun(&error),
            }
        })
    }

    fn stop<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(core) = self.core() else { return };
            let value = Value::String(child_key(key));
            let found =
                core.records
                    .find_unique(DEFAULT_ORG, Kind::WorkflowExecution, "idempotency_key", &value);
            if let Ok(Some(stored)) = found {
                let run = RunId::from(stored.document.metadata.id);
                stop(&core, run, subject_of(&stored.document)).await;
            }
        })
    }
}

fn child_key(key: &str) -> String {
    format!("child-{key}")
}

fn subject_of(document: &Document) -> Subject {
    Subject {
        user: document.metadata.owner,
        name: document.spec["started_by"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        org: document.metadata.org,
        administrator: false,
    }
}

fn not_begun(error: &RuntimeError) -> EffectOutcome {
    let (name, status) = match error {
        RuntimeError::Missing { .. } => ("configuration", 404),
        RuntimeError::MayNotStart { .. } => ("authorization", 403),
        RuntimeError::BadVersion { .. } | RuntimeError::BadDocument { .. } => ("configuration", 400),
        // Nothing was started, or it was and its key finds it: asked again soon.
        RuntimeError::Stopping
        | RuntimeError::Overloaded { .. }
        | RuntimeError::QueueFull { .. }
        | RuntimeError::StorageFull { .. }
        | RuntimeError::Commit(_)
        | RuntimeError::Read(_) => {
            return EffectOutcome::Unknown {
                reason: error.to_string(),
            };
        }
        _ => ("runtime", 500),
    };
    let mut detail = error.to_string();
    if let RuntimeError::BadVersion { details } = error {
        let found: Vec<String> = details
            .iter()
            .take(5)
            .map(|found| found.render("document"))
            .collect();
        detail = format!("{detail}: {}", found.join("; "));
    }
    refused(name, status, "The workflow cannot be run", detail)
}

/// The run of that key: found, or started.
async fn begin(core: &Arc<Core>, call: &Call, child: Child, input: Payload) -> Result<RunId, RuntimeError> {
    let parent = core.plans.execution(call.run)?;
    depth(core, &parent)?;
    let version = match child {
        Child::Published {
            namespace,
            name,
            version,
        } => {
            let (draft, version) = published(core, parent.metadata.org, &namespace, &name, &version)?;
            may_start(core, &parent, &draft).await?;
            version
        }
        Child::Document(text) => unnamed_version(core, "function", &text).await?,
    };
    let start = StartRun {
        version,
        input: (*input).clone(),
        idempotency_key: Some(child_key(&call.key)),
        labels: BTreeMap::new(),
        parent: Some((call.run, call.step.clone())),
    };
    let actor = Actor::of(
        subject_of(&parent),
        RequestId(core.chance.id()),
        &Command::DaemonStop {},
    );
    let handle = RuntimeHandle { core: core.clone() };
    let terms = Terms {
        budget: call.budget,
        seen: call.seen,
        trial: call.trial,
        ..Terms::default()
    };
    let started = handle.start_on(start, terms, actor).await?;
    call.live
        .write(StreamSource::Note, &format!("runs as {}\n", started.run));
    Ok(started.run)
}

/// A run that starts itself would never end.
fn depth(core: &Core, parent: &Document) -> Result<(), RuntimeError> {
    let mut above = body::<WorkflowExecution>(parent)?.parent;
    for _ in 1..MAX_DEPTH {
        let Some(run) = above else { return Ok(()) };
        above = body::<WorkflowExecution>(&core.plans.execution(run)?)?.parent;
    }
    match above {
        None => Ok(()),
        Some(_) => Err(RuntimeError::TooDeep { most: MAX_DEPTH }),
    }
}

fn published(
    core: &Core,
    org: EntityId,
    namespace: &str,
    name: &str,
    wanted: &str,
) -> Result<(Document, Document), RuntimeError> {
    let missing = || {
        let place = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}/")
        };
        RuntimeError::Missing {
            what: format!("workflow `{place}{name}` version {wanted}"),
        }
    };
    let mut draft = None;
    for kind in [Kind::Workflow, Kind::Orchestration] {
        if draft.is_none() {
            draft = core.records.find_by_name(org, kind, name).map_err(unread)?;
        }
    }
    let draft = draft.ok_or_else(missing)?;
    let id = Value::String(draft.document.metadata.id.to_string());
    let stored = core
        .records
        .find_by_index(org, Kind::WorkflowVersion, "workflow", &id, MAX_VERSIONS)
        .map_err(unread)?;
    let mut newest: Option<(u64, Document)> = None;
    for found in stored {
        let version: WorkflowVersion = body(&found.document)?;
        let fits = wanted == "latest" || version.version == wanted;
        let here = namespace.is_empty() || version.document["document"]["namespace"] == namespace;
        if fits && here && newest.as_ref().is_none_or(|(number, _)| version.number > *number) {
            newest = Some((version.number, found.document));
        }
    }
    let (_, version) = newest.ok_or_else(missing)?;
    Ok((draft.document, version))
}

/// Whether who started a run may start this one: looked up now, as for any start.
async fn may_start(core: &Core, parent: &Document, draft: &Document) -> Result<(), RuntimeError> {
    let Some(door) = &core.door else { return Ok(()) };
    let refused = |why: String| RuntimeError::MayNotStart {
        workflow: draft.metadata.name.clone(),
        why,
    };
    let subject = match door.subject(parent.metadata.owner) {
        Ok(subject) => subject,
        Err(DoorError::Denied(denial)) => return Err(refused(denial.to_string())),
        Err(DoorError::Record(error)) => return Err(unread(error)),
        Err(DoorError::Commit(error)) => return Err(error.into()),
    };
    let object = Object::Document(draft);
    let asked = door.authorize(&subject, Action::RunStart, &object).await;
    asked.map_err(|denial| refused(denial.to_string()))
}

/// Waits for the end of a run; a call that is not wanted any more stops it first.
async fn attend(core: &Arc<Core>, call: &Call, run: RunId) -> EffectOutcome {
    tokio::select! {
        biased;
        () = call.cancel.cancelled() => {
            let subject = core.plans.execution(run).map(|document| subject_of(&document));
            if let Ok(subject) = subject {
                stop(core, run, subject).await;
            }
            EffectOutcome::Cancelled
        }
        () = core.runs.left(run) => ended(core, call, run).await,
    }
}

async fn stop(core: &Arc<Core>, run: RunId, subject: Subject) {
    let actor = Actor::of(subject, RequestId(core.chance.id()), &Command::DaemonStop {});
    let reason = Some("the run that started it was stopped".to_owned());
    // It may be over, or be stopping, already.
    drop(core.ask(run, Wish::Cancel { reason }, actor).await);
    core.runs.left(run).await;
}

/// An amount as a bill.
fn bill(amounts: Amounts) -> Usage {
    Usage {
        input_tokens: amounts.tokens,
        calls: amounts.calls,
        cost_micro_usd: amounts.micro_usd,
        ..Usage::default()
    }
}

/// What a run took, for the budgets of the run around it: with all bills in doubt at their worst.
fn taken(call: &Call, state: &RunState) -> Usage {
    if call.reserved.is_none() {
        return Usage::default();
    }
    let (usage, spent) = (state.usage(), state.account().spent);
    let more = spent.less(usage.into());
    Usage {
        input_tokens: usage.input_tokens + more.tokens,
        calls: usage.calls + more.calls,
        cost_micro_usd: usage.cost_micro_usd + more.micro_usd,
        ..usage
    }
}

fn done(run: RunId, output: Payload, usage: Usage) -> EffectOutcome {
    EffectOutcome::Done {
        output,
        usage,
        facts: BTreeMap::from([("run".to_owned(), json!(run.to_string()))]),
    }
}

/// How a run ended, as the outcome of the effect that started it.
async fn ended(core: &Arc<Core>, call: &Call, run: RunId) -> EffectOutcome {
    let state = match state_of(core, run).await {
        Ok(state) => state,
        Err(error) => {
            return EffectOutcome::Unknown {
                reason: format!("the run {run} cannot be read: {error}"),
            };
        }
    };
    let problem = match state.status() {
        Status::Completed => {
            let output = state.output().cloned().unwrap_or_default();
            return done(run, output, taken(call, &state)).bringing(state.seen());
        }
        Status::Faulted => state.error().cloned().map(|mut error| {
            let step = error.instance.take().map(|step| step.to_string());
            error.data = json!({ "run": run.to_string(), "step": step });
            error
        }),
        Status::Cancelled => None,
        status => {
            return EffectOutcome::Unknown {
                reason: format!("the run {run} is {status} and nobody has it in hand"),
            };
        }
    };
    let error = problem.unwrap_or_else(|| {
        WorkflowError::standard("runtime", 500, "The workflow was cancelled").detail(format!("run {run}"))
    });
    EffectOutcome::Failed {
        error,
        retryable: false,
        retry_after_ms: None,
        retry: None,
        usage: taken(call, &state),
    }
    .bringing(state.seen())
}

async fn state_of(core: &Core, run: RunId) -> Result<RunState, RuntimeError> {
    let snapshot = rows::read_snapshot(&*core.store, run).await?;
    let mut state = snapshot.map_or_else(|| RunState::new(run), |snapshot| snapshot.state);
    let mut cursor = Position(state.seq());
    loop {
        let page = core
            .store
            .read(Feed::Stream(rows::stream(run)), cursor, Budget::default())?;
        if page.items.is_empty() {
            return Ok(state);
        }
        for item in &page.items {
            if let FeedItem::Record { data, .. } = item {
                apply(&mut state, &decode_event(data).map_err(unread)?);
            }
        }
        cursor = page.next;
    }
}
