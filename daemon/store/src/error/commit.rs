//! Why a commit was not made.

use super::faults::{IoFault, StateFault};
use crate::types::{BlobId, Key, StreamId};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a guard or an append found instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A key guard failed.
    #[error("key {key:?} has revision {found:?}")]
    Key {
        /// Key of the guard.
        key: Key,
        /// Its revision, `None` if it does not exist.
        found: Option<u64>,
    },
    /// The stream is closed: nothing is appended to it any more.
    #[error("stream {stream:?} is closed")]
    Closed {
        /// Stream of the append.
        stream: StreamId,
    },
    /// An append did not fit.
    #[error("stream {stream:?} ends at {found}")]
    Stream {
        /// Stream of the append.
        stream: StreamId,
        /// Its last `seq`, 0 if it is empty.
        found: u64,
    },
}

/// Which part of a transaction is too large, or malformed by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// A key of 0 or more than 1,024 bytes.
    #[error("key")]
    Key,
    /// A value or record.
    #[error("value")]
    Value,
    /// An append without records, or two appends to one stream.
    #[error("append")]
    Append,
    /// All of it.
    #[error("transaction")]
    Txn,
}

/// Why a commit was not made. Only `Unknown` leaves open whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A guard or an append did not hold.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The lease has another fencing number now.
    #[error("fenced: the lease is at {found}")]
    Fenced {
        /// Current number, 0 if there is no such lease.
        found: u64,
    },
    /// Too much is waiting.
    #[error("overloaded, retry after {retry_after:?}")]
    Overloaded {
        /// Suggested pause.
        retry_after: Duration,
    },
    /// What its conditions rest on is being built again.
    #[error("the state is being built again, retry after {retry_after:?}")]
    Rebuilding {
        /// Suggested pause.
        retry_after: Duration,
    },
    /// The disk is full, or nearly so and the transaction may not use the reserve.
    #[error("storage full")]
    Full,
    /// The request id was used with another digest.
    #[error("request id reused for another request")]
    RequestReused,
    /// No answer: it may or may not be durable. Ask again with the same request id after reopening.
    #[error("outcome unknown")]
    Unknown,
    /// The store has failed and acknowledges nothing any more: reopen it.
    #[error("the store has failed: {0}")]
    Failed(Failure),
    /// Over a limit.
    #[error("{part} of {found} bytes, limit {limit}")]
    TooLarge {
        /// Of what.
        part: Part,
        /// Most bytes (or items) allowed.
        limit: u64,
        /// What was given.
        found: u64,
    },
    /// A blob was referred to that does not exist.
    #[error("no such blob: {0}")]
    BlobMissing(BlobId),
}

/// Why a store stopped for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Write to or sync of the journal.
    #[error("{op} {} failed: {kind}", path.display())]
    Journal {
        /// Verb.
        op: &'static str,
        /// File.
        path: PathBuf,
        /// The system's answer.
        kind: io::ErrorKind,
    },
    /// sled.
    #[error("the state cannot be used: {0}")]
    State(StateFault),
    /// Closed.
    #[error("it is closed")]
    Closed,
}

impl From<&IoFault> for Failure {
    fn from(fault: &IoFault) -> Self {
        Self::Journal {
            op: fault.op,
            path: fault.path.clone(),
            kind: fault.source.kind(),
        }
    }
}
