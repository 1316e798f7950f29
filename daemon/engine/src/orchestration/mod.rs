//! Orchestrations: members and a strategy in, an Open Workflow document out. Pure: the same orchestration compiles to
//! the same document, and nothing but that document runs.
//!
//! A strategy is one file here and one row in [`strategy::STRATEGIES`]. What a document of an orchestration looks like
//! around its strategy is in `compile`. Runs, versions and pages know nothing of strategies.
//!
//! Invariant: what [`check`] finds no error in compiles to a document that the engine accepts.

mod check;
mod compile;
mod conditional;
mod debate;
mod event_driven;
mod handoff;
mod parallel;
mod parts;
mod sequential;
mod strategy;
mod supervisor;
mod vote;

#[cfg(test)]
mod tests;

pub use check::check;
pub use compile::{NAMESPACE, compile};
pub use strategy::{StrategyInfo, strategies};
