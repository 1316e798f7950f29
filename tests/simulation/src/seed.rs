//! A seed from its first life to the calm one, and what is looked at in the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dirigent_daemon::records::Records;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_store::Store;

use crate::disk::End;
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
    for source in &world.plan.sources {
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
            let checked = documents(world, &store);
            world.hold(checked);
        }
        Err(error) => world.violate(format!("the store does not open in the end: {error}")),
    }
}

/// The documents of runs that are over say what their journals say, and nothing of them is left in hand.
pub(crate) fn documents(world: &World, store: &Arc<dyn Store>) -> Result<(), String> {
    let records = Records::new(store.clone());
    for (id, run) in &world.model().runs {
        let found = records
            .get(Kind::WorkflowExecution, (*id).into())
            .map_err(|e| e.to_string())?;
        let stored = found.ok_or_else(|| format!("{id} has no document"))?;
        let execution: WorkflowExecution = stored.document.body().map_err(|e| e.to_string())?;
        let state = &run.state;
        if (execution.status, execution.events) != (state.status(), state.seq()) {
            return Err(format!(
                "{id} is {:?} with {} events; its document says {:?} with {}",
                state.status(),
                state.seq(),
                execution.status,
                execution.events
            ));
        }
        let row = [b"L".as_slice(), &id.bytes()].concat();
        if store.get(&row).map_err(|e| e.to_string())?.is_some() {
            return Err(format!("{id} is over and still in hand"));
        }
    }
    Ok(())
}
