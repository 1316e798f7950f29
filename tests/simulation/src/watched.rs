//! The store as the daemon gets it: the real one, with the model listening. Nothing is answered once a life is over.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dirigent_store::{
    BlobError, BlobId, BlobSpace, Budget, CommitError, Discarded, ExportError, ExportReport, Feed, FeedPage,
    Fence, Identity, Lease, LeaseError, LeaseRequest, MaintainBudget, MaintainError, MaintainReport,
    Position, ReadError, Receipt, ScanPage, ScanRange, Stats, Store, StreamId, Txn, Versioned,
};
use futures::future::{BoxFuture, FutureExt};
use tokio::sync::Notify;

use crate::model::{Content, Model};
use crate::world::World;

/// Longer than any life.
const FOR_EVER: Duration = Duration::from_secs(20 * 3_600);

pub(crate) struct Watched {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) world: Arc<World>,
    /// There is work for the store's hands.
    pub(crate) work: Arc<Notify>,
}

impl Store for Watched {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<Receipt, CommitError>> {
        let (world, content) = (self.world.clone(), Content::of(&txn));
        world.model().submit(&content);
        let answer = self.inner.commit(txn);
        self.work.notify_one();
        async move {
            let answer = answer.await;
            world.still().await;
            match &answer {
                Ok(receipt) if receipt.replayed => world.note(|| format!("repeats {}", receipt.position.0)),
                Ok(receipt) => {
                    world.committed();
                    let told = world.model().acknowledge(receipt.position.0, &content);
                    match told {
                        Ok(events) => {
                            world.note(|| format!("commit {} {}", receipt.position.0, Model::names(&events)));
                        }
                        Err(what) => world.violate(what),
                    }
                }
                Err(error) => world.note(|| format!("no commit: {error}")),
            }
            answer
        }
        .boxed()
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

    /// The store's own deadlines are by the machine's clock; here they are by the simulated one.
    fn wait(&self, after: Position, deadline: Duration) -> BoxFuture<'static, Position> {
        let (store, waiting) = (self.inner.clone(), self.inner.wait(after, FOR_EVER));
        async move {
            match tokio::time::timeout(deadline, waiting).await {
                Ok(head) => head,
                Err(_) => store.head(),
            }
        }
        .boxed()
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'static, Result<Lease, LeaseError>> {
        let answer = self.inner.lease(request);
        self.work.notify_one();
        answer
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
