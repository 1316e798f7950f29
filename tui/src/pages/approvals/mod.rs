//! Approvals: the inbox of what waits for a decision, and exactly what would run.

mod page;

pub use page::{Approvals, META};
