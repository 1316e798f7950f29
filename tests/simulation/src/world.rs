//! What outlives the daemon: the disk, time, chance, what is known of everything, and the story so far.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dirigent_daemon::clock::{Clock, EngineClock, Stamps};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::disk::SimDisk;
use crate::model::Model;
use crate::plan::Plan;
use crate::rng::{Rng, SeededChance};

/// Wall clock of the first moment, milliseconds.
const BEGINNING: i64 = 1_800_000_000_000;

pub(crate) struct World {
    pub(crate) disk: SimDisk,
    pub(crate) plan: Plan,
    /// For the few files that are beside the store.
    pub(crate) data: TempDir,
    pub(crate) chance: Arc<SeededChance>,
    /// From here on nothing goes wrong by itself.
    pub(crate) calm: AtomicBool,
    /// This life of the daemon is over.
    pub(crate) end: Notify,
    model: Mutex<Model>,
    rng: Mutex<Rng>,
    time: Mutex<Time>,
    trace: Mutex<Vec<String>>,
    broken: Mutex<Option<String>>,
    commits: AtomicI64,
}

struct Time {
    /// Wall clock at the beginning of this life.
    base: i64,
    since: Option<Instant>,
}

impl World {
    pub(crate) fn new(mut plan: Plan) -> Arc<Self> {
        let mut rng = plan.rng.fork();
        Arc::new(Self {
            disk: SimDisk::new(rng.fork()),
            data: tempfile::tempdir().unwrap(),
            chance: Arc::new(SeededChance::new(rng.fork())),
            calm: AtomicBool::new(false),
            end: Notify::new(),
            model: Mutex::new(Model::new(&plan)),
            rng: Mutex::new(rng),
            time: Mutex::new(Time {
                base: BEGINNING,
                since: None,
            }),
            trace: Mutex::default(),
            broken: Mutex::default(),
            commits: AtomicI64::new(0),
            plan,
        })
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, Rng> {
        self.rng.lock().unwrap()
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Nothing that happens from here on in this life was ever seen outside.
    pub(crate) fn over(&self) -> bool {
        self.disk.is_off()
    }

    /// Never ends where this life is over: nobody hears of what comes then.
    pub(crate) async fn still(&self) {
        if self.over() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Time begins to flow with the runtime of this life.
    pub(crate) fn wake(&self) {
        let mut time = self.time.lock().unwrap();
        time.since = Some(Instant::now());
    }

    /// Time stands still: the runtime whose time it is goes. Must be called within it.
    pub(crate) fn sleep(&self) {
        let mut time = self.time.lock().unwrap();
        time.base = time.now();
        time.since = None;
    }

    /// Sets the wall clock.
    pub(crate) fn jump(&self, by: i64) {
        self.time.lock().unwrap().base += by;
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.time.lock().unwrap().now()
    }

    /// The machine's wall clock, which jumps ahead and back.
    fn wall(self: &Arc<Self>) -> Clock {
        let world = self.clone();
        Arc::new(move || Timestamp::from_millisecond(world.now_ms()).unwrap())
    }

    /// What the store of a life stamps its commits with.
    pub(crate) fn stamps(self: &Arc<Self>) -> Stamps {
        Stamps::of(self.wall())
    }

    /// The engine's clock of a life, which goes on from the highest time that the store has seen.
    pub(crate) fn engine(self: &Arc<Self>, highest: Timestamp) -> Arc<EngineClock> {
        let world = self.clone();
        let passed = Arc::new(move || world.time.lock().unwrap().passed());
        EngineClock::new(self.wall(), passed, highest)
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let at = self.now_ms() - BEGINNING;
        self.trace.lock().unwrap().push(format!("{at:>8} {}", line()));
    }

    /// Something that must not be. The first one counts.
    pub(crate) fn violate(&self, what: String) {
        self.note(|| format!("VIOLATION {what}"));
        self.broken.lock().unwrap().get_or_insert(what);
        self.end.notify_one();
    }

    /// Takes the answer of the model.
    pub(crate) fn hold(&self, checked: Result<(), String>) {
        if let Err(what) = checked {
            self.violate(what);
        }
    }

    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap().clone()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.lock().unwrap().clone()
    }

    /// Names the whole story.
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.trace.lock().unwrap().hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn commits(&self) -> i64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Some milliseconds, by chance.
    pub(crate) fn ms(&self, low: u64, high: u64) -> Duration {
        self.rng().ms(low, high)
    }
}

impl Time {
    /// Only within the runtime of a life is the elapsed time the simulated one.
    fn passed(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn now(&self) -> i64 {
        self.base + i64::try_from(self.passed().as_millis()).unwrap()
    }
}
