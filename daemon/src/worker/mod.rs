//! The worker process: expressions and templates that may loop or blow up run in our own executable, re-executed as
//! `dirigentd expression-worker`, under limits of its own.
//!
//! Owns the process's protocol (one job, one answer, length-prefixed JSON), its limits and its pool. Knows no workflow
//! and no store. Invariant: whatever a job does, the daemon gets an answer within the budget and a little, and lives.

mod frame;
mod job;
mod pool;
mod process;
mod template;

pub use job::{Answer, Job, RenderError, RenderRequest};
pub use pool::{WorkerError, WorkerPool};
pub use process::{COMMAND, main};
