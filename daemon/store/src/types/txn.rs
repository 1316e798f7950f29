//! What is asked of the store, and a commit as it is kept.

use super::ids::{BlobId, Key, Position, StreamId};
use super::lease::{Fence, LeaseRow};
use bytes::Bytes;
use std::fmt;

/// Client-made request id with the digest of the request's body. Remembered for 7 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// UUIDv7 bytes.
    pub id: [u8; 16],
    /// SHA-256 of the canonical request.
    pub digest: [u8; 32],
}

/// A condition that must hold at the moment of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The key must not exist.
    Absent(Key),
    /// The key must exist with exactly this revision.
    Revision {
        /// Key looked at.
        key: Key,
        /// Revision it must have.
        revision: u64,
    },
    /// The key must exist, whatever its revision; serialised against writers of the key.
    Exists(Key),
}

/// Records to put at the end of a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Append {
    /// Stream to extend.
    pub stream: StreamId,
    /// `seq` the first of `records` gets: the stream's last `seq` plus one (1 for a new stream).
    pub expected: u64,
    /// At least one record, each at most 1 MiB.
    pub records: Vec<Bytes>,
}

/// One atomic change. Deletes are applied before puts; a later put of the same key wins.
#[derive(Clone, Default)]
pub struct Txn {
    /// Makes the commit repeatable: the same id and digest again answers with the first receipt.
    pub request: Option<RequestKey>,
    /// Refused with `Fenced` if the lease has moved on.
    pub fence: Option<Fence>,
    /// All must hold.
    pub guards: Vec<Guard>,
    /// Key and value, value at most 1 MiB.
    pub puts: Vec<(Key, Bytes)>,
    /// Deleting what does not exist is allowed.
    pub deletes: Vec<Key>,
    /// At most one entry per stream.
    pub appends: Vec<Append>,
    /// Streams that end with this commit: nobody can append to them any more, and the store may move them out of the way.
    /// They stay readable.
    pub closes: Vec<StreamId>,
    /// Blobs this commit refers to; each must have been put before.
    pub blobs: Vec<BlobId>,
    /// May use the space kept for a full disk: outcomes of running steps, cancels.
    pub reserve: bool,
}

/// What a successful commit answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the commit stands.
    pub position: Position,
    /// The same request was committed before: this is its first answer and nothing changed now.
    pub replayed: bool,
}

/// A commit as the change feed shows it. Positions are dense; internal upkeep shows as a commit without content.
#[derive(Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its place in the order of commits.
    pub position: Position,
    /// Wall clock at the commit, milliseconds since 1970; informative.
    pub at_ms: u64,
    /// Request it answered.
    pub request: Option<RequestKey>,
    /// Applied after `deletes`.
    pub puts: Vec<(Key, Bytes)>,
    /// Applied first.
    pub deletes: Vec<Key>,
    /// Stream records; `expected` is the `seq` of the first.
    pub appends: Vec<Append>,
    /// Blobs referred to.
    pub blobs: Vec<BlobId>,
    pub(crate) upkeep: Vec<Upkeep>,
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Append({:?}, {} from {})",
            self.stream,
            self.records.len(),
            self.expected
        )
    }
}

impl fmt::Debug for Txn {
    /// Keys and counts only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Txn")
            .field("request", &self.request.map(|r| r.id))
            .field("guards", &self.guards)
            .field("puts", &self.puts.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("deletes", &self.deletes)
            .field("appends", &self.appends)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Commit {
    /// Counts only: values may be secret and do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("position", &self.position)
            .field("puts", &self.puts.len())
            .field("deletes", &self.deletes.len())
            .field("appends", &self.appends.len())
            .finish_non_exhaustive()
    }
}

/// The store's own changes; they travel in the journal like any other so that a rebuild repeats them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Upkeep {
    Lease(LeaseRow),
    Forget { before_ms: u64 },
    Close(StreamId),
}
