//! People who pause schedules and let them go on; when all is calm they are paused for good, so that everything ends.

use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::schedules::{Schedules, WishError};
use dirigent_protocol::id::EntityId;

use crate::people::{actor, fresh};
use crate::world::World;

const AGAIN: Duration = Duration::from_secs(1);

/// Pauses a schedule now and then.
pub(crate) async fn steer(world: Arc<World>, schedules: Schedules, schedule: EntityId) {
    let calm = world.is_calm();
    let (pauses, longest) = (world.rng().percent(20), if calm { 400_000 } else { 15_000 });
    let pause = world.ms(0, longest);
    tokio::time::sleep(pause).await;
    if calm {
        while !wish(&world, &schedules, schedule, true).await {
            tokio::time::sleep(AGAIN).await;
        }
        world.model().steered(schedule);
    } else if pauses {
        wish(&world, &schedules, schedule, true).await;
        let rest = world.ms(0, 8_000);
        tokio::time::sleep(rest).await;
        wish(&world, &schedules, schedule, false).await;
    }
}

/// Whether it is so now.
async fn wish(world: &Arc<World>, schedules: &Schedules, schedule: EntityId, pause: bool) -> bool {
    let actor = actor("dana", fresh(world));
    let answer = schedules.pause(schedule, pause, actor).await;
    world.still().await;
    world.note(|| format!("{} is to be paused ({pause}): {answer:?}", schedule.short()));
    matches!(answer, Ok(()) | Err(WishError::WrongState(_)))
}
