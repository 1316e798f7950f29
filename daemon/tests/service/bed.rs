//! A daemon in this process that keeps documents only, and calls to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dirigent_config::{Sources, load_daemon};
use dirigent_daemon::door::Peer;
use dirigent_daemon::rpc::{Answers, Caller};
use dirigent_daemon::{Options, Running, start};
use dirigent_protocol::command::{Applied, Command, CommandReply};
use dirigent_protocol::entity::{AuditLog, Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_rpc::{CallError, Connection, Limits};
use serde_json::json;
use tokio::net::UnixStream;

pub(crate) const HELLO: &str = "document:\n  dsl: '1.0.3'\n  namespace: samples\n  name: hello\n  version: '0.1.0'\ndo:\n  - greet:\n      set:\n        greeting: hello\n";

pub(crate) struct Daemon {
    pub(crate) running: Running,
    pub(crate) connection: Connection,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own tasks end with its runtime"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

impl Daemon {
    pub(crate) async fn start(dir: &Path) -> Self {
        let mut config = load_daemon(&Sources::default()).unwrap().config;
        config.store.segment_mib = 1;
        config.store.cache_mib = 2;
        let options = Options {
            runs: false,
            ..Options::new(dir, config)
        };
        let running = start(options).await.unwrap();
        let stream = UnixStream::connect(running.socket()).await.unwrap();
        let connection = Connection::open(stream, "test", spawn).await.unwrap();
        Self { running, connection }
    }

    /// A connection of another user of the system.
    pub(crate) async fn as_uid(&self, uid: u32) -> Result<Connection, CallError> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let answers = Answers::new(Arc::clone(self.running.house()), Caller::Peer(Peer { uid }));
        spawn(dirigent_rpc::serve(theirs, answers, Limits::default(), |call| {
            spawn(call)
        }));
        Connection::open(ours, "other", spawn).await
    }

    pub(crate) async fn stop(self) {
        drop(self.connection);
        self.running.stop().await;
    }
}

pub(crate) async fn command(connection: &Connection, command: Command) -> Result<CommandReply, Fault> {
    connection
        .command(RequestId::new(), command)
        .await
        .map_err(CallError::into_fault)
}

pub(crate) async fn query(connection: &Connection, query: Query) -> Result<QueryReply, Fault> {
    connection.query(query).await.map_err(CallError::into_fault)
}

pub(crate) fn agent(name: &str, model: &str) -> Command {
    Command::Create {
        kind: Kind::Agent,
        name: name.into(),
        labels: BTreeMap::from([("env".into(), "test".into())]),
        spec: json!({ "prompt": "Read: {{ input.text }}", "model": model }),
    }
}

pub(crate) async fn created(connection: &Connection, call: Command) -> Document {
    match command(connection, call).await.unwrap() {
        CommandReply::Document(document) => *document,
        other => unreachable!("{other:?}"),
    }
}

pub(crate) async fn page(connection: &Connection, list: ListQuery) -> (Vec<Document>, Option<String>) {
    match query(connection, Query::List(list)).await.unwrap() {
        QueryReply::Page { items, next } => (items, next),
        other => unreachable!("{other:?}"),
    }
}

pub(crate) async fn all_names(connection: &Connection, mut list: ListQuery) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let (items, next) = page(connection, list.clone()).await;
        assert!(items.len() <= list.limit.max(1) as usize);
        names.extend(items.into_iter().map(|document| document.metadata.name));
        match next {
            Some(next) => list.cursor = Some(next),
            None => return names,
        }
    }
}

pub(crate) async fn apply(
    connection: &Connection,
    source: &str,
    dry_run: bool,
) -> Result<Vec<Applied>, Fault> {
    let call = Command::Apply {
        file: "f.yaml".into(),
        source: source.into(),
        dry_run,
    };
    match command(connection, call).await? {
        CommandReply::Applied { items, .. } => Ok(items),
        other => unreachable!("{other:?}"),
    }
}

pub(crate) async fn audits(connection: &Connection, filter: &str) -> Vec<AuditLog> {
    let list = ListQuery {
        filter: Some(filter.parse().unwrap()),
        ..ListQuery::of(Kind::AuditLog)
    };
    page(connection, list)
        .await
        .0
        .iter()
        .map(|document| document.body().unwrap())
        .collect()
}
