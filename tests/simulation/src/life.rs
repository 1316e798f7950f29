//! One life of the daemon: opened on what the disk holds, lived until its fate or until everything is done.

use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::spawn::Supervisor;

use crate::daemon::{self, Daemon};
use crate::disk::{End, Trouble};
use crate::plan::{Fate, Life};
use crate::world::World;
use crate::{crowd, ending};

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
        troubles(&world, &tasks, life);
        if let Some(daemon) = daemon::begin(&world, &tasks, life).await {
            go_on(&world, &daemon, &tasks, life, limit).await;
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

async fn go_on(
    world: &Arc<World>,
    daemon: &Daemon,
    tasks: &Supervisor,
    life: Option<&Life>,
    limit: Duration,
) {
    crowd::gather(world, daemon, tasks);
    let Some(life) = life else {
        return finish(world, daemon, limit).await;
    };
    let deadline = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < deadline && !world.model().is_done() {
        tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + LOOK)).await;
    }
    if matches!(life.fate, Fate::Stop(_)) {
        world.note(|| "it is stopped in order".into());
        let grace = world.ms(0, 3_000);
        daemon.runtime.shutdown(grace).await;
    }
}

/// Nothing goes wrong any more: everything must come to its end.
async fn finish(world: &Arc<World>, daemon: &Daemon, limit: Duration) {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let (open, answered) = {
            let model = world.model();
            (model.open(), model.all_answered())
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
    let checked = ending::documents(world, &daemon.store);
    world.hold(checked);
}
