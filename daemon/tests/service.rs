//! Documents through the public door: the socket, the wire, the store on disk.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]
#![expect(clippy::too_many_lines, reason = "each test tells one story in order")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use dirigent_config::{Sources, load_daemon};
use dirigent_daemon::door::Peer;
use dirigent_daemon::rpc::Answers;
use dirigent_daemon::{Options, Running, start};
use dirigent_protocol::command::{Applied, ApplyOutcome, Command, CommandReply};
use dirigent_protocol::entity::{AuditLog, Document, Kind, Verdict};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection, Limits};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixStream;

const HELLO: &str = "document:\n  dsl: '1.0.3'\n  namespace: samples\n  name: hello\n  version: '0.1.0'\ndo:\n  - greet:\n      set:\n        greeting: hello\n";

struct Daemon {
    running: Running,
    connection: Connection,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own tasks end with its runtime"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

impl Daemon {
    async fn start(dir: &Path) -> Self {
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
    async fn as_uid(&self, uid: u32) -> Result<Connection, CallError> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let answers = Answers::new(Arc::clone(self.running.house()), Peer { uid });
        spawn(dirigent_rpc::serve(theirs, answers, Limits::default(), |call| {
            spawn(call)
        }));
        Connection::open(ours, "other", spawn).await
    }

    async fn stop(self) {
        drop(self.connection);
        self.running.stop().await;
    }
}

async fn command(connection: &Connection, command: Command) -> Result<CommandReply, Fault> {
    connection
        .command(RequestId::new(), command)
        .await
        .map_err(CallError::into_fault)
}

async fn query(connection: &Connection, query: Query) -> Result<QueryReply, Fault> {
    connection.query(query).await.map_err(CallError::into_fault)
}

fn agent(name: &str, model: &str) -> Command {
    Command::Create {
        kind: Kind::Agent,
        name: name.into(),
        labels: BTreeMap::from([("env".into(), "test".into())]),
        spec: json!({ "prompt": "Read: {{ input.text }}", "model": model }),
    }
}

async fn created(connection: &Connection, call: Command) -> Document {
    match command(connection, call).await.unwrap() {
        CommandReply::Document(document) => *document,
        other => unreachable!("{other:?}"),
    }
}

async fn page(connection: &Connection, list: ListQuery) -> (Vec<Document>, Option<String>) {
    match query(connection, Query::List(list)).await.unwrap() {
        QueryReply::Page { items, next } => (items, next),
        other => unreachable!("{other:?}"),
    }
}

async fn all_names(connection: &Connection, mut list: ListQuery) -> Vec<String> {
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

async fn apply(connection: &Connection, source: &str, dry_run: bool) -> Result<Vec<Applied>, Fault> {
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

async fn audits(connection: &Connection, filter: &str) -> Vec<AuditLog> {
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
            Change::Run { .. } => {}
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

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_users_stay_within_their_rights() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    assert!(me.welcome().subject.administrator);
    let refused = daemon
        .as_uid(4_242)
        .await
        .map(drop)
        .map_err(CallError::into_fault)
        .unwrap_err();
    assert_eq!(refused.code, Code::NotPermitted);
    assert!(refused.help.unwrap().contains("4242"));
    let denied = audits(me, "verdict == denied").await;
    assert!(
        denied
            .iter()
            .any(|audit| audit.subject == "uid 4242" && audit.action == "hello"),
        "{denied:?}"
    );

    let user = Command::Create {
        kind: Kind::User,
        name: "dana".into(),
        labels: BTreeMap::new(),
        spec: json!({"display_name": "Dana", "uid": 4242}),
    };
    let dana = created(me, user.clone()).await;
    let twin = Command::Create {
        kind: Kind::User,
        name: "dana2".into(),
        labels: BTreeMap::new(),
        spec: json!({"uid": 4242}),
    };
    assert_eq!(
        command(me, twin).await.unwrap_err().code,
        Code::Conflict,
        "one user for one uid"
    );
    let theirs = daemon.as_uid(4_242).await.unwrap();
    assert!(!theirs.welcome().subject.administrator);
    let secret = created(me, agent("owners", "")).await;
    created(&theirs, agent("danas", "")).await;
    let take = Command::Delete {
        kind: Kind::Agent,
        id: "owners".into(),
        revision: None,
    };
    assert_eq!(command(&theirs, take).await.unwrap_err().code, Code::NotPermitted);
    assert_eq!(
        command(&theirs, Command::DaemonStop {}).await.unwrap_err().code,
        Code::NotPermitted
    );
    let logs = query(&theirs, Query::List(ListQuery::of(Kind::AuditLog))).await;
    assert_eq!(logs.unwrap_err().code, Code::NotPermitted);
    let request = RequestId::new();
    me.command(request, agent("mine", "")).await.unwrap();
    theirs.command(request, agent("theirs", "")).await.unwrap();

    let off = Command::Update {
        kind: Kind::User,
        id: dana.metadata.id,
        revision: 1,
        patch: json!({"disabled": true}),
        labels: None,
    };
    command(me, off).await.unwrap();
    let gone = query(&theirs, Query::Status {}).await.unwrap_err();
    assert_eq!(gone.code, Code::NotPermitted, "switched off while connected");

    let writes = audits(me, "object == \"Agent/owners\"").await;
    assert!(
        writes
            .iter()
            .any(|a| a.action == "create" && a.verdict == Verdict::Allowed && a.request.is_some())
    );
    assert!(
        writes
            .iter()
            .any(|a| a.action == "delete" && a.verdict == Verdict::Denied && a.subject == "dana")
    );
    assert_eq!(secret.metadata.revision, 1);
    daemon.running.house().service.door().flush_reads().await.unwrap();
    let reads = audits(me, "action == read").await;
    assert!(
        reads
            .iter()
            .any(|audit| audit.object == "AuditLog" && audit.count >= 2),
        "{reads:?}"
    );
    daemon.stop().await;
}

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
