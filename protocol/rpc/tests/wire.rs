//! The wire through its public door: a real socket pair, a real tarpc server, a real client.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::{Hello, Subject, Welcome};
use dirigent_protocol::id::{EntityId, RequestId};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::watch::{Cursor, StreamPage, StreamRequest, WatchFilter, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection, Handler, Limits};
use futures::future::BoxFuture;
use tokio::net::UnixStream;
use tokio::sync::watch;

/// Polls stay open until they are let go; `open` counts them.
#[derive(Clone)]
struct Daemon {
    open: watch::Sender<usize>,
    release: watch::Receiver<bool>,
}

impl Handler for Daemon {
    fn hello(&self, hello: Hello) -> BoxFuture<'static, Result<Welcome, Fault>> {
        Box::pin(async move {
            Ok(Welcome {
                daemon: "test".into(),
                version: hello.newest,
                features: Vec::new(),
                subject: Subject {
                    user: EntityId::nil(),
                    name: "dana".into(),
                    org: EntityId::nil(),
                    administrator: true,
                },
                store: "s".into(),
                private: true,
            })
        })
    }

    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>> {
        Box::pin(async move {
            match query {
                Query::Kinds {} => Ok(QueryReply::Kinds(Vec::new())),
                Query::List(_) => Ok(QueryReply::Page {
                    items: Vec::new(),
                    next: Some("x".repeat(9 << 20)),
                }),
                _ => Err(Fault::new(Code::NotFound, "no such thing").help("look elsewhere")),
            }
        })
    }

    fn command(&self, _: RequestId, _: Command) -> BoxFuture<'static, Result<CommandReply, Fault>> {
        Box::pin(async { Ok(CommandReply::Accepted {}) })
    }

    fn watch(&self, _: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>> {
        let mut daemon = self.clone();
        Box::pin(async move {
            daemon.open.send_modify(|open| *open += 1);
            daemon.release.wait_for(|release| *release).await.unwrap();
            Ok(WatchPage {
                changes: Vec::new(),
                next: Cursor("1:1".into()),
                resync: None,
            })
        })
    }

    fn stream(&self, _: StreamRequest) -> BoxFuture<'static, Result<StreamPage, Fault>> {
        Box::pin(async { Ok(StreamPage::default()) })
    }
}

struct Wired {
    connection: Connection,
    open: watch::Receiver<usize>,
    release: watch::Sender<bool>,
}

#[expect(clippy::disallowed_methods, reason = "the test is its own runtime")]
async fn connected() -> Wired {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (open_sender, open) = watch::channel(0);
    let (release, released) = watch::channel(false);
    let daemon = Daemon {
        open: open_sender,
        release: released,
    };
    tokio::spawn(dirigent_rpc::serve(
        theirs,
        daemon,
        Limits {
            in_flight: 4,
            ..Limits::default()
        },
        |task| {
            tokio::spawn(task);
        },
    ));
    let connection = Connection::open(ours, "test", |task| {
        tokio::spawn(task);
    })
    .await
    .unwrap();
    Wired {
        connection,
        open,
        release,
    }
}

fn poll() -> WatchRequest {
    WatchRequest {
        cursor: None,
        filter: WatchFilter::default(),
        max: 10,
        wait_ms: 5_000,
    }
}

#[tokio::test]
async fn answers_and_faults_cross_whole() {
    let Wired { connection, .. } = connected().await;
    assert_eq!(connection.welcome().subject.name, "dana");
    assert_eq!(
        connection.query(Query::Kinds {}).await.unwrap(),
        QueryReply::Kinds(Vec::new())
    );
    let CallError::Fault(fault) = connection.query(Query::Status {}).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(
        (fault.code, fault.help.as_deref()),
        (Code::NotFound, Some("look elsewhere"))
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_in_words_and_the_connection_lives() {
    let Wired { connection, .. } = connected().await;
    let CallError::Fault(fault) = connection
        .query(Query::List(ListQuery::of(Kind::Agent)))
        .await
        .unwrap_err()
    else {
        panic!()
    };
    assert_eq!(fault.code, Code::TooLarge);
    assert!(connection.query(Query::Kinds {}).await.is_ok());
}

#[tokio::test]
async fn a_command_over_the_limit_is_refused_before_it_is_sent() {
    let Wired { connection, .. } = connected().await;
    let huge = Command::Apply {
        file: "f".into(),
        source: "x".repeat(9 << 20),
        dry_run: false,
    };
    let CallError::Fault(fault) = connection.command(RequestId::new(), huge).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(fault.code, Code::TooLarge);
    assert!(connection.query(Query::Kinds {}).await.is_ok());
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_and_polls_do_not_hold_up_the_connection() {
    let Wired {
        connection,
        mut open,
        release,
    } = connected().await;
    let polls = futures::future::join_all((0..4).map(|_| Box::pin(connection.watch(poll()))));
    let beside = async {
        open.wait_for(|open| *open == 4).await.unwrap();
        let fifth = connection.query(Query::Kinds {}).await;
        release.send(true).unwrap();
        fifth
    };
    let (polled, fifth) = tokio::join!(polls, beside);
    assert!(polled.iter().all(Result::is_ok));
    let CallError::Fault(fault) = fifth.unwrap_err() else {
        panic!()
    };
    assert_eq!(fault.code, Code::Overloaded);
    assert!(connection.query(Query::Kinds {}).await.is_ok());
}
