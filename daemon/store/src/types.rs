//! What crosses the store's door: positions, transactions, pages. Plain data, no behaviour beyond construction.

use bytes::Bytes;
use std::fmt;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A key: 1 to 1,024 bytes, ordered bytewise.
pub type Key = Bytes;

/// The number of a commit, dense from 1. `Position(0)` is before everything. As a cursor it names the last item seen.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Position(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A gapless sequence of records, for example one run's events. Record numbers (`seq`) start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StreamId(pub [u8; 16]);

/// SHA-256 of a payload kept as a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

/// Which database this is. `incarnation` changes when it is restored from an export: cursors of another incarnation are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Given at creation, kept by export and import.
    pub database: Uuid,
    /// Given at creation and at every import; the same across restarts.
    pub incarnation: Uuid,
    /// Version of the format on disk.
    pub format: u32,
    /// One higher at every open.
    pub epoch: u64,
}

/// A value and the position of the commit that last wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Position of the writing commit; never used twice for one key.
    pub revision: u64,
    /// At most 1 MiB.
    pub value: Bytes,
}

/// Client-made request id with the digest of the request's body. Remembered for 7 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// UUIDv7 bytes.
    pub id: [u8; 16],
    /// SHA-256 of the canonical request.
    pub digest: [u8; 32],
}

/// The lease a transaction depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Name of the lease.
    pub lease: Key,
    /// Its fencing number as it was when the lease was granted.
    pub number: u64,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Stream to extend.
    pub stream: StreamId,
    /// `seq` the first of `records` gets: the stream's last `seq` plus one (1 for a new stream).
    pub expected: u64,
    /// At least one record, each at most 1 MiB.
    pub records: Vec<Bytes>,
}

/// One atomic change. Deletes are applied before puts; a later put of the same key wins.
#[derive(Clone, Debug, Default)]
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) name: Key,
    pub(crate) owner: Bytes,
    pub(crate) number: u64,
    pub(crate) until_ms: u64,
    pub(crate) epoch: u64,
}

/// Which events to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Every commit; cursors are positions of commits.
    All,
    /// The records of one stream; cursors are `seq` numbers.
    Stream(StreamId),
}

/// How much one answer may hold; at least one item is returned if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Most items.
    pub items: usize,
    /// Most bytes of payload, roughly.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            items: 1024,
            bytes: 4 << 20,
        }
    }
}

/// One event of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedItem {
    /// From `Feed::All`.
    Commit(Arc<Commit>),
    /// From `Feed::Stream`.
    Record {
        /// Number in the stream.
        seq: u64,
        /// Commit that wrote it.
        position: Position,
        /// The record.
        data: Bytes,
    },
}

/// A page of a feed.
#[derive(Clone, Debug)]
pub struct FeedPage {
    /// In order, without gap or repetition.
    pub items: Vec<FeedItem>,
    /// Cursor for the next call; equal to the given one if nothing was there.
    pub next: Position,
}

/// A stretch of keys.
#[derive(Clone, Debug)]
pub struct ScanRange {
    /// Lower end.
    pub start: Bound<Key>,
    /// Upper end.
    pub end: Bound<Key>,
    /// From the upper end downwards.
    pub reverse: bool,
    /// Most items in a page, 1 to 10,000.
    pub limit: usize,
}

impl ScanRange {
    /// All keys beginning with `prefix` (an empty one means every key), forwards, 1,000 a page.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        let start = if prefix.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Included(Key::copy_from_slice(prefix))
        };
        Self {
            start,
            end: prefix_end(prefix),
            reverse: false,
            limit: 1000,
        }
    }

    /// Keys from `start` up to but not including `end`.
    #[must_use]
    pub fn between(start: Key, end: Key) -> Self {
        Self {
            start: Bound::Included(start),
            end: Bound::Excluded(end),
            reverse: false,
            limit: 1000,
        }
    }

    /// The same range from its end.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// With another page size.
    #[must_use]
    pub fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The rest of the range behind `key`, in the direction of the scan: give it a page's `next`.
    #[must_use]
    pub fn after(mut self, key: Key) -> Self {
        if self.reverse {
            self.end = Bound::Excluded(key);
        } else {
            self.start = Bound::Excluded(key);
        }
        self
    }
}

fn prefix_end(prefix: &[u8]) -> Bound<Key> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end.into());
        }
    }
    Bound::Unbounded
}

/// A page of a scan.
#[derive(Clone, Debug, Default)]
pub struct ScanPage {
    /// In the scan's order. Contains every acknowledged commit of the moment of the call, and possibly later ones.
    pub items: Vec<(Key, Versioned)>,
    /// Give it to `ScanRange::after` for the next page; `None` means the range is exhausted.
    pub next: Option<Key>,
}

/// Asking for a lease.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// What is leased.
    pub name: Key,
    /// Who asks; the same owner renews.
    pub owner: Bytes,
    /// From now, by the store's clock.
    pub ttl: Duration,
}

/// A granted lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: Key,
    /// To whom.
    pub owner: Bytes,
    /// Fencing number: one higher each time the owner changes.
    pub number: u64,
    /// Milliseconds since 1970 by the store's clock.
    pub until_ms: u64,
}

impl Lease {
    /// The fence for transactions under this lease.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence {
            lease: self.name.clone(),
            number: self.number,
        }
    }
}

/// How much upkeep to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct MaintainBudget {
    /// Wait until the state has caught up with the head of this moment, at most this long.
    pub settle: Option<Duration>,
    /// Remove segments that a verified export in `exports/` covers.
    pub prune: bool,
}

/// What upkeep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// State holds at least this position.
    pub applied: Position,
    /// Segments removed.
    pub segments_removed: u64,
    /// Blob files removed: left by a crash, or never referred to and older than a day.
    pub blobs_removed: u64,
}

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// The file.
    pub path: PathBuf,
    /// The state it restores is exactly the one after this commit.
    pub position: Position,
    /// Entries and commits in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// Figures for metrics and `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Newest acknowledged commit.
    pub head: Position,
    /// Newest commit that sled holds.
    pub applied: Position,
    /// Commits since open.
    pub commits: u64,
    /// Groups (one write and one sync each) since open.
    pub groups: u64,
    /// How long the oldest commit not yet in sled has been waiting, milliseconds.
    pub lag_ms: u64,
    /// Bytes in the overlay.
    pub overlay_bytes: u64,
    /// Transactions waiting for the writer.
    pub queued: u64,
    /// Segments of the journal.
    pub segments: u64,
    /// Bytes used in them.
    pub journal_bytes: u64,
    /// sled's files; alarm above 2 GiB.
    pub state_bytes: u64,
    /// Files sled made that it never syncs: must stay 0.
    pub state_blobs: u64,
    /// Duration of the last journal sync, microseconds.
    pub sync_us: u64,
    /// Less free space than `Options::min_free_bytes`.
    pub full: bool,
    /// The journal or the state has failed: reopen.
    pub failed: bool,
}
