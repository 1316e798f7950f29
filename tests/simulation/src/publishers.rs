//! People who publish events: those they planned, again with the same request when they heard nothing; and when all is
//! calm, what those wait for who listen.

use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::runtime::RuntimeHandle;

use crate::people::{actor, fresh};
use crate::world::World;

const AGAIN: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_secs(2);

/// Wants an event on the bus until somebody says that it is.
pub(crate) async fn publish(world: Arc<World>, runtime: RuntimeHandle, at: usize) {
    let wanted = &world.plan.events[at];
    tokio::time::sleep(wanted.after).await;
    while !world.model().published[at] {
        let actor = actor("eve", wanted.request);
        let request = actor.key.id;
        let answer = runtime.publish(wanted.event.clone(), actor).await;
        world.still().await;
        match answer {
            Ok(_) => {
                world.note(|| format!("event {at} is on the bus"));
                let checked = world.model().answer_publish(at, request);
                world.hold(checked);
            }
            Err(error) => {
                world.note(|| format!("event {at} is not published: {error}"));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Publishes what somebody waits for, as long as somebody does.
pub(crate) async fn help(world: Arc<World>, runtime: RuntimeHandle) {
    for round in 0_u64.. {
        tokio::time::sleep(PAUSE).await;
        let hearing = world.model().hearing();
        let event = {
            let mut rng = world.rng();
            let name = format!("help-{round}");
            hearing
                .get(usize::try_from(rng.below(hearing.len() as u64)).unwrap())
                .map(|strategy| strategy.helpful(&mut rng, &name))
        };
        let Some(event) = event else { continue };
        let answer = runtime.publish(event.clone(), actor("eve", fresh(&world))).await;
        world.still().await;
        world.note(|| format!("{} is published: {}", event["type"], answer.is_ok()));
    }
}
