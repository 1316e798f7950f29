//! Pages, revisions, history, what is in use, and request ids.

use std::collections::{BTreeMap, BTreeSet};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Code;
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_rpc::CallError;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_filter_and_order_and_fit_together() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    for i in 0..25 {
        let model = if i % 2 == 0 {
            "rehearsal/even"
        } else {
            "rehearsal/odd"
        };
        created(me, agent(&format!("agent-{i:02}"), model)).await;
    }
    let of = |filter: &str, order: Option<&str>| ListQuery {
        filter: (!filter.is_empty()).then(|| filter.parse::<Filter>().unwrap()),
        order: order.map(str::to_owned),
        limit: 4,
        ..ListQuery::of(Kind::Agent)
    };
    let names = |step: usize, from: usize| -> Vec<String> {
        (from..25)
            .step_by(step)
            .map(|i| format!("agent-{i:02}"))
            .collect()
    };
    let reversed = |mut names: Vec<String>| {
        names.reverse();
        names
    };
    assert_eq!(
        all_names(me, of("", None)).await,
        reversed(names(1, 0)),
        "newest first"
    );
    assert_eq!(all_names(me, of("", Some("created_at"))).await, names(1, 0));
    assert_eq!(all_names(me, of("", Some("-name"))).await, reversed(names(1, 0)));
    let even = "model == \"rehearsal/even\"";
    assert_eq!(
        all_names(me, of(even, Some("name"))).await,
        names(2, 0),
        "index and sort"
    );
    assert_eq!(
        all_names(me, of(even, Some("id"))).await,
        names(2, 0),
        "index in its own order"
    );
    let by_model = all_names(me, of("labels.env == test", Some("model"))).await;
    assert_eq!(by_model[..13], names(2, 0)[..], "ordered by an index");
    assert_eq!(
        all_names(me, of("name ~ \"-1\" and not model ~ even", None))
            .await
            .len(),
        5
    );

    let (items, next) = page(me, of("", None)).await;
    assert_eq!(items.len(), 4);
    let other_list = ListQuery {
        cursor: next,
        ..of(even, None)
    };
    assert_eq!(
        query(me, Query::List(other_list)).await.unwrap_err().code,
        Code::BadCursor
    );
    let unknown = query(me, Query::List(of("modle == x", None))).await.unwrap_err();
    assert_eq!(
        (unknown.code, unknown.help.as_deref()),
        (Code::Usage, Some("write `model`"))
    );
    let (many, _) = page(
        me,
        ListQuery {
            limit: 1_000_000,
            ..ListQuery::of(Kind::Agent)
        },
    )
    .await;
    assert_eq!(many.len(), 25);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_changed_against_its_revision_and_remembers() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    let first = created(me, agent("summary", "")).await;
    let id = first.metadata.id;
    let update = |revision, patch: Value| Command::Update {
        kind: Kind::Agent,
        id,
        revision,
        patch,
        labels: None,
    };
    let second = created(
        me,
        update(1, json!({"model": "rehearsal/rehearsal", "temperature": 0.5})),
    )
    .await;
    assert_eq!(
        (second.metadata.revision, &second.spec["prompt"]),
        (2, &first.spec["prompt"])
    );
    let stale = command(me, update(1, json!({"model": ""}))).await.unwrap_err();
    assert_eq!(stale.code, Code::Conflict);
    let wrong = command(
        me,
        update(2, json!({"temperature": 9, "prompt": null, "modell": "x"})),
    )
    .await
    .unwrap_err();
    let places: BTreeSet<_> = wrong
        .details
        .iter()
        .map(|d| (d.code.as_str(), d.at.path.as_str()))
        .collect();
    let expected = [
        ("missing_field", ""),
        ("out_of_range", "/temperature"),
        ("unknown_field", "/modell"),
    ];
    assert_eq!(places, BTreeSet::from(expected));

    let get = |id: String| Query::Get {
        kind: Kind::Agent,
        id,
        include: Vec::new(),
    };
    for text in [
        id.to_string(),
        id.short(),
        "summary".into(),
        id.to_string()[..13].to_owned(),
    ] {
        let QueryReply::Document(found) = query(me, get(text.clone())).await.unwrap() else {
            unreachable!()
        };
        assert_eq!(found.metadata.revision, 2, "{text}");
    }
    let history = Query::History {
        kind: Kind::Agent,
        id: "summary".into(),
        limit: 10,
    };
    let QueryReply::Page { items, .. } = query(me, history).await.unwrap() else {
        unreachable!()
    };
    assert_eq!(items, [first]);
    let versions = ListQuery {
        include: vec!["agent".into()],
        ..ListQuery::of(Kind::AgentVersion)
    };
    let (versions, _) = page(me, versions).await;
    assert_eq!(versions.len(), 2, "each content is a version");
    assert_eq!(versions[0].included["agent"][0].metadata.name, "summary");

    assert_eq!(
        command(me, agent("Summary", "")).await.unwrap_err().code,
        Code::Conflict,
        "differs in case alone"
    );
    assert_eq!(
        command(me, agent("no spaces", "")).await.unwrap_err().details[0].code,
        "bad_name"
    );
    let delete = |revision| Command::Delete {
        kind: Kind::Agent,
        id: "summary".into(),
        revision,
    };
    assert_eq!(
        command(me, delete(Some(1))).await.unwrap_err().code,
        Code::Conflict
    );
    assert_eq!(command(me, delete(Some(2))).await, Ok(CommandReply::Deleted {}));
    assert_eq!(
        query(me, get(id.to_string())).await.unwrap_err().code,
        Code::NotFound
    );
    created(me, agent("summary", "")).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_own_kinds_and_what_is_used_are_kept() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    let forged = Command::Create {
        kind: Kind::AuditLog,
        name: "x".into(),
        labels: BTreeMap::new(),
        spec: json!({}),
    };
    assert_eq!(command(me, forged).await.unwrap_err().code, Code::NotPermitted);
    let calls = HELLO.replace(
        "set:\n        greeting: hello",
        "call: agent\n      with:\n        agent: summary",
    );
    let source = format!("{calls}---\nkind: Agent\nmetadata: {{name: summary}}\nspec: {{prompt: x}}\n");
    apply(me, &source, false).await.unwrap();
    let delete = |kind, id: &str| Command::Delete {
        kind,
        id: id.into(),
        revision: None,
    };
    let used = command(me, delete(Kind::Agent, "summary")).await.unwrap_err();
    assert_eq!(used.code, Code::InUse);
    assert!(used.message.contains("workflow hello"), "{}", used.message);
    let owner = me.welcome().subject.name.clone();
    assert_eq!(
        command(me, delete(Kind::User, &owner)).await.unwrap_err().code,
        Code::WrongState
    );
    assert_eq!(
        command(me, delete(Kind::Workflow, "hello")).await,
        Ok(CommandReply::Deleted {})
    );
    assert_eq!(
        command(me, delete(Kind::Agent, "summary")).await,
        Ok(CommandReply::Deleted {})
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_id_takes_effect_once() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    let request = RequestId::new();
    let first = me.command(request, agent("once", "")).await.unwrap();
    let CommandReply::Document(document) = &first else {
        unreachable!()
    };
    let id = document.metadata.id;
    let change = Command::Update {
        kind: Kind::Agent,
        id,
        revision: 1,
        patch: json!({"model": "a/b"}),
        labels: None,
    };
    command(me, change).await.unwrap();
    assert_eq!(
        me.command(request, agent("once", "")).await.unwrap(),
        first,
        "the first answer, not today's"
    );
    let other = me
        .command(request, agent("twice", ""))
        .await
        .map_err(CallError::into_fault)
        .unwrap_err();
    assert_eq!(other.code, Code::RequestIdReused);

    let request = RequestId::new();
    let both = futures::future::join_all((0..8).map(|_| me.command(request, agent("racing", "")))).await;
    let ids: BTreeSet<_> = both
        .into_iter()
        .map(|reply| match reply.unwrap() {
            CommandReply::Document(document) => document.metadata.id,
            other => unreachable!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 1, "one document, however many asked");
    daemon.stop().await;

    let again = Daemon::start(&dir.path().join("d")).await;
    let replayed = again
        .connection
        .command(request, agent("racing", ""))
        .await
        .unwrap();
    assert!(
        matches!(replayed, CommandReply::Document(d) if ids.contains(&d.metadata.id)),
        "also after a restart"
    );
    again.stop().await;
}
