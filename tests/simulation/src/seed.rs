//! A seed from its first life to the calm one, and what is looked at in the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::disk::End;
use crate::ending;
use crate::life;
use crate::plan::Plan;
use crate::world::World;

/// What became of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What must not be, if anything.
    pub violation: Option<String>,
    /// Names the whole story.
    pub hash: u64,
    /// Commits that were acknowledged.
    pub commits: i64,
    /// How often anything was performed.
    pub performed: u64,
    /// Lives of the daemon.
    pub lives: usize,
    /// Runs there were.
    pub runs: usize,
    /// The story, a line for everything.
    pub trace: Vec<String>,
}

/// Runs a plan to its end.
#[must_use]
pub fn run(plan: Plan) -> Report {
    let seed = plan.seed;
    let lives = plan.lives.clone();
    let world = World::new(plan);
    for source in &world.plan.library.sources {
        world.note(|| source.clone());
    }
    let mut lived = 0;
    for life in lives.iter().map(Some).chain([None]) {
        if world.broken().is_some() {
            break;
        }
        if life.is_some() && world.model().is_done() {
            continue;
        }
        lived += 1;
        world.calm.store(life.is_none(), Ordering::Relaxed);
        let end = once(&world, async { life::live(world.clone(), life).await });
        world.disk.restart(end);
        world.jump(life.map_or(0, |life| life.away));
    }
    if world.broken().is_none() {
        once(&world, async { inspect(&world) });
    }
    let model = world.model();
    Report {
        seed,
        violation: world.broken(),
        hash: world.hash(),
        commits: world.commits(),
        performed: model.performed,
        lives: lived,
        runs: model.runs.len(),
        trace: world.trace(),
    }
}

/// In a runtime of its own, whose tasks end with it where they stand.
fn once<T>(world: &World, life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let end = runtime.block_on(async {
        world.wake();
        let end = life.await;
        world.sleep();
        end
    });
    world.disk.switch_off();
    drop(runtime);
    end
}

/// Opens it once more, only to look.
fn inspect(world: &Arc<World>) {
    world.disk.restart(End::Power);
    let mut options = dirigent_store::Options::new("/store");
    options.segment_bytes = world.plan.segment_bytes;
    options.disk = Arc::new(world.disk.clone());
    match dirigent_store::open_in_steps(options) {
        Ok((store, _steps)) => {
            let checked = world.model().reopen(&*store);
            world.hold(checked);
            let checked = ending::documents(world, &store);
            world.hold(checked);
        }
        Err(error) => world.violate(format!("the store does not open in the end: {error}")),
    }
}
