//! The line to the daemon: finding it, starting a private one, staying connected, asking and telling.
//!
//! Owns: where the daemon is ([`Target`]), the way there ([`connect`]), how one is started ([`launch`]), a caller that survives broken connections
//! ([`Caller`]), and the thread that feeds the full-screen client ([`spawn`]). Does not know pages, keys or output.
//!
//! Invariant: a command keeps its request id from the first try to the answer, so however often the connection
//! breaks it takes effect once.

pub mod caller;
pub mod connect;
pub mod follow;
mod heard;
pub mod launch;
pub mod locate;
pub mod outgoing;
pub mod session;
pub mod settings;
pub mod snapshot;
mod ssh;
mod ssh_explain;
pub mod target;
pub mod worker;

pub use caller::Caller;
pub use launch::Launch;
pub use settings::{First, Settings};
pub use target::{Ask, Target};
pub use worker::{LinkHandle, spawn};
