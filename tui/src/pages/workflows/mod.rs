//! The page Workflows: the list, a workflow's versions, the difference of any two, and who uses it.
//!
//! Owns what is selected and marked. Versions and counts are the daemon's, asked for when they are looked at; nothing
//! of it is stored here.

mod asked;
mod draw;
mod page;
mod side;
mod speech;

pub use page::{META, Workflows};
