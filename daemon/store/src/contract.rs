//! The contract every backend keeps; `conformance` is its executable form.
//!
//! Serialisable through guards, durable on return, gapless streams, feed without gap or repetition. Blocking calls are
//! fast (memory or one page read) and may be made from async code; whatever waits is a future.

use crate::error::{BlobError, CommitError, ExportError, LeaseError, MaintainError, ReadError};
use crate::types::{
    BlobId, BlobSpace, Budget, Discarded, ExportReport, Feed, FeedPage, Fence, Identity, Lease, LeaseRequest,
    MaintainBudget, MaintainReport, Position, Receipt, ScanPage, ScanRange, Stats, StreamId, Txn, Versioned,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::time::Duration;

/// A durable, ordered, transactional store of bytes.
pub trait Store: Send + Sync + 'static {
    /// Which database this is.
    fn identity(&self) -> Identity;

    /// Submits a transaction at the call, not at the first poll; durable when it resolves with `Ok`.
    /// Dropping the future does not take the transaction back.
    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<Receipt, CommitError>>;

    /// The newest value of a key; sees every acknowledged commit.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, ReadError>;

    /// A page of keys and values in order; sees every acknowledged commit.
    ///
    /// # Errors
    /// If the limit is out of range or the state cannot be read.
    fn scan(&self, range: ScanRange) -> Result<ScanPage, ReadError>;

    /// Events after `cursor`, in order. An empty page means there are none yet.
    ///
    /// # Errors
    /// `Compacted` if the feed no longer reaches back that far, `Damaged` if the journal does not verify.
    fn read(&self, of: Feed, cursor: Position, budget: Budget) -> Result<FeedPage, ReadError>;

    /// Last `seq` of a stream, 0 if it has no records.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn stream_end(&self, stream: StreamId) -> Result<u64, ReadError>;

    /// Position of the newest acknowledged commit.
    fn head(&self) -> Position;

    /// Resolves with the head once it is beyond `after`, or when `deadline` has passed. No wake-up is lost.
    fn wait(&self, after: Position, deadline: Duration) -> BoxFuture<'static, Position>;

    /// Takes or renews a lease. A new owner gets a higher fencing number.
    fn lease(&self, request: LeaseRequest) -> BoxFuture<'static, Result<Lease, LeaseError>>;

    /// Gives a lease back: it is free at once, and whoever held it is fenced from now on.
    fn release(&self, fence: Fence) -> BoxFuture<'static, Result<(), LeaseError>>;

    /// Stores a payload; durable when it resolves. The same payload of the same space has the same address, in another space
    /// another one. Refer to it in `Txn::blobs`.
    fn blob_put(&self, space: BlobSpace, bytes: Bytes) -> BoxFuture<'static, Result<BlobId, BlobError>>;

    /// A payload, verified against its address.
    fn blob_get(&self, id: BlobId) -> BoxFuture<'static, Result<Bytes, BlobError>>;

    /// Writes a verified stream file: all state and, if asked, all blobs. With `None` it goes into the store's own
    /// `exports/`, where it covers segments for pruning and serves a rebuild.
    fn export(
        &self,
        to: Option<PathBuf>,
        with_blobs: bool,
    ) -> BoxFuture<'static, Result<ExportReport, ExportError>>;

    /// Upkeep: forgets request ids older than 7 days, removes abandoned blob files, prunes covered segments.
    fn maintain(&self, budget: MaintainBudget) -> BoxFuture<'static, Result<MaintainReport, MaintainError>>;

    /// Gives back what closed streams take that nobody will ever read again, as far as that can be done now. Asking again
    /// is free: streams are gone or not, and a crash, a rebuild or an import may bring some back.
    ///
    /// # Errors
    /// The state or the archive cannot be read or written; what was given back stays so.
    fn discard(&self, streams: Vec<StreamId>) -> BoxFuture<'static, Result<Discarded, MaintainError>>;

    /// Figures of this moment.
    fn stats(&self) -> Stats;
}
