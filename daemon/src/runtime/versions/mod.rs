//! Runs that are not over and other versions of their workflows: held against them, changed to them.
//!
//! What two documents mean for each other is the engine's matter (room `upgrade`); here journals are read and commits made.

pub(crate) mod check;
pub(crate) mod migrate;
