//! The wire's calls, answered: each goes through the door, then to the service or to the runtime.
//!
//! Holds no rule of its own. A change is handed to a task and only waited for here, so that a client that goes away
//! does not cut it in half.
//!
//! Invariant: the subject is looked up anew at every call; a request that was answered before is answered the same.

mod answers;
mod approvals;
mod commands;
mod definitions;
mod holds;
mod house;
mod live;
mod queries;
mod reviews;
mod runs;
mod status;

pub use answers::{Answers, Caller};
pub use house::{House, Info};
pub use runs::EndedBefore;
