//! One run through every room: applied, started over the socket, watched, approved, read back after a restart.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::too_many_lines, reason = "one story, told in order")]

use std::path::Path;

use dirigent_config::{Sources, load_daemon};
use dirigent_daemon::{Options, Running, start};
use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::run::{Decision, Status};
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchRequest};
use dirigent_rpc::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::UnixStream;

const ASK: &str = "document: {dsl: '1.0.3', namespace: samples, name: ask, version: '0.1.0'}\ndo:\n  - note: {set: {text: 'to be written'}}\n  - confirm:\n      call: approval\n      with:\n        title: Write it?\n        action: write the note\n        show: {text: '${ .text }'}\n";

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own tasks end with its runtime"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

async fn daemon(dir: &Path) -> (Running, Connection) {
    let mut config = load_daemon(&Sources::default()).unwrap().config;
    config.store.segment_mib = 1;
    config.store.cache_mib = 2;
    let running = start(Options {
        worker_program: Some(env!("CARGO_BIN_EXE_dirigentd").into()),
        ..Options::new(dir, config)
    })
    .await
    .unwrap();
    let stream = UnixStream::connect(running.socket()).await.unwrap();
    let connection = Connection::open(stream, "test", spawn).await.unwrap();
    (running, connection)
}

/// The fencing number of the next lease on a store that no daemon has.
async fn lease(place: &Path) -> u64 {
    let store = dirigent_store::open(dirigent_store::Options::new(place.join("store"))).unwrap();
    let request = dirigent_store::LeaseRequest {
        name: "dirigentd".into(),
        owner: "test".into(),
        ttl: std::time::Duration::ZERO,
    };
    store.lease(request).await.unwrap().number
}

async fn send(connection: &Connection, command: Command) -> CommandReply {
    connection.command(RequestId::new(), command).await.unwrap()
}

async fn execution(connection: &Connection, run: RunId) -> WorkflowExecution {
    let get = Query::Get {
        kind: Kind::WorkflowExecution,
        id: run.to_string(),
        include: Vec::new(),
    };
    match connection.query(get).await.unwrap() {
        QueryReply::Document(document) => document.body().unwrap(),
        other => unreachable!("{other:?}"),
    }
}

async fn pending(connection: &Connection) -> Vec<(EntityId, WorkflowApproval)> {
    let list = ListQuery {
        filter: Some("status == pending".parse().unwrap()),
        ..ListQuery::of(Kind::WorkflowApproval)
    };
    match connection.query(Query::List(list)).await.unwrap() {
        QueryReply::Page { items, .. } => items
            .iter()
            .map(|found| (found.metadata.id, found.body().unwrap()))
            .collect(),
        other => unreachable!("{other:?}"),
    }
}

async fn next(connection: &Connection, cursor: Option<Cursor>, run: RunId) -> (Vec<Change>, Cursor) {
    let filter = WatchFilter {
        kinds: vec![Kind::WorkflowExecution],
        runs: vec![run],
        ..WatchFilter::default()
    };
    let request = WatchRequest {
        cursor,
        filter,
        max: 100,
        wait_ms: 10_000,
    };
    let page = connection.watch(request).await.unwrap();
    assert_eq!(page.resync, None);
    (page.changes, page.next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_person_across_a_restart_and_is_watched_without_a_gap() {
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("d");
    let (running, me) = daemon(&place).await;
    let (_, mut cursor) = next(&me, None, RunId::nil()).await;
    let begin = RequestId::new();
    let target = RunTarget::Source {
        file: "ask.yaml".into(),
        text: ASK.into(),
    };
    let command = Command::RunStart {
        target,
        input: json!({}),
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    let first = me.command(begin, command.clone()).await.unwrap();
    let CommandReply::RunStarted {
        run, existing: false, ..
    } = first
    else {
        unreachable!("{first:?}")
    };
    assert_eq!(
        me.command(begin, command).await.unwrap(),
        first,
        "asked again, answered the same"
    );

    let mut seen = Vec::new();
    let mut events = |changes: Vec<Change>| {
        for change in changes {
            if let Change::Run { event, .. } = change {
                seen.push(event.seq);
            }
        }
        seen.len() as u64
    };
    while execution(&me, run).await.status != Status::Waiting {
        let (changes, after) = next(&me, Some(cursor), run).await;
        events(changes);
        cursor = after;
    }
    drop(me);
    running.stop().await;
    // Granted as 1, given back as 2: whoever comes now is the third.
    assert_eq!(lease(&place).await, 3);

    let (running, me) = daemon(&place).await;
    let waiting = pending(&me).await;
    let [(approval, asked)] = waiting.as_slice() else {
        unreachable!("{waiting:?}")
    };
    assert_eq!(asked.payload, json!({"text": "to be written"}));
    let (approval, digest) = (*approval, asked.digest.parse().unwrap());
    let decision = Decision::Approve { edited: None };
    let decide = Command::ApprovalDecide {
        approval,
        digest,
        decision,
        reason: None,
        also: None,
    };
    assert_eq!(send(&me, decide).await, CommandReply::Accepted {});
    loop {
        let (changes, after) = next(&me, Some(cursor), run).await;
        let count = events(changes);
        cursor = after;
        let now = execution(&me, run).await;
        if now.status.is_final() && count >= now.events {
            assert_eq!(now.status, Status::Completed, "{:?}", now.error);
            break;
        }
    }
    let all = Query::RunEvents {
        run,
        after: 0,
        limit: 1_000,
    };
    let QueryReply::Events {
        events: journal,
        last,
    } = me.query(all).await.unwrap()
    else {
        unreachable!()
    };
    assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "every event once, in order");
    assert_eq!(journal.len() as u64, last);
    let QueryReply::Graph(graph) = me.query(Query::RunGraph { run }).await.unwrap() else {
        unreachable!()
    };
    assert!(graph.nodes.iter().any(|node| node.name == "confirm"));
    drop(me);
    running.stop().await;
}
