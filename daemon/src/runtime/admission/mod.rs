//! What may begin now: runs at the gate, permits of effects, prices against budgets, room on the disk.
//!
//! Starts nothing itself; who asks here is told yes, no, or waits for its turn.

pub(crate) mod asking;
pub(crate) mod gate;
pub(crate) mod line;
pub(crate) mod permits;
pub(crate) mod place;
pub(crate) mod quotes;
pub(crate) mod recent;
pub(crate) mod space;
pub(crate) mod steer;
