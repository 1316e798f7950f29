//! Trying a workflow out: the engine decides, and samples stand in for everything outside it.
//!
//! Owns the order of things in a time of its own, the samples, and what is said of them at their places in the text.
//! Does not: perform, store, look anything up but agents. Invariant: the same text, input and samples give the same
//! events.

mod agents;
mod compiled;
mod driver;
mod report;
mod sample;

pub use agents::AgentShapes;
pub use compiled::compiled;
pub use driver::dry_run;
