//! What may begin now: permits of effects, prices against budgets, room on the disk.
//!
//! Starts nothing itself; who asks here is told yes, no, or waits for its turn.

pub(crate) mod permits;
pub(crate) mod quotes;
pub(crate) mod space;
