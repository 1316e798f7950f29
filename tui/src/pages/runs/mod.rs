//! Runs: the list of all, and the monitor of one.

mod columns;
mod list;
mod monitor;
mod page;
#[cfg(test)]
mod samples;
mod speech;
#[cfg(test)]
mod tests;

pub(crate) use monitor::{Monitor, approval_phrase, collaboration_lines};
pub use page::{META, Runs};
