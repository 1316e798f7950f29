//! What is asked of one connection at the same time: the snapshot, the watch, commands, followed runs, health.
//!
//! Each question is a future that ends in one [`Heard`]; the worker takes them one by one.

use std::time::{Duration, Instant};

use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::Document;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::graph::Graph;
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply};
use dirigent_protocol::run::RunEvent;
use dirigent_protocol::watch::{Cursor, StreamPage, StreamRequest, WatchFilter, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection};
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::sleep;

use super::follow::Follow;
use super::outgoing::Outgoing;
use super::snapshot::{self, KINDS, unexpected};

/// How long a poll waits for something to happen, milliseconds.
const WAIT_MS: u32 = 25_000;
/// Changes of one page.
const CHANGES: u32 = 500;
/// Events of one page.
const EVENTS: u32 = 500;
/// Pause between two looks at the daemon's health.
const HEALTH: Duration = Duration::from_secs(10);
/// How long nothing may be heard while a question is open; then the link is cut without a word.
const SILENCE: Duration = Duration::from_secs(6);
/// Pause between two looks at it.
const LOOK: Duration = Duration::from_secs(1);
/// Shortest pause before a command is sent again to a daemon with too much to do.
const OVERLOADED: Duration = Duration::from_millis(250);

/// What came back.
pub enum Heard {
    /// Where the feed stands, and everything as it was at that point or later.
    Snapshot(Result<(Cursor, Vec<Document>), CallError>),
    /// Nothing has been heard for too long although something was asked.
    Silent(Duration),
    /// The daemon's health.
    Health(Result<Box<DaemonStatus>, CallError>),
    /// A page of a run's events, and the number of its newest one.
    Events(RunId, Result<(Vec<RunEvent>, u64), CallError>),
    /// A run's graph.
    Graph(RunId, Result<Box<Graph>, CallError>),
    /// A page of a run's live text, for which wish to follow it.
    Stream((RunId, u64), Result<StreamPage, CallError>),
    /// What a page wanted to know.
    Looked(&'static str, Box<Query>, Result<Box<QueryReply>, CallError>),
    /// An answer to a command.
    Answer(RequestId, Result<CommandReply, CallError>),
}

/// A connection with its open questions.
pub struct Session {
    connection: Connection,
    /// Open questions beside the watch.
    pub asked: FuturesUnordered<LocalBoxFuture<'static, Heard>>,
}

impl Session {
    /// Without questions yet.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            asked: FuturesUnordered::new(),
        }
    }

    fn ask(&self, question: impl Future<Output = Heard> + 'static) {
        self.asked.push(Box::pin(question));
    }

    /// Asks for everything.
    pub fn snapshot(&self) {
        let connection = self.connection.clone();
        self.ask(async move {
            let now = WatchRequest {
                cursor: None,
                filter: filter(Vec::new()),
                max: 1,
                wait_ms: 0,
            };
            let read = async {
                let cursor = connection.watch(now).await?.next;
                Ok((cursor, snapshot::read(&connection).await?))
            };
            Heard::Snapshot(read.await)
        });
    }

    /// Asks for the daemon's health, at once or after a pause.
    pub fn health(&self, at_once: bool) {
        let connection = self.connection.clone();
        self.ask(async move {
            if !at_once {
                sleep(HEALTH).await;
            }
            let reply = tokio::select! {
                reply = connection.query(Query::Status {}) => reply,
                silence = silent(&connection) => return Heard::Silent(silence),
            };
            Heard::Health(match reply {
                Ok(QueryReply::Status(status)) => Ok(status),
                Ok(_) => Err(unexpected("`status`").into()),
                Err(error) => Err(error),
            })
        });
    }

    /// Asks for a run's events behind a number.
    pub fn events(&self, run: RunId, after: u64) {
        let connection = self.connection.clone();
        self.ask(async move {
            let query = Query::RunEvents {
                run,
                after,
                limit: EVENTS,
            };
            let result = match connection.query(query).await {
                Ok(QueryReply::Events { events, last }) => Ok((events, last)),
                Ok(_) => Err(unexpected("`events`").into()),
                Err(error) => Err(error),
            };
            Heard::Events(run, result)
        });
    }

    /// Asks for a run's graph.
    pub fn graph(&self, run: RunId) {
        let connection = self.connection.clone();
        self.ask(async move {
            let result = match connection.query(Query::RunGraph { run }).await {
                Ok(QueryReply::Graph(graph)) => Ok(Box::new(graph)),
                Ok(_) => Err(unexpected("`graph`").into()),
                Err(error) => Err(error),
            };
            Heard::Graph(run, result)
        });
    }

    /// Waits for a run's live text behind what was handed on.
    pub fn stream(&self, run: RunId, follow: &Follow) {
        let connection = self.connection.clone();
        let wish = follow.wish;
        let request = StreamRequest {
            run,
            after: follow.stream_after,
            wait_ms: WAIT_MS,
        };
        self.ask(async move { Heard::Stream((run, wish), connection.stream(request).await) });
    }

    /// Sends a command, at once or, after `overloaded`, with a pause.
    pub fn send(&self, outgoing: &Outgoing, overloaded: Option<&Fault>) {
        let connection = self.connection.clone();
        let Outgoing { request, command, .. } = outgoing.clone();
        let pause = overloaded.map(|fault| fault.retry_after_ms.map_or(OVERLOADED, Duration::from_millis));
        self.ask(async move {
            if let Some(pause) = pause {
                sleep(pause.max(OVERLOADED)).await;
            }
            Heard::Answer(request, connection.command(request, command).await)
        });
    }

    /// Puts a question of a page.
    pub fn look(&self, topic: &'static str, query: Box<Query>) {
        let connection = self.connection.clone();
        self.ask(async move {
            let reply = connection.query(Query::clone(&query)).await.map(Box::new);
            Heard::Looked(topic, query, reply)
        });
    }

    /// Begins with a run, or goes on with it.
    pub fn begin(&self, run: RunId, follow: &mut Follow) {
        self.graph(run);
        self.events(run, follow.resume());
        self.stream(run, follow);
    }

    /// Waits for changes behind a cursor. Dropping the future ends the poll at the daemon too.
    #[must_use]
    pub fn watch(
        &self,
        cursor: Cursor,
        runs: Vec<RunId>,
    ) -> LocalBoxFuture<'static, Result<WatchPage, CallError>> {
        let connection = self.connection.clone();
        let request = WatchRequest {
            cursor: Some(cursor),
            filter: filter(runs),
            max: CHANGES,
            wait_ms: WAIT_MS,
        };
        Box::pin(async move { connection.watch(request).await })
    }
}

/// Resolves when nothing at all has been heard for too long from now on. A slow link that brings something is none.
async fn silent(connection: &Connection) -> Duration {
    let from = Instant::now();
    loop {
        sleep(LOOK).await;
        let silence = connection.silence().min(from.elapsed());
        if silence > SILENCE {
            return silence;
        }
    }
}

fn filter(runs: Vec<RunId>) -> WatchFilter {
    WatchFilter {
        kinds: KINDS.to_vec(),
        runs,
        ..WatchFilter::default()
    }
}
