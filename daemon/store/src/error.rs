//! Errors by operation: kind, place and, for people, help. Nothing here is a plain string.

use crate::types::{BlobId, Key, Position, StreamId};
use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A failed system call: what was tried, where.
#[derive(Debug, thiserror::Error)]
#[error("{op} {}: {source}", path.display())]
pub struct IoFault {
    /// Verb: `open`, `write`, `sync`, ...
    pub op: &'static str,
    /// File or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl IoFault {
    pub(crate) fn new(op: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            op,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Damaged bytes and where they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {offset}: {what}", file.display())]
pub struct Damage {
    /// File.
    pub file: PathBuf,
    /// Byte offset in it.
    pub offset: u64,
    /// What does not fit.
    pub what: DamageKind,
}

/// What is wrong with damaged bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// Segment header.
    #[error("the segment header does not verify")]
    Header,
    /// A header that contradicts its neighbour.
    #[error("the segment does not continue the one before it")]
    Chain,
    /// A frame of a finished segment.
    #[error("the frame does not verify")]
    Frame,
    /// A bad frame with good ones behind it: not a torn tail.
    #[error("the frame does not verify, but later ones do")]
    FrameBeforeValid,
    /// CRC is right, contents are not.
    #[error("the contents cannot be decoded")]
    Contents,
    /// Numbers do not follow each other.
    #[error("numbers are missing")]
    Gap,
    /// Too short.
    #[error("the file ends too early")]
    Short,
    /// Not there.
    #[error("the file is missing")]
    Missing,
    /// The file's digest differs from its name or trailer.
    #[error("the digest does not match")]
    Digest,
}

/// Why sled cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFault {
    /// Not there.
    #[error("it is missing")]
    Missing,
    /// Opening or reading failed.
    #[error("sled failed: {0}")]
    Failed(String),
    /// It panicked.
    #[error("sled panicked")]
    Panicked,
    /// It failed and is being built again.
    #[error("it is being built again: {done} of {total} commits")]
    Rebuilding {
        /// Commits replayed.
        done: u64,
        /// Commits to replay; 0 until that is known.
        total: u64,
    },
    /// It did not open in time.
    #[error("sled did not open within {0:?}")]
    Hung(Duration),
    /// A row does not verify.
    #[error("a row does not verify")]
    Row,
    /// It belongs to another database.
    #[error("it belongs to another database")]
    Foreign,
    /// It has lost what it once held.
    #[error("it is at {found}, but was at {noted} before")]
    Behind {
        /// Position it holds.
        found: Position,
        /// Position it held.
        noted: Position,
    },
    /// Streams it gave away are not where it put them.
    #[error("volume {0} of the archive, which it refers to, is missing or damaged")]
    Volume(u64),
    /// The newest commits are not in it as the journal has them.
    #[error("it differs from the journal at commit {0}")]
    Differs(Position),
}

/// Why a store does not open. The directory is left as it was found.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store {} is in use by process {pid}", dir.display())]
    InUse {
        /// Store directory.
        dir: PathBuf,
        /// As written in the lock file; 0 if unreadable.
        pid: u32,
    },
    /// Written by a newer version.
    #[error("{} has format {found}; this version reads up to {supported}", file.display())]
    NewerFormat {
        /// File that says so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// The journal is damaged where it is needed.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// There is state, but no journal, or its newest segment is gone.
    #[error("{}: the journal, or its newest segment, is missing", dir.display())]
    JournalMissing {
        /// Journal directory.
        dir: PathBuf,
    },
    /// Something outside the journal knows of later commits than the journal has.
    #[error("{}: the journal ends at commit {journal}, but commit {known} was acknowledged", dir.display())]
    JournalBehind {
        /// Journal directory.
        dir: PathBuf,
        /// Newest in the journal.
        journal: Position,
        /// Newest known elsewhere.
        known: Position,
    },
    /// The state must be rebuilt, but neither the journal nor an export reaches back far enough.
    #[error("the state in {} must be rebuilt ({fault}), but the journal begins at {oldest} and no verified export covers what is before", dir.display())]
    NotRebuildable {
        /// State directory.
        dir: PathBuf,
        /// Why it must be rebuilt.
        fault: StateFault,
        /// Oldest commit of the journal.
        oldest: Position,
    },
    /// The rebuilt state failed as well.
    #[error("the rebuilt state in {} cannot be used: {fault}", dir.display())]
    State {
        /// State directory.
        dir: PathBuf,
        /// What went wrong.
        fault: StateFault,
    },
    /// An option out of range.
    #[error("option {name} must be between {least} and {most}")]
    Option {
        /// Field of `Options`.
        name: &'static str,
        /// Smallest allowed.
        least: u64,
        /// Largest allowed.
        most: u64,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl OpenError {
    /// One line for a person: what to do now.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the other daemon, or give this one its own directory",
            Self::NewerFormat { .. } => {
                "start the newer version, or restore the snapshot made before the upgrade"
            }
            Self::Damaged(_) | Self::JournalMissing { .. } | Self::JournalBehind { .. } => {
                "nothing was changed; run the check, then restore the newest backup into an empty directory"
            }
            Self::NotRebuildable { .. } => {
                "nothing was deleted; put a verified export into exports/ and start again"
            }
            Self::State { .. } => "check the disk, then start again: the state is rebuilt from the journal",
            Self::Option { .. } => "correct the configuration",
            Self::Io(_) => "check that the directory exists, is writable by this user and has free space",
        }
    }
}

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
