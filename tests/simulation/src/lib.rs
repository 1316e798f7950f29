//! Deterministic simulation: the daemon's runtime and the store's journal as they are, on a simulated disk, clock and
//! world, in one thread, from one seed. The same seed gives the same story, line for line.
//!
//! What is real: the engine, the runtime's drivers, commits, permits, timers and recovery, and the journal with its
//! recovery. What is simulated: the disk under the journal (`disk`), time (`world`), ids and chance (`rng`), what performs
//! effects (`performers`), people (`people`), a watcher (`watcher`). The state of the store is in memory, so that every
//! restart brings it up from the journal.
//!
//! How it reads: [`run`] makes a [`plan`] from the seed and leads it through several lives of the daemon (`life`), each
//! ended by a power cut, a kill, a failed store or an orderly stop, the last one calm. `model` is told of everything that
//! is asked, acknowledged and performed, and says what must not be.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "only tests use it, and helpers of tests fail as tests do"
)]

mod again;
mod answered;
mod answers;
mod asking;
mod audit;
mod bus;
mod children;
mod crowd;
mod daemon;
mod desk;
mod disk;
mod documents;
mod dues;
mod ending;
mod file;
mod hands;
mod hearing;
mod ledger;
mod library;
mod life;
mod model;
mod people;
mod performers;
mod plan;
mod publishers;
mod questions;
mod rng;
mod rulers;
mod run_model;
mod schedulers;
mod seed;
mod standing;
mod tasks;
mod turns;
mod undoing;
mod undone;
mod watched;
mod watcher;
mod world;

pub use plan::{Plan, plan};
pub use seed::{Report, run};

/// What must hold, or what is said of it where it does not.
fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
