//! Files of documents, and one daemon for one directory.

use std::collections::BTreeSet;

use dirigent_config::{Sources, load_daemon};
use dirigent_daemon::{Options, start};
use dirigent_protocol::command::{Applied, ApplyOutcome, Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Code;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use serde_json::json;
use tempfile::TempDir;

use crate::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_applied_whole_or_not_at_all() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    let agents = "kind: Agent\nmetadata: {name: one}\nspec: {prompt: '{{ input }}'}\n---\nkind: Team\nmetadata: {name: ops, labels: {a: b}}\nspec: {title: Ops}\n";
    let good = format!("# the greeting\n{HELLO}---\n{agents}");
    let bad = format!(
        "{HELLO}---\nkind: Agent\nmetadata: {{name: broken}}\nspec:\n  prompt: '{{{{ x'\n  modle: a\n---\nkind: Spaceship\nmetadata: {{name: x}}\nspec: {{}}\n"
    )
    .replace("set:\n", "sett:\n");
    let fault = apply(me, &bad, false).await.unwrap_err();
    assert_eq!(fault.code, Code::Invalid);
    let lines: BTreeSet<u32> = fault.details.iter().map(|finding| finding.at.line).collect();
    assert!(
        lines.is_superset(&BTreeSet::from([8, 15, 17])),
        "{:#?}",
        fault.details
    );
    assert!(fault.details.iter().all(|finding| finding.at.column > 0));
    assert_eq!(
        page(me, ListQuery::of(Kind::Workflow)).await.0.len(),
        0,
        "nothing was stored"
    );

    let outcomes = |items: &[Applied]| items.iter().map(|item| item.outcome).collect::<Vec<_>>();
    let dry = apply(me, &good, true).await.unwrap();
    assert_eq!(outcomes(&dry), [ApplyOutcome::Created; 3]);
    assert_eq!(
        page(me, ListQuery::of(Kind::Workflow)).await.0.len(),
        0,
        "a dry run stores nothing"
    );
    let first = apply(me, &good, false).await.unwrap();
    assert_eq!(outcomes(&first), [ApplyOutcome::Created; 3]);
    assert!(first[0].digest.is_some() && first[1].digest.is_some() && first[2].digest.is_none());
    let again = apply(me, &good, false).await.unwrap();
    assert_eq!(outcomes(&again), [ApplyOutcome::Unchanged; 3]);
    let changed = good.replace("greeting: hello", "greeting: good evening");
    let conflict = apply(me, &changed, false).await.unwrap_err();
    assert_eq!(conflict.details[0].code, "version_conflict", "{conflict:?}");
    let changed = changed.replace("version: '0.1.0'", "version: '0.1.1'");
    let third = apply(me, &changed, false).await.unwrap();
    assert_eq!(
        outcomes(&third),
        [
            ApplyOutcome::Updated,
            ApplyOutcome::Unchanged,
            ApplyOutcome::Unchanged
        ]
    );
    assert_eq!(third[0].revision, 2);
    assert_ne!(third[0].digest, first[0].digest);
    let (versions, _) = page(me, ListQuery::of(Kind::WorkflowVersion)).await;
    let numbers: Vec<_> = versions
        .iter()
        .map(|version| version.spec["number"].clone())
        .collect();
    assert_eq!(numbers, [json!(2), json!(1)]);
    assert!(
        versions[1].spec["source"]
            .as_str()
            .unwrap()
            .starts_with("# the greeting\n")
    );
    assert_eq!(versions[1].spec["document"]["document"]["name"], "hello");

    let unknown = HELLO.replace(
        "set:\n        greeting: hello",
        "call: agent\n      with:\n        agent: onee",
    );
    let QueryReply::Diagnostics(found) = query(
        me,
        Query::Validate {
            file: "f".into(),
            source: unknown,
        },
    )
    .await
    .unwrap() else {
        unreachable!()
    };
    let warning = found
        .iter()
        .find(|finding| finding.code == "unknown_agent")
        .unwrap();
    assert_eq!((warning.at.line, warning.is_error()), (10, false));
    assert_eq!(warning.help.as_deref(), Some("did you mean `one`?"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_daemon_for_one_directory() {
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("d");
    let daemon = Daemon::start(&place).await;
    let config = load_daemon(&Sources::default()).unwrap().config;
    let second = start(Options {
        runs: false,
        ..Options::new(&place, config)
    })
    .await
    .map(|_| ())
    .unwrap_err();
    assert_eq!(second.code(), Code::Conflict, "{second}");
    let QueryReply::Status(status) = query(&daemon.connection, Query::Status {}).await.unwrap() else {
        unreachable!()
    };
    assert_eq!(status.pid, std::process::id());
    assert!(status.store.disk_free > 0 && status.store.trouble.is_empty());
    assert!(place.join("daemon.json").exists());
    assert_eq!(
        command(&daemon.connection, Command::DaemonStop {}).await,
        Ok(CommandReply::Accepted {})
    );
    daemon.running.asked_to_stop().await;
    daemon.stop().await;
    assert!(!place.join("daemon.json").exists() && !place.join("dirigent.sock").exists());
}
