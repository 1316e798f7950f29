//! A store under the runtime whose commits a test has in its hand: to let them through, to hold them, to be first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dirigent_store::{
    BlobError, BlobId, BlobSpace, Budget, CommitError, Discarded, ExportError, ExportReport, Feed, FeedPage,
    Fence, Identity, Lease, LeaseError, LeaseRequest, MaintainBudget, MaintainError, MaintainReport,
    Position, ReadError, Receipt, ScanPage, ScanRange, Stats, Store, StreamId, Txn, Versioned,
};
use futures::future::BoxFuture;

/// What becomes of a commit.
pub(crate) type Hand =
    dyn Fn(Arc<dyn Store>, Txn) -> BoxFuture<'static, Result<Receipt, CommitError>> + Send + Sync;

/// The store as the runtime has it; commits go through a hand.
pub(crate) struct Through {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) hand: Box<Hand>,
}

impl Store for Through {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<Receipt, CommitError>> {
        (self.hand)(self.inner.clone(), txn)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, ReadError> {
        self.inner.get(key)
    }

    fn scan(&self, range: ScanRange) -> Result<ScanPage, ReadError> {
        self.inner.scan(range)
    }

    fn read(&self, of: Feed, cursor: Position, budget: Budget) -> Result<FeedPage, ReadError> {
        self.inner.read(of, cursor, budget)
    }

    fn stream_end(&self, stream: StreamId) -> Result<u64, ReadError> {
        self.inner.stream_end(stream)
    }

    fn head(&self) -> Position {
        self.inner.head()
    }

    fn wait(&self, after: Position, deadline: Duration) -> BoxFuture<'static, Position> {
        self.inner.wait(after, deadline)
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'static, Result<Lease, LeaseError>> {
        self.inner.lease(request)
    }

    fn release(&self, fence: Fence) -> BoxFuture<'static, Result<(), LeaseError>> {
        self.inner.release(fence)
    }

    fn blob_put(&self, space: BlobSpace, bytes: Bytes) -> BoxFuture<'static, Result<BlobId, BlobError>> {
        self.inner.blob_put(space, bytes)
    }

    fn blob_get(&self, id: BlobId) -> BoxFuture<'static, Result<Bytes, BlobError>> {
        self.inner.blob_get(id)
    }

    fn export(
        &self,
        to: Option<PathBuf>,
        with_blobs: bool,
    ) -> BoxFuture<'static, Result<ExportReport, ExportError>> {
        self.inner.export(to, with_blobs)
    }

    fn maintain(&self, budget: MaintainBudget) -> BoxFuture<'static, Result<MaintainReport, MaintainError>> {
        self.inner.maintain(budget)
    }

    fn discard(&self, streams: Vec<StreamId>) -> BoxFuture<'static, Result<Discarded, MaintainError>> {
        self.inner.discard(streams)
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
