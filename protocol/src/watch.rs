//! Watching: a long poll with an opaque cursor, resumed after any disconnect with no gap and no duplicate.
//!
//! Invariant: the pages of one cursor chain, put together, are the feed; a page advances the cursor even when nothing
//! in it matched.

use serde::{Deserialize, Serialize};

use crate::bus::BusEvent;
use crate::entity::{Document, Kind};
use crate::id::{EntityId, RunId};
use crate::run::{RunEvent, StepId};

/// Where a watcher stands: opaque text, `epoch:position` inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// What to watch for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchFilter {
    /// Documents of these kinds; empty means none.
    pub kinds: Vec<Kind>,
    /// Events of these runs.
    pub runs: Vec<RunId>,
    /// Events of all runs.
    pub all_runs: bool,
    /// Events of the bus.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub events: bool,
    /// Lifecycle events of runs, as CloudEvents.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lifecycle: bool,
}

/// One poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRequest {
    /// Where the page before ended; none means from now.
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// What for.
    pub filter: WatchFilter,
    /// Most changes in the page.
    pub max: u32,
    /// Milliseconds to wait when there is nothing; at most 30,000.
    pub wait_ms: u32,
}

/// What a poll answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchPage {
    /// What happened, in order of commit.
    pub changes: Vec<Change>,
    /// Where to go on.
    pub next: Cursor,
    /// The chain is broken (another store, a restore, a compaction): read everything anew, go on from `next`.
    #[serde(default)]
    pub resync: Option<String>,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A document was written.
    Put(Box<Document>),
    /// A document is gone, or may no longer be seen.
    Gone {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: EntityId,
    },
    /// A run went on.
    Run {
        /// The run.
        run: RunId,
        /// The event.
        event: Box<RunEvent>,
    },
    /// An event of the bus, or one that follows from what a run did.
    Event(Box<BusEvent>),
}

/// A poll for the live text of a run's model calls and commands. Live text is not durable: it is what is being
/// written right now; the durable result is in the run's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRequest {
    /// The run.
    pub run: RunId,
    /// Only chunks behind this number; 0 for all that is kept.
    pub after: u64,
    /// Milliseconds to wait when there is nothing; at most 30,000.
    pub wait_ms: u32,
}

/// What a stream poll answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamPage {
    /// In order.
    pub chunks: Vec<StreamChunk>,
    /// Number of the last chunk handed out.
    pub last: u64,
    /// Chunks that were dropped because nobody read them in time.
    #[serde(default)]
    pub lost: u64,
}

/// A piece of live text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamChunk {
    /// Counts within the run, from 1.
    pub seq: u64,
    /// The step that writes.
    pub step: StepId,
    /// Which attempt of it.
    pub attempt: u32,
    /// Where it comes from.
    pub source: StreamSource,
    /// The text (untrusted).
    pub text: String,
    /// What this attempt's model has said since it was asked last does not count: another answer comes, or none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdraws: bool,
}

/// Where live text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamSource {
    /// A model's answer.
    Model,
    /// A command's standard output.
    Stdout,
    /// A command's standard error.
    Stderr,
    /// The daemon's own remark: a retry, a wait for a permit.
    Note,
}
