//! The project's own load: what `dirigent bench` measures, each load against a daemon of its own.
//!
//! A client like any other: it starts the daemon's program as it stands beside this one, in a new directory on a disk,
//! and talks to it over its socket; every step it counts was durable. It never links the daemon. Loads are rows of the
//! list in [`loads`]; a figure carries its own requirement.
//!
//! Invariant: a figure is only printed when everything it counts really ended as it should; a run that failed fails
//! the measurement.

pub mod approvals;
pub mod bed;
pub mod cold;
pub mod crash;
pub mod fan;
pub mod figure;
pub mod fleet;
pub mod history;
pub mod loads;
pub mod process;
pub mod reference;
pub mod sequence;
pub mod streams;
pub mod workflows;
