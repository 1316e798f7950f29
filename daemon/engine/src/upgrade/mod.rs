//! Another version of a workflow, held against a run of the one before: which tasks are the same, what the run has
//! behind it, and each step that would break.
//!
//! Owns: aligning two documents, tracing a journal, the findings. Does not own: the change itself (room `machine`),
//! reading a journal, publishing a version. Pure: the same run and the same two documents give the same findings.
//!
//! Invariant: what is not known to fit breaks. A run without a breaking finding has, in the new version, a task of the
//! same kind wherever it stands, and no task that its author wants done and that it would never come to.

mod align;
mod check;
mod definition;
mod live;
mod past;
mod trace;

#[cfg(test)]
mod tests;

pub use align::Alignment;
pub use check::{check, passed};
pub use trace::Trace;
