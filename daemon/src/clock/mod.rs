//! The daemon's time: the machine's wall and monotonic clocks, and the engine's clock that is made of both.
//!
//! Invariant: the engine's clock never goes back, not over restarts either; everything else is handed a [`Clock`].

mod engine;
mod stamps;
mod system;

pub use engine::{EngineClock, HOLD, Held, News};
pub use stamps::{HIGHEST, Stamps, highest};
pub use system::{Clock, Monotonic, monotonic, system};
