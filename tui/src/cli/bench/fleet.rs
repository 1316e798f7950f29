//! Many runs at once: so many are kept in flight, each timed from the call that starts it until its end was seen.
//!
//! Invariant: every run that was started is seen to reach the status that is waited for, or the measurement fails.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::Status;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};

use super::bed::Daemon;
use crate::link::snapshot::unexpected;

/// Calls in flight on one connection; the daemon refuses more than 64.
pub const CALLS: usize = 50;
/// How long nothing may happen.
const PATIENCE_MS: u32 = 30_000;

/// What is to be run.
pub struct Plan<'a> {
    /// The workflow.
    pub workflow: &'a str,
    /// Runs in flight.
    pub at_once: usize,
    /// No run starts after so many.
    pub most: usize,
    /// No run starts after this time.
    pub time: Duration,
    /// Where a run has to get.
    pub until: Status,
    /// Input of the next run.
    pub input: &'a dyn Fn() -> Value,
}

impl<'a> Plan<'a> {
    /// So many runs to their end, one after the other.
    #[must_use]
    pub fn of(workflow: &'a str, most: usize) -> Self {
        Self {
            workflow,
            at_once: 1,
            most,
            time: Duration::MAX,
            until: Status::Completed,
            input: &|| json!({}),
        }
    }

    /// So many in flight.
    #[must_use]
    pub const fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once;
        self
    }
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// The runs.
    pub runs: Vec<RunId>,
    /// Milliseconds of each, in order of their ends.
    pub took_ms: Vec<f64>,
    /// Runs that ended before the time was over.
    pub in_time: usize,
    /// From the first call to the last end.
    pub wall: Duration,
}

/// When it was asked for, which run it is, and over which connection.
type Start = LocalBoxFuture<'static, Result<(Instant, RunId, usize), Fault>>;

/// The connections of a fleet.
pub struct Fleet {
    lines: Vec<Connection>,
    watch: Connection,
    /// Calls in flight on each.
    busy: Vec<usize>,
}

impl Fleet {
    /// Connects as often as so many calls at once need.
    ///
    /// # Errors
    /// The daemon cannot be reached.
    pub async fn open(daemon: &Daemon, at_once: usize) -> Result<Self, Fault> {
        let mut lines = Vec::new();
        for _ in 0..at_once.div_ceil(CALLS) {
            lines.push(daemon.another_line().await?);
        }
        let watch = daemon.another_line().await?;
        let busy = vec![0; lines.len()];
        Ok(Self { lines, watch, busy })
    }

    /// The connections for calls.
    #[must_use]
    pub fn lines(&self) -> &[Connection] {
        &self.lines
    }

    /// Over the connection with the fewest calls.
    fn start(&mut self, plan: &Plan<'_>) -> Start {
        let least = self.busy.iter().enumerate().min_by_key(|(_, busy)| **busy);
        let line = least.map_or(0, |(line, _)| line);
        self.busy[line] += 1;
        let (workflow, input) = (plan.workflow.to_owned(), (plan.input)());
        let started = start(self.lines[line].clone(), workflow, input);
        started
            .map(move |done| done.map(|(at, run)| (at, run, line)))
            .boxed_local()
    }

    /// Where the feed of changes stands now.
    ///
    /// # Errors
    /// The daemon cannot be reached.
    pub async fn now(&self) -> Result<Cursor, Fault> {
        Ok(poll(self.watch.clone(), None).await?.next)
    }

    /// Runs them.
    ///
    /// # Errors
    /// The daemon refuses, or a run ends otherwise.
    pub async fn run(&mut self, plan: &Plan<'_>) -> Result<Tally, Fault> {
        let begun = Instant::now();
        let mut cursor = self.now().await?;
        let mut polling = poll(self.watch.clone(), Some(cursor.clone())).boxed_local();
        let mut starts: FuturesUnordered<Start> = FuturesUnordered::new();
        let mut book = Book::default();
        let (mut asked, mut tally) = (0, Tally::default());
        loop {
            while asked - book.over < plan.at_once && asked < plan.most && begun.elapsed() < plan.time {
                asked += 1;
                starts.push(self.start(plan));
            }
            if book.over == asked {
                break;
            }
            tokio::select! {
                Some(started) = starts.next() => {
                    let (at, run, line) = started?;
                    self.busy[line] -= 1;
                    tally.runs.push(run);
                    book.started(run, at, &mut tally);
                }
                page = &mut polling => {
                    let page = page?;
                    cursor = page.next.clone();
                    polling = poll(self.watch.clone(), Some(cursor.clone())).boxed_local();
                    book.read(page, plan.until, &mut tally)?;
                }
            }
            if begun.elapsed() < plan.time {
                tally.in_time = book.over;
            }
        }
        tally.wall = begun.elapsed();
        Ok(tally)
    }

    /// Waits until so many runs have reached a status, seen from a cursor on.
    ///
    /// # Errors
    /// The daemon cannot be reached, a run ends otherwise, or nothing happens any more.
    pub async fn arrive(&self, mut cursor: Cursor, until: Status, mut missing: usize) -> Result<(), Fault> {
        while missing > 0 {
            let page = poll(self.watch.clone(), Some(cursor)).await?;
            if page.changes.is_empty() {
                return Err(stuck());
            }
            cursor = page.next.clone();
            missing = missing.saturating_sub(arrivals(page, until)?.len());
        }
        Ok(())
    }
}

/// Runs that were started, and runs that have arrived; either may be heard of first.
#[derive(Default)]
struct Book {
    begun: HashMap<RunId, Instant>,
    early: HashMap<RunId, Instant>,
    over: usize,
}

impl Book {
    fn started(&mut self, run: RunId, at: Instant, tally: &mut Tally) {
        match self.early.remove(&run) {
            Some(end) => self.end(at, end, tally),
            None => drop(self.begun.insert(run, at)),
        }
    }

    fn read(&mut self, page: WatchPage, until: Status, tally: &mut Tally) -> Result<(), Fault> {
        if page.changes.is_empty() && !self.begun.is_empty() {
            return Err(stuck());
        }
        let now = Instant::now();
        for run in arrivals(page, until)? {
            match self.begun.remove(&run) {
                Some(at) => self.end(at, now, tally),
                None => drop(self.early.insert(run, now)),
            }
        }
        Ok(())
    }

    fn end(&mut self, begun: Instant, end: Instant, tally: &mut Tally) {
        self.over += 1;
        tally
            .took_ms
            .push(end.saturating_duration_since(begun).as_secs_f64() * 1e3);
    }
}

/// The runs of a page that got where they should.
fn arrivals(page: WatchPage, until: Status) -> Result<Vec<RunId>, Fault> {
    let mut arrived = Vec::new();
    for change in page.changes {
        let Change::Put(document) = change else { continue };
        let id: EntityId = document.metadata.id;
        let run: WorkflowExecution = document.body().unwrap_or_default();
        if run.status == until {
            arrived.push(RunId::from(id));
        } else if run.status.is_final() {
            let text = format!("a run of the bench ended {}: {}", run.status.as_str(), run.error);
            return Err(Fault::new(Code::Internal, text));
        }
    }
    Ok(arrived)
}

async fn start(line: Connection, workflow: String, input: Value) -> Result<(Instant, RunId), Fault> {
    let at = Instant::now();
    let command = Command::RunStart {
        target: RunTarget::Name(workflow),
        input,
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    match line
        .command(RequestId::new(), command)
        .await
        .map_err(CallError::into_fault)?
    {
        CommandReply::RunStarted { run, .. } => Ok((at, run)),
        _ => Err(unexpected("`run`")),
    }
}

async fn poll(line: Connection, cursor: Option<Cursor>) -> Result<WatchPage, Fault> {
    let filter = WatchFilter {
        kinds: vec![Kind::WorkflowExecution],
        ..WatchFilter::default()
    };
    let request = WatchRequest {
        cursor,
        filter,
        max: 1_000,
        wait_ms: PATIENCE_MS,
    };
    let page = line.watch(request).await.map_err(CallError::into_fault)?;
    match page.resync {
        None => Ok(page),
        Some(why) => Err(Fault::new(Code::Internal, format!("the feed broke: {why}"))),
    }
}

fn stuck() -> Fault {
    Fault::new(
        Code::Internal,
        format!(
            "nothing happened for {} s and runs are not over",
            PATIENCE_MS / 1_000
        ),
    )
}
