//! A runtime over a real store, and what tests ask of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dirigent_daemon::clock::{self, EngineClock};
use dirigent_daemon::door::Door;
use dirigent_daemon::records::{Actor, BOOTSTRAP_USER, DEFAULT_ORG};
use dirigent_daemon::runtime::{Rooms, RuntimeHandle, RuntimeSettings};
use dirigent_daemon::swap::Swap;
use dirigent_protocol::command::Command;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::RequestId;
use dirigent_providers::{PriceTable, ProviderSettings, Registry};
use dirigent_store::{Fence, Options, Store};
use jiff::Timestamp;
use serde_json::Value;
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
    pub(crate) ahead: AtomicI64,
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

pub(crate) fn json<T: serde::Serialize>(body: &T) -> Value {
    serde_json::to_value(body).unwrap()
}
