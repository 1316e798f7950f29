//! Events and pages of events.

use super::ids::{Position, StreamId};
use super::txn::Commit;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

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
#[derive(Clone, PartialEq, Eq)]
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

impl fmt::Debug for FeedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(commit) => commit.fmt(f),
            Self::Record { seq, data, .. } => write!(f, "Record({seq}, {} bytes)", data.len()),
        }
    }
}
