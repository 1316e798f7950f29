//! A runtime over a real store, and what tests ask of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dirigent_daemon::clock::{self, EngineClock};
use dirigent_daemon::door::Door;
use dirigent_daemon::records::{
    Actor, BOOTSTRAP_USER, DEFAULT_ORG, Draft, Journal, Records, decode_event, put,
};
use dirigent_daemon::runtime::{Rooms, RuntimeError, RuntimeHandle, RuntimeSettings, StartRun, Started};
use dirigent_daemon::swap::Swap;
use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{
    Agent, AgentVersion, ApprovalRule, Document, Entity, Kind, Question, WorkflowApproval, WorkflowExecution,
    WorkflowVersion,
};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::{Decision, RunEvent, Status};
use dirigent_providers::{PriceTable, ProviderSettings, Registry};
use dirigent_store::{Budget, Feed, FeedItem, Fence, Options, Position, Store, StreamId, Txn};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Reply, Script, Server};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) server: Server,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: RuntimeHandle,
    /// The machine's clock.
    pub(crate) wall: Arc<Wall>,
    /// The lease that drivers commit under; none unless a test takes one.
    pub(crate) fence: Arc<Swap<Option<Fence>>>,
    change: fn(&mut RuntimeSettings),
}

/// The machine's clock, which a test may set.
#[derive(Default)]
pub(crate) struct Wall {
    /// Milliseconds it is ahead.
    ahead: AtomicI64,
    /// At which reading it leaps, and by how much.
    leaps_in: AtomicI64,
    by: AtomicI64,
}

impl Wall {
    /// It leaps at a reading from now on, counted from 1, milliseconds ahead or back.
    pub(crate) fn leap_at(&self, reading: i64, by: i64) {
        self.by.store(by, Ordering::SeqCst);
        self.leaps_in.store(reading, Ordering::SeqCst);
    }

    /// Whether it has.
    pub(crate) fn has_leapt(&self) -> bool {
        self.leaps_in.load(Ordering::SeqCst) <= 0
    }

    fn now(&self) -> Timestamp {
        if self.leaps_in.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.ahead
                .fetch_add(self.by.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        let by = jiff::SignedDuration::from_millis(self.ahead.load(Ordering::SeqCst));
        clock::system()().saturating_add(by).unwrap()
    }
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(|_, _| Reply::Json(200, r#"{"ok":true}"#)), |_| {}).await
    }

    pub(crate) async fn with(script: Script, change: fn(&mut RuntimeSettings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(script).await;
        let wall = Arc::<Wall>::default();
        let fence = Arc::default();
        let (store, runtime) = open(&dir, &server, &wall, &fence, change).await;
        Self {
            dir,
            server,
            store,
            runtime,
            wall,
            fence,
            change,
        }
    }

    /// Another runtime on the same store, as another daemon would have it, under a lease of its own.
    pub(crate) async fn rival(&self, fence: Fence) -> RuntimeHandle {
        let fence = Arc::new(Swap::new(Some(fence)));
        self.another(self.store.clone(), &fence, None).await
    }

    async fn another(
        &self,
        store: Arc<dyn Store>,
        fence: &Arc<Swap<Option<Fence>>>,
        door: Option<Arc<Door>>,
    ) -> RuntimeHandle {
        let (dir, server, wall) = (&self.dir, &self.server, &self.wall);
        runtime(store, dir, server, wall, fence, self.change, door).await
    }

    /// Everything dropped where it stands, then opened again.
    pub(crate) async fn crash(self) -> Self {
        self.runtime.abandon().await;
        self.reopen().await
    }

    /// Stopped in order, then opened again.
    pub(crate) async fn restart(self) -> Self {
        self.runtime.shutdown(Duration::ZERO).await;
        self.reopen().await
    }

    /// The runtime opened again over the same store, seen through another.
    pub(crate) async fn through(self, wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        self.runtime.abandon().await;
        let over = wrap(self.store.clone());
        let runtime = self.another(over, &self.fence, None).await;
        Self { runtime, ..self }
    }

    /// The runtime opened again with a door that runs ask before they start others.
    pub(crate) async fn guarded(self) -> Self {
        self.runtime.abandon().await;
        let door = Door::new(self.records(), clock::system(), 0, false);
        let runtime = self.another(self.store.clone(), &self.fence, Some(door)).await;
        Self { runtime, ..self }
    }

    async fn reopen(self) -> Self {
        let Self {
            dir,
            server,
            store,
            runtime,
            wall,
            fence,
            change,
        } = self;
        drop((store, runtime));
        let (store, runtime) = open(&dir, &server, &wall, &fence, change).await;
        Self {
            dir,
            server,
            store,
            runtime,
            wall,
            fence,
            change,
        }
    }

    pub(crate) fn records(&self) -> Records {
        Records::new(self.store.clone())
    }

    /// Puts the clock forward.
    pub(crate) fn forward(&self, by: Duration) {
        self.wall
            .ahead
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) async fn publish(&self, tasks: &str) -> Document {
        self.publish_with("", tasks).await
    }

    /// `settings` are `metadata.dirigent` of the document, in flow style without braces.
    pub(crate) async fn publish_with(&self, settings: &str, tasks: &str) -> Document {
        let text = format!(
            "document: {{ dsl: '1.0.3', namespace: tests, name: sample, version: '0.1.0', \
             metadata: {{ dirigent: {{ {settings} }} }} }}\n{tasks}"
        );
        let workflow =
            dirigent_engine::load("sample.yaml", &text).unwrap_or_else(|found| panic!("{found:#?}"));
        let body = WorkflowVersion {
            workflow: EntityId::nil(),
            workflow_name: workflow.name().into(),
            digest: workflow.digest().to_string(),
            version: workflow.version().into(),
            number: 1,
            source: text,
            document: (**workflow.definition()).clone(),
        };
        self.put(Kind::WorkflowVersion, "", json(&body)).await
    }

    pub(crate) async fn agent(&self, name: &str, agent: Agent) {
        let draft = self.put(Kind::Agent, name, json(&agent)).await;
        let version = AgentVersion {
            agent: draft.metadata.id,
            agent_name: name.into(),
            digest: Digest::of(&json(&agent)).to_string(),
            number: 1,
            definition: agent,
        };
        self.put(Kind::AgentVersion, "", json(&version)).await;
    }

    pub(crate) async fn put_rule(&self, name: &str, rule: &ApprovalRule) {
        self.put(Kind::ApprovalRule, name, json(rule)).await;
    }

    /// What a daemon that died at once leaves behind: the question is noted, nothing answers it.
    pub(crate) async fn note_question(&self, approval: EntityId, text: &str) {
        let stored = self
            .records()
            .get(Kind::WorkflowApproval, approval)
            .unwrap()
            .unwrap();
        let mut body: WorkflowApproval = stored.document.body().unwrap();
        body.questions.push(Question {
            by: "dana".into(),
            text: text.into(),
            agent: "writer".into(),
            run: EntityId::new(),
            ..Question::default()
        });
        let mut txn = Txn::default();
        put(
            &mut txn,
            Some(&stored),
            &stored.next(json(&body), clock::system()()),
        )
        .unwrap();
        // The daemon's own mark that the question is open.
        let mark = [&b"Q"[..], &approval.bytes()].concat();
        txn.puts.push((mark.into(), bytes::Bytes::new()));
        self.store.commit(txn).await.unwrap();
    }

    async fn put(&self, kind: Kind, name: &str, spec: Value) -> Document {
        self.put_document(Draft::of(kind, name, spec).document(clock::system()()))
            .await
    }

    pub(crate) async fn put_document(&self, document: Document) -> Document {
        let mut txn = Txn::default();
        put(&mut txn, None, &document).unwrap();
        self.store.commit(txn).await.unwrap();
        document
    }

    pub(crate) async fn start(&self, tasks: &str) -> RunId {
        self.start_with(tasks, json!({})).await
    }

    pub(crate) async fn start_with(&self, tasks: &str, input: Value) -> RunId {
        let version = self.publish(tasks).await;
        self.begin(version, input, None).await.unwrap().run
    }

    pub(crate) async fn begin(
        &self,
        version: Document,
        input: Value,
        key: Option<&str>,
    ) -> Result<Started, RuntimeError> {
        let start = StartRun {
            version,
            input,
            idempotency_key: key.map(Into::into),
            labels: Default::default(),
            parent: None,
        };
        self.runtime.start(start, dana()).await
    }

    pub(crate) fn execution(&self, run: RunId) -> WorkflowExecution {
        self.find(Kind::WorkflowExecution, run.into())
    }

    pub(crate) fn find<T: Entity>(&self, kind: Kind, id: EntityId) -> T {
        self.records()
            .get(kind, id)
            .unwrap()
            .unwrap()
            .document
            .body()
            .unwrap()
    }

    pub(crate) fn all<T: Entity>(&self, kind: Kind) -> Vec<T> {
        let found = self.records().all(kind, None, 1_000).unwrap();
        found
            .iter()
            .map(|stored| stored.document.body().unwrap())
            .collect()
    }

    /// The whole journal of a run, also what it has from another.
    pub(crate) fn events(&self, run: RunId) -> Vec<RunEvent> {
        let origin = self.execution(run).origin;
        let journal = Journal::of(&self.records(), run, origin.as_ref()).unwrap();
        let mut events: Vec<RunEvent> = Vec::new();
        let mut end = 0;
        loop {
            let after = events.last().map_or(0, |event| event.seq);
            let page = journal.page(&*self.store, after, Budget::default()).unwrap();
            if page.is_empty() {
                let read = events.len() as u64;
                assert!(end <= read, "of {end} events {read} can be read");
                // A run that goes on may have had another one meanwhile.
                end = journal.end(&*self.store).unwrap();
                if end == read {
                    break;
                }
            }
            for (event, _) in page {
                assert_eq!(event.seq, events.len() as u64 + 1, "gapless");
                events.push(event);
            }
        }
        events
    }

    /// Numbers and sizes of the events in the run's own stream.
    pub(crate) fn own_events(&self, run: RunId) -> Vec<(u64, usize)> {
        let mut events = Vec::new();
        let mut cursor = Position(0);
        loop {
            let page = self
                .store
                .read(Feed::Stream(StreamId(run.bytes())), cursor, Budget::default())
                .unwrap();
            if page.items.is_empty() {
                break;
            }
            for item in page.items {
                let FeedItem::Record { data, .. } = item else {
                    panic!()
                };
                events.push((decode_event(&data).unwrap().seq, data.len()));
            }
            cursor = page.next;
        }
        events
    }

    pub(crate) fn names(&self, run: RunId) -> Vec<&'static str> {
        self.events(run).iter().map(|event| event.body.name()).collect()
    }

    pub(crate) fn count(&self, run: RunId, name: &str) -> usize {
        self.names(run).iter().filter(|other| **other == name).count()
    }

    /// Waits until something holds; looks again after every commit.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let head = self.store.head();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what} did not come");
            self.store.wait(head, Duration::from_millis(500)).await;
        }
    }

    pub(crate) async fn ended(&self, run: RunId) -> WorkflowExecution {
        let ended = self
            .until("the end", |bed| {
                Some(bed.execution(run)).filter(|execution| execution.status.is_final())
            })
            .await;
        assert!(
            self.store
                .get(&[b"L".as_slice(), &run.bytes()].concat())
                .unwrap()
                .is_none(),
            "no row is left"
        );
        ended
    }

    pub(crate) async fn completed(&self, run: RunId) -> Value {
        let ended = self.ended(run).await;
        assert_eq!(ended.status, Status::Completed, "{:#}", ended.error);
        ended.output
    }

    pub(crate) async fn faulted(&self, run: RunId) -> Value {
        let ended = self.ended(run).await;
        assert_eq!(ended.status, Status::Faulted, "{:#}", ended.output);
        ended.error
    }

    pub(crate) async fn happens(&self, run: RunId, event: &str, times: usize) {
        self.until(event, |bed| (bed.count(run, event) >= times).then_some(()))
            .await;
    }

    /// Waits for a pending approval of the run.
    pub(crate) async fn asked(&self, run: RunId) -> (EntityId, WorkflowApproval) {
        self.until("an approval", |bed| {
            let found = bed.records().all(Kind::WorkflowApproval, None, 1_000).unwrap();
            found.iter().find_map(|stored| {
                let approval: WorkflowApproval = stored.document.body().unwrap();
                let fits = RunId::from(approval.run) == run && approval.decided_at.is_none();
                fits.then_some((stored.document.metadata.id, approval))
            })
        })
        .await
    }

    pub(crate) async fn decide(
        &self,
        id: EntityId,
        approval: &WorkflowApproval,
        decision: Decision,
    ) -> Result<(), RuntimeError> {
        let digest = approval.digest.parse().unwrap();
        self.runtime
            .decide(id, digest, decision, Some("because".into()), dana())
            .await
    }
}

async fn open(
    dir: &TempDir,
    server: &Server,
    wall: &Arc<Wall>,
    fence: &Arc<Swap<Option<Fence>>>,
    change: fn(&mut RuntimeSettings),
) -> (Arc<dyn Store>, RuntimeHandle) {
    let mut options = Options::new(dir.path().join("store"));
    options.segment_bytes = 16 << 20;
    options.cache_bytes = 2 << 20;
    // The store's threads may need a moment to let go of its lock.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let store = loop {
        match dirigent_store::open(options.clone()) {
            Ok(store) => break store,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    let runtime = runtime(store.clone(), dir, server, wall, fence, change, None).await;
    (store, runtime)
}

async fn runtime(
    store: Arc<dyn Store>,
    dir: &TempDir,
    server: &Server,
    wall: &Arc<Wall>,
    fence: &Arc<Swap<Option<Fence>>>,
    change: fn(&mut RuntimeSettings),
    door: Option<Arc<Door>>,
) -> RuntimeHandle {
    let mut settings = RuntimeSettings::new(dir.path());
    settings.worker_program = Some(env!("CARGO_BIN_EXE_dirigentd").into());
    settings.egress_allow = vec![format!("127.0.0.1:{}", server.port)];
    settings.kill_grace = Duration::from_secs(2);
    settings.expression_budget = Duration::from_secs(2);
    change(&mut settings);
    let wall = wall.clone();
    let highest = clock::highest(&*store).unwrap();
    let engine = EngineClock::new(Arc::new(move || wall.now()), clock::monotonic(), highest);
    let rooms = Rooms {
        store,
        fence: fence.clone(),
        providers: Arc::new(registry(server)),
        prices: Arc::new(PriceTable::default()),
        clock: engine.clock(),
        chance: dirigent_daemon::chance::system(),
        door,
        performers: Vec::new(),
        space: dirigent_daemon::runtime::Space::Enough,
        settings,
    };
    RuntimeHandle::open(rooms).await.unwrap()
}

/// The rehearsal, and the test's own server as `local`.
fn registry(server: &Server) -> Registry {
    let local = ProviderSettings::new("local", "openai_chat", &server.url("/v1"));
    match Registry::open(
        &[local],
        std::collections::BTreeMap::new(),
        "rehearsal/rehearsal",
        Duration::ZERO,
    ) {
        Ok(registry) => registry,
        Err(errors) => panic!("{errors:?}"),
    }
}

/// Who acts in tests.
pub(crate) fn dana() -> Actor {
    let subject = Subject {
        user: BOOTSTRAP_USER,
        name: "dana".into(),
        org: DEFAULT_ORG,
        administrator: true,
    };
    Actor::of(subject, RequestId::new(), &Command::DaemonStop {})
}

fn json<T: serde::Serialize>(body: &T) -> Value {
    serde_json::to_value(body).unwrap()
}
