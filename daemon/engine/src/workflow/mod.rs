//! Whole documents: from text to a [`crate::machine::Workflow`], its graph, the catalog of kinds.
//!
//! Invariant: a document with any error gives no workflow, and all its errors at once.

mod catalog;
mod graph;
mod load;
mod parts;

pub use catalog::{KindInfo, catalog};
pub use graph::graph;
pub use load::{load, parse_workflow};
