//! A daemon of a few lines: documents, events of runs, commands it counts; its connections can be cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{Document, Kind, Metadata, Visibility};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::graph::Graph;
use dirigent_protocol::hello::{Hello, Subject, Welcome};
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply, StoreStatus};
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_protocol::watch::{Change, Cursor, StreamPage, StreamRequest, WatchPage, WatchRequest};
use dirigent_rpc::{Handler, Limits, serve};
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::UnixListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Default)]
struct State {
    documents: Vec<Document>,
    events: BTreeMap<RunId, Vec<RunEvent>>,
    feed: Vec<Change>,
    requests: Vec<RequestId>,
    cut_commands: usize,
    connections: Vec<JoinHandle<()>>,
}

/// The daemon.
pub(super) struct Scripted {
    shared: Shared,
    socket: PathBuf,
    _dir: tempfile::TempDir,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    bell: watch::Sender<usize>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn add(&self, change: Change) {
        self.state().feed.push(change);
        self.bell.send_modify(|length| *length += 1);
    }

    fn cut(&self) {
        self.state()
            .connections
            .drain(..)
            .for_each(|connection| connection.abort());
    }
}

impl Scripted {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("d.sock");
        let shared = Shared {
            state: Arc::default(),
            bell: watch::Sender::new(0),
        };
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&socket).unwrap()
        };
        let theirs = shared.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let door = theirs.clone();
                let connection = Handle::current().spawn(async move {
                    // Requests end with their connection.
                    let tasks = Mutex::new(tokio::task::JoinSet::new());
                    serve(stream, door, Limits::default(), |task| {
                        drop(tasks.lock().unwrap().spawn(task))
                    })
                    .await;
                });
                theirs.state().connections.push(connection);
            }
        });
        Self {
            shared,
            socket,
            _dir: dir,
            _runtime: runtime,
        }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn put(&self, name: &str) {
        let document = Document {
            kind: Kind::Agent,
            metadata: Metadata {
                id: EntityId::new(),
                name: name.into(),
                org: EntityId::nil(),
                team: None,
                owner: EntityId::nil(),
                visibility: Visibility::Organization,
                shared_with: Vec::new(),
                revision: 1,
                labels: BTreeMap::new(),
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
            },
            spec: serde_json::json!({}),
            included: BTreeMap::new(),
        };
        self.shared.state().documents.push(document.clone());
        self.shared.add(Change::Put(Box::new(document)));
    }

    pub(super) fn events(&self, run: RunId, more: u64) {
        for _ in 0..more {
            let event = {
                let mut state = self.shared.state();
                let events = state.events.entry(run).or_default();
                let seq = events.len() as u64 + 1;
                let body = EventBody::WorkflowWaiting {};
                events.push(RunEvent {
                    seq,
                    time: Timestamp::UNIX_EPOCH,
                    body,
                });
                events[events.len() - 1].clone()
            };
            self.shared.add(Change::Run {
                run,
                event: Box::new(event),
            });
        }
    }

    /// The next commands are taken in, and their connection is cut before the answer.
    pub(super) fn cut_at_commands(&self, most: usize) {
        self.shared.state().cut_commands = most;
    }

    pub(super) fn cut(&self) {
        self.shared.cut();
    }

    pub(super) fn requests(&self) -> Vec<RequestId> {
        self.shared.state().requests.clone()
    }
}

impl Handler for Shared {
    fn hello(&self, hello: Hello) -> BoxFuture<'static, Result<Welcome, Fault>> {
        let user = EntityId::nil();
        let subject = Subject {
            user,
            name: "dana".into(),
            org: user,
            administrator: true,
        };
        let welcome = Welcome {
            daemon: "scripted".into(),
            version: hello.newest,
            features: Vec::new(),
            subject,
            store: "s".into(),
            private: true,
        };
        Box::pin(async move { Ok(welcome) })
    }

    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>> {
        let state = self.state();
        let reply = match query {
            Query::List(list) => {
                let of_kind = state
                    .documents
                    .iter()
                    .filter(|document| document.kind == list.kind);
                Ok(QueryReply::Page {
                    items: of_kind.cloned().collect(),
                    next: None,
                })
            }
            Query::RunEvents { run, after, limit } => {
                let events = state.events.get(&run).cloned().unwrap_or_default();
                let last = events.len() as u64;
                let page = events
                    .into_iter()
                    .filter(|event| event.seq > after)
                    .take(limit as usize);
                Ok(QueryReply::Events {
                    events: page.collect(),
                    last,
                })
            }
            Query::RunGraph { .. } => Ok(QueryReply::Graph(Graph::default())),
            Query::Status {} => Ok(QueryReply::Status(Box::new(status()))),
            _ => Err(Fault::new(Code::NotFound, "no such thing")),
        };
        drop(state);
        Box::pin(async move { reply })
    }

    fn command(&self, request: RequestId, _: Command) -> BoxFuture<'static, Result<CommandReply, Fault>> {
        let mut state = self.state();
        state.requests.push(request);
        let cut = state.cut_commands > 0;
        state.cut_commands = state.cut_commands.saturating_sub(1);
        drop(state);
        let shared = self.clone();
        Box::pin(async move {
            if cut {
                shared.cut();
                return std::future::pending().await;
            }
            Ok(CommandReply::Accepted {})
        })
    }

    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>> {
        let shared = self.clone();
        Box::pin(async move {
            let from = match &request.cursor {
                None => shared.state().feed.len(),
                Some(cursor) => cursor.0.parse().unwrap(),
            };
            let mut bell = shared.bell.subscribe();
            let wait = std::time::Duration::from_millis(u64::from(request.wait_ms));
            drop(tokio::time::timeout(wait, bell.wait_for(|length| *length > from)).await);
            let state = shared.state();
            let page: Vec<&Change> = state.feed.iter().skip(from).take(request.max as usize).collect();
            let next = Cursor((from + page.len()).to_string());
            let wanted = |change: &&&Change| match change {
                Change::Put(document) => request.filter.kinds.contains(&document.kind),
                Change::Gone { kind, .. } => request.filter.kinds.contains(kind),
                Change::Run { run, .. } => request.filter.runs.contains(run),
                Change::Event(_) => request.filter.events,
            };
            let changes = page
                .iter()
                .filter(wanted)
                .map(|change| (*change).clone())
                .collect();
            Ok(WatchPage {
                changes,
                next,
                resync: None,
            })
        })
    }

    fn stream(&self, _: StreamRequest) -> BoxFuture<'static, Result<StreamPage, Fault>> {
        Box::pin(std::future::pending())
    }
}

fn status() -> DaemonStatus {
    DaemonStatus {
        waits: Vec::new(),
        version: "1".into(),
        pid: 1,
        started_at: Timestamp::UNIX_EPOCH,
        data_dir: String::new(),
        socket: String::new(),
        private: true,
        shell: String::new(),
        runs: BTreeMap::new(),
        approvals_pending: 0,
        effects_in_flight: 0,
        providers: Vec::new(),
        default_model: String::new(),
        emergency: None,
        serve: String::new(),
        walls: Vec::new(),
        store: StoreStatus::default(),
    }
}
