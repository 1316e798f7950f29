//! The feed of changes across a restart.

use std::collections::BTreeMap;

use dirigent_protocol::command::Command;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Code;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection};
use serde_json::json;
use tempfile::TempDir;

use crate::bed::*;

async fn watch(connection: &Connection, cursor: Option<Cursor>, max: u32) -> WatchPage {
    let filter = WatchFilter {
        kinds: vec![Kind::Agent],
        ..WatchFilter::default()
    };
    connection
        .watch(WatchRequest {
            cursor,
            filter,
            max,
            wait_ms: 5_000,
        })
        .await
        .unwrap()
}

fn told(page: &WatchPage, into: &mut Vec<(String, u64)>) {
    for change in &page.changes {
        match change {
            Change::Put(document) => into.push((document.metadata.name.clone(), document.metadata.revision)),
            Change::Gone { id, .. } => into.push((format!("gone {id}"), 0)),
            Change::Run { .. } | Change::Event(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_across_a_restart_without_gap_or_duplicate() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let mut cursor = watch(&daemon.connection, None, 10).await.next;
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    let mut last = None;
    for i in 0..5 {
        let document = created(&daemon.connection, agent(&format!("a{i}"), "")).await;
        expected.push((document.metadata.name.clone(), 1));
        last = Some(document.metadata.id);
    }
    // Half of it before, half of it after.
    while seen.len() < 2 {
        let page = watch(&daemon.connection, Some(cursor), 1).await;
        told(&page, &mut seen);
        cursor = page.next;
    }
    daemon.stop().await;
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = daemon.connection.clone();
    command(
        &me,
        Command::Delete {
            kind: Kind::Agent,
            id: "a4".into(),
            revision: None,
        },
    )
    .await
    .unwrap();
    expected.push((format!("gone {}", last.unwrap()), 0));
    while seen.len() < expected.len() {
        let page = watch(&me, Some(cursor), 2).await;
        assert_eq!(page.resync, None);
        told(&page, &mut seen);
        cursor = page.next;
    }
    assert_eq!(seen, expected);

    // A poll that waits is woken by what comes; one that nothing matches moves on all the same.
    let waiting = watch(&me, Some(cursor.clone()), 10);
    let (page, document) = tokio::join!(waiting, created(&me, agent("late", "")));
    assert!(matches!(&page.changes[..], [Change::Put(put)] if put.metadata.id == document.metadata.id));
    let team = Command::Create {
        kind: Kind::Team,
        name: "ops".into(),
        labels: BTreeMap::new(),
        spec: json!({"title": "Operations"}),
    };
    created(&me, team).await;
    let request = WatchRequest {
        cursor: Some(page.next.clone()),
        filter: WatchFilter {
            kinds: vec![Kind::Agent],
            ..WatchFilter::default()
        },
        max: 10,
        wait_ms: 0,
    };
    let moved = me.watch(request.clone()).await.unwrap();
    assert!(moved.changes.is_empty() && moved.next != page.next);

    let ahead = Cursor(moved.next.0.replacen(':', ":9", 1));
    let wrong = me
        .watch(WatchRequest {
            cursor: Some(ahead),
            ..request.clone()
        })
        .await;
    assert_eq!(
        wrong.map_err(CallError::into_fault).unwrap_err().code,
        Code::BadCursor
    );
    let elsewhere = Cursor(format!("{}:1:a", "0".repeat(32)));
    let resync = me
        .watch(WatchRequest {
            cursor: Some(elsewhere),
            ..request
        })
        .await
        .unwrap();
    assert!(resync.resync.is_some() && resync.changes.is_empty());
    daemon.stop().await;
}
