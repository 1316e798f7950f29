//! The run behind an offer that was taken up: begun, followed, called off.

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, Offered, Over, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::run::Status;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchRequest};
use jiff::Timestamp;
use serde_json::Value;

use super::catalog::Entry;
use super::guest::{Guest, unexpected};

/// How long one poll waits, milliseconds.
const WAIT_MS: u32 = 25_000;
/// Longest key that is taken, bytes.
pub(super) const LONGEST_KEY: usize = 128;

/// A run at one moment.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// The run.
    pub(super) run: RunId,
    /// Its document.
    pub(super) body: WorkflowExecution,
    /// When the document was written.
    pub(super) at: Timestamp,
    /// What it asks people, where it waits for them.
    pub(super) asks: Vec<WorkflowApproval>,
}

impl Moment {
    /// Nothing will change any more.
    pub(super) const fn is_over(&self) -> bool {
        self.body.status.is_final()
    }

    /// Nothing goes on until a person decides.
    pub(super) const fn waits_for_person(&self) -> bool {
        !self.asks.is_empty()
    }

    /// One line for whoever waits.
    pub(super) fn words(&self) -> String {
        if let Some(first) = self.asks.first() {
            return format!("waits for a person: {}", first.action);
        }
        match &self.body {
            body if body.queue.is_some() => "waits for its turn".to_owned(),
            body if body.step.is_empty() => body.status.to_string(),
            body => format!("{}: {}", body.status, body.step),
        }
    }

    /// Why it did not come to its end, in words.
    pub(super) fn problem(&self) -> String {
        if self.body.status == Status::Cancelled {
            return "the run was cancelled".to_owned();
        }
        let text = |key: &str| self.body.error[key].as_str().filter(|text| !text.is_empty());
        let title = text("title").unwrap_or("the run failed");
        match text("detail") {
            Some(detail) => format!("{title}: {detail}"),
            None => title.to_owned(),
        }
    }

    /// What a watcher would be told again only if it changed.
    fn mark(&self) -> (Status, String, u32, usize) {
        let body = &self.body;
        (
            body.status,
            body.step.clone(),
            body.progress.done,
            self.asks.len(),
        )
    }
}

/// Starts the run of an offer; the same key of the same guest finds the one that was started.
pub(super) async fn begin(
    guest: &Guest,
    over: Over,
    entry: &Entry,
    input: Value,
    key: &str,
) -> Result<RunId, Fault> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Fault::new(
            Code::Invalid,
            format!("a key has 1 to {LONGEST_KEY} bytes, not {}", key.len()),
        ));
    }
    let target = match &entry.of {
        Offered::Agent(name) => RunTarget::Agent(name.clone()),
        Offered::Workflow(name) | Offered::Orchestration(name) => RunTarget::Name(name.clone()),
    };
    let start = Command::RunStart {
        target,
        input,
        idempotency_key: Some(format!("{}:{}:{}:{key}", over.as_str(), guest.user(), entry.name)),
        budget: None,
        priority: None,
    };
    match guest.command(start).await? {
        CommandReply::RunStarted { run, .. } => Ok(run),
        _ => Err(unexpected("a run")),
    }
}

/// Calls a run off.
pub(super) async fn cancel(guest: &Guest, run: RunId, reason: &str) -> Result<(), Fault> {
    let reason = Some(reason.to_owned());
    guest.command(Command::RunCancel { run, reason }).await.map(drop)
}

/// A run of an offer as it stands, if it is one.
pub(super) async fn look(guest: &Guest, entry: &Entry, run: RunId) -> Result<Moment, Fault> {
    let missing = || {
        Fault::new(
            Code::NotFound,
            format!("there is no run {run} of `{}`", entry.name),
        )
    };
    let moment = moment(guest, run).await.map_err(|fault| match fault.code {
        Code::NotFound => missing(),
        _ => fault,
    })?;
    let same = match &entry.of {
        Offered::Agent(name) => {
            moment.body.workflow == "agent" && moment.body.input["agent"].as_str() == Some(name)
        }
        Offered::Workflow(name) | Offered::Orchestration(name) => moment.body.workflow == *name,
    };
    same.then_some(moment).ok_or_else(missing)
}

async fn moment(guest: &Guest, run: RunId) -> Result<Moment, Fault> {
    let get = Query::Get {
        kind: Kind::WorkflowExecution,
        id: run.to_string(),
        include: Vec::new(),
    };
    let QueryReply::Document(document) = guest.query(get).await? else {
        return Err(unexpected("a document"));
    };
    let body: WorkflowExecution = document.body().map_err(|_| unexpected("a run"))?;
    let asks = match body.status {
        Status::Waiting => pending(guest, run).await?,
        _ => Vec::new(),
    };
    Ok(Moment {
        run,
        body,
        at: document.metadata.updated_at,
        asks,
    })
}

async fn pending(guest: &Guest, run: RunId) -> Result<Vec<WorkflowApproval>, Fault> {
    let mine = Filter::eq("run", run.to_string());
    let list = ListQuery {
        filter: Some(Filter::And(vec![mine, Filter::eq("status", "pending")])),
        limit: 100,
        ..ListQuery::of(Kind::WorkflowApproval)
    };
    let QueryReply::Page { items, .. } = guest.query(Query::List(list)).await? else {
        return Err(unexpected("a list"));
    };
    Ok(items.iter().filter_map(|item| item.body().ok()).collect())
}

/// Follows a run from where it stands to its end.
pub(super) struct Follow {
    guest: Guest,
    run: RunId,
    cursor: Option<Cursor>,
    told: Option<(Status, String, u32, usize)>,
}

impl Follow {
    /// From now on.
    pub(super) const fn new(guest: Guest, run: RunId) -> Self {
        Self {
            guest,
            run,
            cursor: None,
            told: None,
        }
    }

    /// The next moment that differs from the one before; at first, how it stands. Safe to drop at any await.
    pub(super) async fn next(&mut self) -> Result<Moment, Fault> {
        loop {
            match self.cursor.clone() {
                // The cursor before the look: what happens between the two rings.
                None => self.cursor = Some(self.poll(None, 0).await?.0),
                Some(cursor) if self.told.is_some() => {
                    let (next, rung) = self.poll(Some(cursor), WAIT_MS).await?;
                    self.cursor = Some(next);
                    if !rung {
                        continue;
                    }
                }
                Some(_) => {}
            }
            let moment = moment(&self.guest, self.run).await?;
            let mark = moment.mark();
            if self.told.as_ref() != Some(&mark) {
                self.told = Some(mark);
                return Ok(moment);
            }
        }
    }

    async fn poll(&self, cursor: Option<Cursor>, wait_ms: u32) -> Result<(Cursor, bool), Fault> {
        let request = WatchRequest {
            cursor,
            filter: WatchFilter {
                kinds: vec![Kind::WorkflowExecution, Kind::WorkflowApproval],
                ..WatchFilter::default()
            },
            max: 500,
            wait_ms,
        };
        let page = self.guest.watch(request).await?;
        let rung = page.resync.is_some() || page.changes.iter().any(|change| self.concerns(change));
        Ok((page.next, rung))
    }

    fn concerns(&self, change: &Change) -> bool {
        let run = EntityId::from(self.run);
        match change {
            Change::Put(document) => {
                let about = document
                    .field("run")
                    .and_then(|value| value.as_str()?.parse().ok());
                document.metadata.id == run || about == Some(run)
            }
            Change::Gone { id, .. } => *id == run,
            Change::Run { .. } | Change::Event(_) => false,
        }
    }
}
