//! Why a read, a lease, a blob, an export or upkeep did not answer.

use super::commit::CommitError;
use super::faults::{Damage, IoFault, StateFault};
use super::open::OpenError;
use crate::types::{BlobId, Position};
use bytes::Bytes;
use std::path::PathBuf;
use std::time::Duration;

/// Why a read did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The feed no longer reaches back to the cursor: read the state, then continue from `oldest`.
    #[error("compacted: the feed begins at {oldest}")]
    Compacted {
        /// Oldest commit available.
        oldest: Position,
    },
    /// Damaged bytes.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The state failed and is being built again; what changed lately is readable meanwhile.
    #[error("the state is being built again ({done} of {total} commits), retry after {retry_after:?}")]
    Rebuilding {
        /// Commits replayed.
        done: u64,
        /// Commits to replay; 0 until that is known.
        total: u64,
        /// Suggested pause.
        retry_after: Duration,
    },
    /// The state failed and could not be built again.
    #[error("the state cannot be read: {0}")]
    State(#[from] StateFault),
    /// A limit of 0 or over 10,000.
    #[error("limit must be between 1 and 10,000")]
    Limit,
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// Why a lease was not granted.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has it.
    #[error("held by another until {until_ms}")]
    Held {
        /// Its owner.
        owner: Bytes,
        /// When it ends, milliseconds since 1970.
        until_ms: u64,
    },
    /// What was to be given back is not held: the lease has another fencing number.
    #[error("not held: the lease is at {found}")]
    NotHeld {
        /// Current number, 0 if there is no such lease.
        found: u64,
    },
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Why a blob was not stored or found.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No such file.
    #[error("no such blob: {0}")]
    Missing(BlobId),
    /// More than 64 MiB.
    #[error("blob of {found} bytes, limit {limit}")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
        /// What was given.
        found: u64,
    },
    /// The contents do not match the name.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk is full.
    #[error("storage full")]
    Full,
    /// Too many at once.
    #[error("overloaded, retry after {retry_after:?}")]
    Overloaded {
        /// Suggested pause.
        retry_after: Duration,
    },
    /// The store was closed.
    #[error("closed")]
    Closed,
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// Why an export or import failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file does not verify.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The target directory already holds a store.
    #[error("{} already holds a store", dir.display())]
    NotEmpty {
        /// Target.
        dir: PathBuf,
    },
    /// Its rows rely on volumes of the archive that it does not hold.
    #[error("{} relies on volume {number} of the archive of the store it was made in, and does not hold it", file.display())]
    WithoutArchive {
        /// Export file.
        file: PathBuf,
        /// First volume that lacks.
        number: u64,
    },
    /// The file was written by a newer version.
    #[error("{} has format {found}; this version reads up to {supported}", file.display())]
    NewerFormat {
        /// Export file.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// The target could not be made.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The store was closed.
    #[error("closed")]
    Closed,
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// Why upkeep failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    /// The state did not catch up in time.
    #[error("the state is at {applied}, not yet at {wanted}")]
    NotSettled {
        /// Reached.
        applied: Position,
        /// Wanted.
        wanted: Position,
    },
    /// Forgetting old requests failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// An export does not verify.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The store was closed.
    #[error("closed")]
    Closed,
}
