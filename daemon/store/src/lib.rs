//! The store: a journal for durability, sled for state, content-addressed files for large payloads, one trait in front.
//!
//! Owns everything in the store directory. Knows nothing of entities, runs or users: keys and values are bytes.
//! Invariants it guards: (1) an acknowledged commit is durable and readable, always; (2) a commit happens whole or not
//! at all; (3) damage is rebuilt, discarded as an unacknowledged tail, or refused by name, never silently less.
//!
//! Layout of the directory: `lock`, `meta.json`, `noted`, `journal/NNN.seg`, `state/` (sled), `archive/NNN.arc`
//! (`NNN.gone` where one was given back),
//! `blobs/ab/<address>`, `blob.key`, `exports/*.export`.

mod applier;
mod archive;
mod blob;
mod blob_key;
mod blob_lost;
mod blocks;
mod catalog;
pub mod check;
mod clock;
mod closed;
mod codec;
pub mod conformance;
pub mod contract;
mod counters;
mod discard;
mod entry;
pub mod error;
pub mod export;
mod export_file;
mod export_rows;
mod export_volumes;
mod feed;
mod frame;
pub mod io;
mod journal;
mod layout;
mod local;
mod lock;
mod maintain;
mod memory_tree;
mod meta;
mod mover;
mod occupied;
mod open;
pub mod options;
mod overlay;
mod plan;
mod queue;
mod rebuild;
mod recover;
mod renew;
mod scan;
mod segment;
mod segment_walk;
mod shared;
mod sled_apply;
mod sled_closed;
mod sled_guard;
mod sled_state;
mod sled_tree;
mod slot;
mod source;
mod spare;
mod steps;
mod sync;
mod tree;
pub mod types;
mod waiters;
mod writer;

pub use check::{CheckReport, Finding, check};
pub use clock::Clock;
pub use contract::Store;
pub use error::{BlobError, CommitError, ExportError, LeaseError, MaintainError, OpenError, ReadError};
pub use export::import;
pub use open::open;
pub use options::Options;
pub use steps::{Steps, open_in_steps};
pub use types::{
    Append, BlobId, BlobSpace, Budget, Commit, Discarded, ExportReport, Feed, FeedItem, FeedPage, Fence,
    Guard, Identity, Key, Lease, LeaseRequest, MaintainBudget, MaintainReport, Position, Progress, Receipt,
    RequestKey, ScanPage, ScanRange, Stats, StreamId, Txn, Versioned,
};
