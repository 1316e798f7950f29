//! Whether the system gives this process enough open files to work with.
//!
//! Found out before anything is opened: a daemon that runs out half-way fails in the words of whoever was first.

use rustix::process::{Resource, getrlimit};

use super::error::StartError;

/// The store, the listening socket, the expression worker and a handful of steps and clients.
const LEAST: u64 = 128;

/// Refuses to start with too few.
pub(super) fn enough() -> Result<(), StartError> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < LEAST => Err(StartError::Descriptors { limit, least: LEAST }),
        _ => Ok(()),
    }
}
