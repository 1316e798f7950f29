//! The page Suggestions: what agents suggest of themselves, each as a diff with its evidence and the report it came from.
//!
//! A suggestion is taken as a draft into the agent's editor, or declined with a reason; nothing is published here.

mod detail;
mod page;
mod speech;

pub use page::{META, Suggestions};
