//! A connection of the test's own: the wire without the client, so that hundreds of calls cost no processes.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use dirigent_protocol::run::RunEvent;
use dirigent_protocol::watch::{StreamChunk, StreamRequest, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection, unix};

use crate::Home;

/// A greeted connection, driven from ordinary functions.
pub struct Link {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
}

impl Link {
    /// Connects to the home's daemon; nothing when nobody answers.
    ///
    /// # Panics
    /// When there is no runtime to be had.
    #[must_use]
    pub fn open(home: &Home) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(async {
            let stream = unix::connect(&home.socket()).await.ok()?;
            let handle = tokio::runtime::Handle::current();
            Connection::open(stream, "tests", move |task| drop(handle.spawn(task)))
                .await
                .ok()
        })?;
        Some(Self { runtime, connection })
    }

    /// Asks.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub fn query(&self, query: Query) -> Result<QueryReply, CallError> {
        self.runtime.block_on(self.connection.query(query))
    }

    /// Changes.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub fn command(&self, request: RequestId, command: Command) -> Result<CommandReply, CallError> {
        self.runtime.block_on(self.connection.command(request, command))
    }

    /// Waits for changes.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub fn watch(&self, request: WatchRequest) -> Result<WatchPage, CallError> {
        self.runtime.block_on(self.connection.watch(request))
    }

    /// Every event of a run.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    ///
    /// # Panics
    /// When the answer is of another kind.
    pub fn events(&self, run: RunId) -> Result<Vec<RunEvent>, CallError> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |event: &RunEvent| event.seq);
            match self.query(Query::RunEvents {
                run,
                after,
                limit: MAX_PAGE,
            })? {
                QueryReply::Events { events, .. } if events.is_empty() => return Ok(all),
                QueryReply::Events { events, .. } => all.extend(events),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The live text of a run, as far as it is kept.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub fn live(&self, run: RunId) -> Result<Vec<StreamChunk>, CallError> {
        let request = StreamRequest {
            run,
            after: 0,
            wait_ms: 0,
        };
        let page = self.runtime.block_on(self.connection.stream(request))?;
        Ok(page.chunks)
    }

    /// The first page of a kind, as large as pages get.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    ///
    /// # Panics
    /// When the answer is of another kind.
    pub fn list(&self, kind: Kind) -> Result<Vec<Document>, CallError> {
        let query = ListQuery {
            limit: MAX_PAGE,
            ..ListQuery::of(kind)
        };
        match self.query(Query::List(query))? {
            QueryReply::Page { items, .. } => Ok(items),
            other => panic!("{other:?}"),
        }
    }
}
