//! Schedules: workflows whose newest version says when its runs begin by themselves.
//!
//! Owns the documents of kind `Schedule` and the rows of schedules that listen. Starts runs through the runtime's own
//! door, under a key that names schedule and due time; knows no wire.
//!
//! Invariants: (1) a due time or an event starts one run at most, whatever dies in between: its key is unique in the
//! store; (2) a schedule's document is written here alone; (3) no run begins before its due time by the daemon's clock.

mod book;
mod dues;
mod heard;
mod keeper;
mod start;
mod wish;

pub use keeper::open;
pub use wish::{Schedules, WishError};
