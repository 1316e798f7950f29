//! Who does the store's work: group after group, as slow as the disk of this life is.

use std::sync::Arc;
use std::time::Duration;

use dirigent_store::{Steps, Store};
use tokio::sync::Notify;

use crate::world::World;

const IDLE: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3_600);
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn work(
    world: Arc<World>,
    store: Arc<dyn Store>,
    mut steps: Steps,
    work: Arc<Notify>,
    slow: bool,
    may_fill: bool,
) {
    let mut patience = LONG;
    loop {
        let came = tokio::time::timeout(patience, work.notified()).await.is_ok();
        if came {
            let (low, high) = if slow { (5, 800) } else { (0, 6) };
            let takes = world.ms(low, high);
            tokio::time::sleep(takes).await;
            while steps.write() {}
            if world.rng().percent(20) {
                steps.apply();
            }
            patience = IDLE;
        } else {
            steps.confirm();
            steps.apply();
            steps.prepare();
            patience = if may_fill { LOOK } else { LONG };
        }
        if world.over() {
            world.end.notify_one();
            return;
        }
        if store.stats().failed {
            world.note(|| "the store has failed".into());
            let rest = world.ms(0, 300);
            tokio::time::sleep(rest).await;
            world.end.notify_one();
            return;
        }
    }
}
