//! The daemon as a life has it: store, runtime and schedules opened on what the disk holds.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dirigent_daemon::clock::{Clock, highest};
use dirigent_daemon::records::{Records, put};
use dirigent_daemon::runtime::{Rooms, RuntimeHandle, RuntimeSettings};
use dirigent_daemon::schedules::{self, Schedules};
use dirigent_daemon::spawn::Supervisor;
use dirigent_protocol::entity::Document;
use dirigent_protocol::run::EffectKind;
use dirigent_providers::{PriceTable, Registry};
use dirigent_store::{Options, Store, Txn, open_in_steps};
use tokio::sync::Notify;

use crate::plan::{Fate, Life};
use crate::watched::Watched;
use crate::world::World;
use crate::{hands, performers};

pub(crate) const DIR: &str = "/store";
const LOOK: Duration = Duration::from_secs(1);
/// Documents of one commit.
const TOGETHER: usize = 10;

#[derive(Clone)]
pub(crate) struct Daemon {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) records: Records,
    pub(crate) runtime: RuntimeHandle,
    pub(crate) schedules: Schedules,
    pub(crate) clock: Clock,
}

/// How a store on the simulated disk is opened.
pub(crate) fn options(world: &World) -> Options {
    let mut options = Options::new(DIR);
    options.segment_bytes = world.plan.segment_bytes;
    options.disk = Arc::new(world.disk.clone());
    options
}

/// Opens store, runtime and schedules; none where that fails and may fail.
pub(crate) async fn begin(world: &Arc<World>, tasks: &Supervisor, life: Option<&Life>) -> Option<Daemon> {
    let may_fail = life.is_some_and(|life| {
        matches!(
            life.fate,
            Fate::FailsAt(_) | Fate::SyncFailsAt(_) | Fate::NoSpaceAt(_)
        )
    });
    let stamps = world.stamps();
    let mut options = options(world);
    options.clock = stamps.clock();
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
    let engine = world.engine(highest(&*inner).unwrap());
    stamps.follow(engine.clock());
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
    publish(world, &store).await;
    let rooms = rooms(world, &store, engine.clock());
    let opened = match RuntimeHandle::open(rooms).await {
        Ok(runtime) => {
            runtime.heed(engine.held());
            keep(store, runtime, engine.clock(), tasks).await
        }
        Err(error) => Err(error.to_string()),
    };
    match opened {
        Ok(daemon) => Some(daemon),
        Err(error) => {
            world.note(|| format!("the runtime does not open: {error}"));
            if life.is_none() {
                world.violate(format!("the runtime does not open: {error}"));
            }
            None
        }
    }
}

async fn keep(
    store: Arc<dyn Store>,
    runtime: RuntimeHandle,
    clock: Clock,
    tasks: &Supervisor,
) -> Result<Daemon, String> {
    let records = Records::new(store.clone());
    let opened = schedules::open(records.clone(), runtime.clone(), clock.clone(), tasks).await;
    let schedules = opened
        .map_err(|e| e.to_string())?
        .ok_or("somebody keeps schedules")?;
    Ok(Daemon {
        store,
        records,
        runtime,
        schedules,
        clock,
    })
}

/// Puts into the store what is not there yet of the library, a few documents at a time.
async fn publish(world: &Arc<World>, store: &Arc<dyn Store>) {
    let records = Records::new(store.clone());
    let missing = |document: &&Document| {
        let found = records.get(document.kind, document.metadata.id);
        found.unwrap().is_none()
    };
    let mut together = TOGETHER;
    loop {
        let documents = &world.plan.library.documents;
        let some: Vec<_> = documents.iter().filter(missing).take(together).collect();
        if some.is_empty() {
            return;
        }
        let mut txn = Txn::default();
        for document in some {
            put(&mut txn, None, document).unwrap();
        }
        if store.commit(txn).await.is_err() {
            // Several may be more than one commit holds where segments are short.
            together = (together / 2).max(1);
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn rooms(world: &Arc<World>, store: &Arc<dyn Store>, clock: Clock) -> Rooms {
    static PROVIDERS: OnceLock<Arc<Registry>> = OnceLock::new();
    let providers = PROVIDERS.get_or_init(|| {
        let none = Registry::open(&[], Default::default(), "rehearsal/rehearsal", Duration::ZERO);
        Arc::new(none.unwrap())
    });
    let mut settings = RuntimeSettings::new(world.data.path());
    settings.permits.insert(EffectKind::Http, world.plan.permits);
    settings.permits.insert(EffectKind::Shell, 1);
    Rooms {
        store: store.clone(),
        fence: Arc::default(),
        providers: providers.clone(),
        prices: Arc::new(PriceTable::default()),
        clock,
        chance: world.chance.clone(),
        door: None,
        performers: performers::all(world),
        space: dirigent_daemon::runtime::Space::Enough,
        settings,
    }
}
