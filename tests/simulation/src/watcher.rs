//! Somebody who watches everything, page by page, and goes on after every restart where they stood.

use std::sync::Arc;
use std::time::Duration;

use dirigent_store::{Budget, Feed, FeedItem, Position, Store};

use crate::world::World;

pub(crate) async fn watch(world: Arc<World>, store: Arc<dyn Store>) {
    loop {
        let cursor = Position(world.model().seen);
        let items = usize::try_from(world.rng().between(1, 5)).unwrap();
        let budget = Budget {
            items,
            ..Budget::default()
        };
        match store.read(Feed::All, cursor, budget) {
            Ok(page) if page.items.is_empty() => {
                store.wait(cursor, Duration::from_secs(600)).await;
                world.still().await;
            }
            Ok(page) => {
                for item in &page.items {
                    if let FeedItem::Commit(commit) = item {
                        let checked = world.model().watch(commit);
                        world.hold(checked);
                    }
                }
                let pause = world.ms(0, 40);
                tokio::time::sleep(pause).await;
            }
            Err(error) => return world.violate(format!("a watcher cannot read: {error}")),
        }
    }
}
