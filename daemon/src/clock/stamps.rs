//! What the store stamps its commits with: the wall clock until the engine's clock is known, that one from then on.
//!
//! Invariant: no commit with a time of the engine's in it has an older stamp, so that the newest stamp is at least the
//! highest time that was ever recorded, however the process ended.

use std::sync::{Arc, OnceLock};

use dirigent_store::{Budget, Feed, FeedItem, Position, ReadError, Store};
use jiff::Timestamp;

use super::system::Clock;

/// The highest time, milliseconds, where it is not the wall clock's.
pub const HIGHEST: &[u8] = b"Y";

/// See the module header.
#[derive(Clone)]
pub struct Stamps {
    wall: Clock,
    engine: Arc<OnceLock<Clock>>,
}

impl Stamps {
    /// The wall clock, for now.
    #[must_use]
    pub fn of(wall: Clock) -> Self {
        let engine = Arc::default();
        Self { wall, engine }
    }

    /// The engine's clock is known.
    pub fn follow(&self, engine: Clock) {
        self.engine.get_or_init(|| engine);
    }

    /// For the store.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let own = self.clone();
        Arc::new(move || {
            let clock = own.engine.get().unwrap_or(&own.wall);
            u64::try_from(clock().as_millisecond()).unwrap_or(0)
        })
    }
}

/// The highest time the store has seen: its newest commit's, or what was noted. To be read before anything is committed
/// with the wall clock's stamp.
///
/// # Errors
/// The store did not answer.
pub fn highest(store: &dyn Store) -> Result<Timestamp, ReadError> {
    let noted = store.get(HIGHEST)?.and_then(|found| {
        let ms = <[u8; 8]>::try_from(&found.value[..]).ok()?;
        Some(i64::from_be_bytes(ms))
    });
    let before = Position(store.head().0.saturating_sub(1));
    let one = Budget {
        items: 1,
        ..Budget::default()
    };
    let newest = store.read(Feed::All, before, one).ok().and_then(|page| {
        let FeedItem::Commit(commit) = page.items.into_iter().next()? else {
            return None;
        };
        i64::try_from(commit.at_ms).ok()
    });
    let highest = noted.max(newest).unwrap_or(0);
    Ok(Timestamp::from_millisecond(highest).unwrap_or(Timestamp::UNIX_EPOCH))
}
