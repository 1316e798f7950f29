//! Everybody around a daemon: who wants runs, goes on from them, publishes, rules, answers, watches; and somebody who
//! starts a second daemon on the same disk.

use std::sync::Arc;

use dirigent_daemon::spawn::Supervisor;
use dirigent_store::OpenError;

use crate::daemon::{Daemon, options};
use crate::desk::Desk;
use crate::rulers::Ruler;
use crate::world::World;
use crate::{again, people, publishers, schedulers, watcher};

/// Lets all of them do what they do until this life ends.
pub(crate) fn gather(world: &Arc<World>, daemon: &Daemon, tasks: &Supervisor) {
    let Daemon {
        store,
        records,
        runtime,
        ..
    } = daemon;
    tasks.spawn("watcher", watcher::watch(world.clone(), store.clone()));
    for at in 0..world.plan.runs.len() {
        let (world, runtime, records) = (world.clone(), runtime.clone(), records.clone());
        tasks.spawn("person", people::want(world, runtime, records, at));
    }
    for at in 0..world.plan.moves.len() {
        let (world, runtime) = (world.clone(), runtime.clone());
        tasks.spawn("person", people::move_on(world, runtime, at));
    }
    for at in 0..world.plan.agains.len() {
        let (world, runtime, records) = (world.clone(), runtime.clone(), records.clone());
        tasks.spawn("person", again::go_on(world, runtime, records, at));
    }
    for at in 0..world.plan.events.len() {
        let (world, runtime) = (world.clone(), runtime.clone());
        tasks.spawn("publisher", publishers::publish(world, runtime, at));
    }
    if world.is_calm() {
        tasks.spawn("publisher", publishers::help(world.clone(), runtime.clone()));
    }
    if world.plan.rules {
        let ruler = Ruler {
            world: world.clone(),
            daemon: daemon.clone(),
        };
        tasks.spawn_until_stop("ruler", ruler.rule());
    }
    for schedule in world.plan.library.scheduled.clone() {
        let (world, schedules) = (world.clone(), daemon.schedules.clone());
        tasks.spawn("scheduler", schedulers::steer(world, schedules, schedule));
    }
    if world.rng().percent(20) {
        tasks.spawn("intruder", intrude(world.clone()));
    }
    let desk = Desk {
        world: world.clone(),
        runtime: runtime.clone(),
        records: records.clone(),
        tasks: tasks.clone(),
    };
    tasks.spawn("desk", desk.sit());
}

/// A second daemon on the same disk is refused, whenever it comes.
async fn intrude(world: Arc<World>) {
    let pause = world.ms(0, 6_000);
    tokio::time::sleep(pause).await;
    world.still().await;
    let refused = dirigent_store::open_in_steps(options(&world)).map(drop);
    world.note(|| format!("a second daemon: {refused:?}"));
    if !matches!(refused, Err(OpenError::InUse { .. })) {
        world.violate(format!("a second daemon opens the store: {refused:?}"));
    }
}
