//! The bus of events as it is kept: rows of the store, who listens for what, lifecycle events of runs.
//!
//! Owns the keys that begin with `E` and what an event must be. Delivers nothing (the runtime does) and runs no
//! expression (the engine does).
//!
//! Invariants: (1) an event is one row, written in the commit that publishes or emits it; the commit's position is its
//! place on the bus; (2) a listener's row is there exactly while it listens; (3) lifecycle events are derived from the
//! journals of runs and stored nowhere.

mod accept;
mod index;
mod lifecycle;
mod page;
mod rows;
mod sweep;

pub use accept::{Refused, accept};
pub use index::{Index, Listener, Offer};
pub use lifecycle::{About, Abouts, derived};
pub use page::{PageError, page};
pub use rows::{
    CURSOR, LISTENS, ListenRow, SCHEDULES, StoredEvent, decode, encode, event_key, listen_key, listener_of,
    moment_of, once_key, schedule_key,
};
pub use sweep::sweep;
