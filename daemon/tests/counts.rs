//! Counts of documents by facets, through the socket: everything the subject sees, from the index and by looking.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]
#![expect(clippy::too_many_lines, reason = "the test tells one story in order")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dirigent_config::{Sources, load_daemon};
use dirigent_daemon::door::Peer;
use dirigent_daemon::rpc::{Answers, Caller};
use dirigent_daemon::{Options, Running, start};
use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_rpc::{CallError, Connection, Limits};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixStream;

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
        let answers = Answers::new(Arc::clone(self.running.house()), Caller::Peer(Peer { uid }));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_by_facets_are_of_everything_the_subject_sees() {
    use dirigent_protocol::count::{By, CountQuery, Facet};

    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(dir.path()).await;
    for n in 0..7 {
        let model = if n < 5 { "rehearsal" } else { "other" };
        command(&daemon.connection, agent(&format!("agent-{n}"), model))
            .await
            .unwrap();
    }
    let field = |field: &str, chosen: Option<&str>| Facet {
        by: By::Field(field.into()),
        chosen: chosen.map(|chosen| Filter::eq(field, chosen)),
    };
    let count = async |filter: Option<&str>, facets: Vec<Facet>| {
        let asked = CountQuery {
            kind: Kind::Agent,
            filter: filter.map(|filter| filter.parse().unwrap()),
            facets,
        };
        match query(&daemon.connection, Query::Count(asked)).await {
            Ok(QueryReply::Counts(counts)) => Ok(counts),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        }
    };
    // From the index: every value, whatever its number.
    let all = count(None, vec![field("model", None)]).await.unwrap();
    assert!(all.complete);
    let shipped = all.total - 7;
    let of = |counts: &dirigent_protocol::count::Counts, at: usize, value: Value| {
        let found = counts.facets[at].values.iter().find(|(found, _)| *found == value);
        found.map_or(0, |(_, count)| *count)
    };
    assert_eq!(of(&all, 0, json!("other")), 2);
    // By looking: a choice narrows the other facets and the total, not its own values.
    let cases = Facet {
        by: By::Cases(vec![
            "name ~ agent-6".parse().unwrap(),
            "name ~ agent-".parse().unwrap(),
        ]),
        chosen: None,
    };
    let narrowed = count(Some("name ~ agent-"), vec![field("model", Some("other")), cases])
        .await
        .unwrap();
    assert_eq!(narrowed.total, 2);
    assert_eq!(of(&narrowed, 0, json!("rehearsal")), 5);
    assert_eq!(narrowed.facets[1].values, [(json!(0), 1), (json!(1), 2)]);
    // What the field is called is checked, like in a list.
    let wrong = count(None, vec![field("modle", None)]).await.unwrap_err();
    assert_eq!(wrong.help.as_deref(), Some("write `model`"), "{wrong:?}");
    let many = count(None, vec![field("model", None); 13]).await.unwrap_err();
    assert!(many.help.unwrap_or_default().contains("at most 12 facets"));
    // Somebody else counts what they see.
    command(
        &daemon.connection,
        Command::Create {
            kind: Kind::User,
            name: "ada".into(),
            labels: BTreeMap::new(),
            spec: json!({ "uid": 4242 }),
        },
    )
    .await
    .unwrap();
    let theirs = daemon.as_uid(4242).await.unwrap();
    let asked = CountQuery {
        kind: Kind::AuditLog,
        filter: None,
        facets: vec![field("action", None)],
    };
    let refused = query(&theirs, Query::Count(asked.clone())).await.unwrap_err();
    assert_eq!(refused.code, Code::NotPermitted, "{refused:?}");
    let QueryReply::Counts(mine) = query(&daemon.connection, Query::Count(asked)).await.unwrap() else {
        panic!("no counts");
    };
    assert!(mine.total > 0 && shipped < 100, "{mine:?}");
    daemon.stop().await;
}
