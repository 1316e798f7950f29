//! Upkeep, exports and figures.

use super::ids::{Position, StreamId};
use std::path::PathBuf;
use std::time::Duration;

/// How much upkeep to do.
#[derive(Clone, Copy, Debug)]
pub struct MaintainBudget {
    /// Forget old request ids and remove abandoned blob files. By default it does.
    pub sweep: bool,
    /// Wait until the state has caught up with the head of this moment, at most this long.
    pub settle: Option<Duration>,
    /// Remove segments that a verified export in `exports/` covers.
    pub prune: bool,
    /// Move closed streams into the archive, about this many bytes at most. 0 moves none.
    pub archive_bytes: u64,
}

impl Default for MaintainBudget {
    fn default() -> Self {
        Self {
            sweep: true,
            settle: None,
            prune: false,
            archive_bytes: 0,
        }
    }
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
    /// Streams moved into the archive.
    pub streams_archived: u64,
}

/// What was given back of streams nobody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Those of which nothing is left.
    pub gone: Vec<StreamId>,
    /// Volumes of the archive that went: nobody wanted any stream in them.
    pub volumes: u64,
    /// Their bytes.
    pub bytes: u64,
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

/// Told while the state is replayed or rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Commits applied so far.
    pub done: u64,
    /// Commits to apply.
    pub total: u64,
    /// The state is being rebuilt from nothing, not only caught up.
    pub rebuild: bool,
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
    /// sled's files.
    pub state_bytes: u64,
    /// They are above 2 GiB: a rebuild takes minutes.
    pub state_alarm: bool,
    /// How far the state is that is being built in place of one that failed.
    pub rebuilding: Option<Progress>,
    /// Files sled made that it never syncs: must stay 0.
    pub state_blobs: u64,
    /// Streams that are closed and not yet in the archive.
    pub resting: u64,
    /// Streams in the archive.
    pub archived: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Duration of the last journal sync, microseconds.
    pub sync_us: u64,
    /// Less free space than `Options::min_free_bytes`.
    pub full: bool,
    /// The journal or the state has failed: reopen.
    pub failed: bool,
}
