//! One life of the daemon: opened on what the disk holds, lived until its fate or until everything is done.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dirigent_daemon::records::{Records, put};
use dirigent_daemon::runtime::{Rooms, RuntimeHandle, RuntimeSettings};
use dirigent_daemon::spawn::Supervisor;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::run::EffectKind;
use dirigent_providers::{PriceTable, Registry};
use dirigent_store::{Options, Store, Txn, open_in_steps};
use tokio::sync::Notify;

use crate::desk::Desk;
use crate::disk::{End, Trouble};
use crate::plan::{Fate, Life};
use crate::watched::Watched;
use crate::world::World;
use crate::{ending, hands, people, performers, watcher};

const DIR: &str = "/store";
/// A life whose fate does not come ends by itself.
const LONGEST: Duration = Duration::from_secs(25);
/// When all is calm, everything ends within this time.
const CALM: Duration = Duration::from_secs(4 * 3_600);
const LOOK: Duration = Duration::from_secs(1);

/// Lives it; the calm one has no plan. Answers what the end is for the disk.
pub(crate) async fn live(world: Arc<World>, life: Option<&Life>) -> End {
    let (limit, end) = meet(&world, life);
    let tasks = Supervisor::new();
    let lived = async {
        if let Some(daemon) = begin(&world, &tasks, life).await {
            daemon.go_on(&world, &tasks, life, limit).await;
        }
    };
    tokio::select! {
        biased;
        () = world.end.notified() => {}
        () = lived => {}
    }
    world.disk.switch_off();
    world.note(|| format!("the end: {end:?}, {} operations", world.disk.ops()));
    end
}

/// Prepares what is to go wrong: how long it may last, and what kind of end it is.
fn meet(world: &World, life: Option<&Life>) -> (Duration, End) {
    let Some(life) = life else {
        return (CALM, End::Kill);
    };
    world.note(|| format!("a life begins: {:?}", life.fate));
    let by_chance = world.rng().pick(&[End::Kill, End::Power]);
    match life.fate {
        Fate::PowerAt(op) => {
            world.disk.trouble(op, Trouble::Off);
            (LONGEST, End::Power)
        }
        Fate::KillAt(op) => {
            world.disk.trouble(op, Trouble::Off);
            (LONGEST, End::Kill)
        }
        Fate::PowerAfter(time) => (time, End::Power),
        Fate::KillAfter(time) => (time, End::Kill),
        Fate::FailsAt(op) => {
            world.disk.trouble(op, Trouble::Fails);
            (LONGEST, by_chance)
        }
        Fate::SyncFailsAt(nth) => {
            world.disk.fail_sync(nth);
            (LONGEST, by_chance)
        }
        Fate::NoSpaceAt(op) => {
            world.disk.trouble(op, Trouble::NoSpace);
            (LONGEST, by_chance)
        }
        Fate::Stop(time) => (time, by_chance),
    }
}

struct Daemon {
    store: Arc<dyn Store>,
    runtime: RuntimeHandle,
}

/// Opens store and runtime; none where that fails and may fail.
async fn begin(world: &Arc<World>, tasks: &Supervisor, life: Option<&Life>) -> Option<Daemon> {
    let may_fail = life.is_some_and(|life| {
        matches!(
            life.fate,
            Fate::FailsAt(_) | Fate::SyncFailsAt(_) | Fate::NoSpaceAt(_)
        )
    });
    let mut options = Options::new(DIR);
    options.segment_bytes = world.plan.segment_bytes;
    options.disk = Arc::new(world.disk.clone());
    let clock = world.clock();
    options.clock = Arc::new(move || u64::try_from(clock().as_millisecond()).unwrap());
    let (inner, steps) = match open_in_steps(options) {
        Ok(opened) => opened,
        Err(error) => {
            world.note(|| format!("the store does not open: {error}"));
            if !may_fail && !world.over() {
                world.violate(format!("the store does not open: {error}"));
            }
            return None;
        }
    };
    let checked = world.model().reopen(&*inner);
    world.hold(checked);
    let work = Arc::new(Notify::new());
    let slow = life.is_some_and(|life| life.slow_disk);
    let may_fill = life.is_some_and(|life| life.full.is_some() || may_fail);
    tasks.spawn(
        "hands",
        hands::work(world.clone(), inner.clone(), steps, work.clone(), slow, may_fill),
    );
    let store: Arc<dyn Store> = Arc::new(Watched {
        inner,
        world: world.clone(),
        work,
    });
    troubles(world, tasks, life);
    publish(world, &store).await;
    match RuntimeHandle::open(rooms(world, &store)).await {
        Ok(runtime) => Some(Daemon { store, runtime }),
        Err(error) => {
            world.note(|| format!("the runtime does not open: {error}"));
            if life.is_none() {
                world.violate(format!("the runtime does not open: {error}"));
            }
            None
        }
    }
}

/// A full disk and a clock that is set forward come by themselves.
fn troubles(world: &Arc<World>, tasks: &Supervisor, life: Option<&Life>) {
    let Some(life) = life.cloned() else { return };
    if let Some((after, time)) = life.full {
        let world = world.clone();
        tasks.spawn("full disk", async move {
            tokio::time::sleep(after).await;
            world.note(|| "the disk is full".into());
            world.disk.set_full(true);
            tokio::time::sleep(time).await;
            world.disk.set_full(false);
            world.note(|| "there is space again".into());
        });
    }
    if let Some((after, by)) = life.jump {
        let world = world.clone();
        tasks.spawn("clock", async move {
            tokio::time::sleep(after).await;
            world.jump(by);
            world.note(|| format!("the clock jumps by {by} ms"));
        });
    }
}

/// Puts the versions into the store that are not there yet.
async fn publish(world: &Arc<World>, store: &Arc<dyn Store>) {
    let records = Records::new(store.clone());
    for version in &world.plan.versions {
        while records
            .get(Kind::WorkflowVersion, version.metadata.id)
            .unwrap()
            .is_none()
        {
            let mut txn = Txn::default();
            put(&mut txn, None, version).unwrap();
            if store.commit(txn).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

fn rooms(world: &Arc<World>, store: &Arc<dyn Store>) -> Rooms {
    static PROVIDERS: OnceLock<Arc<Registry>> = OnceLock::new();
    let providers = PROVIDERS.get_or_init(|| {
        let none = Registry::open(&[], Default::default(), "rehearsal/rehearsal", Duration::ZERO);
        Arc::new(none.unwrap())
    });
    let mut settings = RuntimeSettings::new("/data");
    settings.permits.insert(EffectKind::Http, world.plan.permits);
    settings.permits.insert(EffectKind::Shell, 1);
    Rooms {
        store: store.clone(),
        fence: Arc::default(),
        providers: providers.clone(),
        prices: Arc::new(PriceTable::default()),
        clock: world.clock(),
        chance: world.chance.clone(),
        door: None,
        performers: performers::all(world),
        space: dirigent_daemon::runtime::Space::Enough,
        settings,
    }
}

impl Daemon {
    async fn go_on(&self, world: &Arc<World>, tasks: &Supervisor, life: Option<&Life>, limit: Duration) {
        let records = Records::new(self.store.clone());
        tasks.spawn("watcher", watcher::watch(world.clone(), self.store.clone()));
        for at in 0..world.plan.runs.len() {
            let (world, runtime, records) = (world.clone(), self.runtime.clone(), records.clone());
            tasks.spawn("person", people::want(world, runtime, records, at));
        }
        let desk = Desk {
            world: world.clone(),
            runtime: self.runtime.clone(),
            records,
            tasks: tasks.clone(),
        };
        tasks.spawn("desk", desk.sit());
        let Some(life) = life else {
            return self.finish(world, limit).await;
        };
        let deadline = tokio::time::Instant::now() + limit;
        while tokio::time::Instant::now() < deadline && !world.model().is_done() {
            tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + LOOK)).await;
        }
        if matches!(life.fate, Fate::Stop(_)) {
            world.note(|| "it is stopped in order".into());
            let grace = world.ms(0, 3_000);
            self.runtime.shutdown(grace).await;
        }
    }

    /// Nothing goes wrong any more: everything must come to its end.
    async fn finish(&self, world: &Arc<World>, limit: Duration) {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let (open, answered) = {
                let model = world.model();
                (model.open(), model.started.iter().all(Option::is_some))
            };
            if open.is_empty() && answered {
                break;
            }
            if tokio::time::Instant::now() > deadline {
                return world.violate(format!(
                    "runs that do not end: {open:?}, all answered: {answered}"
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        let checked = ending::documents(world, &self.store);
        world.hold(checked);
    }
}
