//! The store of one machine: joins the contract to the rooms that keep it.
//!
//! Dropping the last handle closes: what is queued is written and answered, what is acknowledged goes into sled, threads
//! end, the lock is given back. It blocks meanwhile.

use crate::blob;
use crate::contract::Store;
use crate::counters;
use crate::error::{
    BlobError, CommitError, ExportError, IoFault, LeaseError, MaintainError, Part, ReadError,
};
use crate::feed;
use crate::occupied::Lock;
use crate::queue::{self, Job};
use crate::scan;
use crate::shared::Shared;
use crate::spare::Spares;
use crate::sync::{lock, read};
use crate::types::{
    BlobId, BlobSpace, Budget, Discarded, ExportReport, Feed, FeedPage, Fence, Identity, Lease, LeaseRequest,
    MaintainBudget, MaintainReport, Position, Progress, Receipt, ScanPage, ScanRange, Stats, StreamId, Txn,
    Versioned,
};
use crate::{codec, discard, export, maintain, writer};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Above this much, a rebuild takes minutes.
const STATE_ALARM: u64 = 2 << 30;

/// A small state is built again within this; reads wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct LocalStore {
    shared: Arc<Shared>,
    spares: Arc<Spares>,
    pub(crate) writer: Option<JoinHandle<()>>,
    pub(crate) applier: Option<JoinHandle<()>>,
    pub(crate) spare: Option<JoinHandle<()>>,
    pub(crate) waiter: Option<JoinHandle<()>>,
    /// Blob, export and upkeep threads under way.
    helpers: Mutex<Vec<JoinHandle<()>>>,
    _lock: Lock,
}

impl LocalStore {
    pub(crate) fn new(shared: Arc<Shared>, spares: Arc<Spares>, lock: Lock) -> Self {
        let helpers = Mutex::new(Vec::new());
        Self {
            shared,
            spares,
            writer: None,
            applier: None,
            spare: None,
            waiter: None,
            helpers,
            _lock: lock,
        }
    }

    fn push<T: Send + 'static, E: From<CommitError> + Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Job,
    ) -> BoxFuture<'static, Result<T, E>> {
        if let Some(failure) = self.shared.failure() {
            return ready(Err(CommitError::Failed(failure).into())).boxed();
        }
        let (answer, answered) = oneshot::channel();
        let job = job(answer);
        let overlay = counters::load(&self.shared.counters.overlay_bytes);
        if overlay + job.size() > self.shared.options.overlay_bytes {
            return ready(Err(queue::overloaded().into())).boxed();
        }
        match self.shared.queue.push(job) {
            Ok(()) => async move {
                answered
                    .await
                    .unwrap_or_else(|_| Err(CommitError::Unknown.into()))
            }
            .boxed(),
            Err(e) => ready(Err(e.into())).boxed(),
        }
    }

    /// Runs blocking work on a thread of its own; where it stands if the store has no threads.
    fn helper<T: Send + 'static, E: From<IoFault> + Send + 'static>(
        &self,
        name: &'static str,
        closed: E,
        work: impl FnOnce(&Shared) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, E>> {
        if self.writer.is_none() {
            return ready(work(&self.shared)).boxed();
        }
        let (answer, answered) = oneshot::channel();
        let body = writer::with(&self.shared, move |shared| drop(answer.send(work(shared))));
        match writer::spawn(name, body) {
            Ok(handle) => {
                let mut helpers = lock(&self.helpers);
                helpers.retain(|h| !h.is_finished());
                helpers.push(handle);
                async move { answered.await.unwrap_or(Err(closed)) }.boxed()
            }
            Err(e) => ready(Err(IoFault::new(
                "start a thread for",
                &self.shared.layout.dir,
                e,
            )
            .into()))
            .boxed(),
        }
    }

    /// A read that meets a state being built waits for it: shortly, and only in the first moments of its loss.
    fn patiently<T>(&self, read: impl Fn(&Shared) -> Result<T, ReadError>) -> Result<T, ReadError> {
        match read(&self.shared) {
            Err(ReadError::Rebuilding { .. }) if self.writer.is_some() => {
                self.shared.state.wait(PATIENCE);
                read(&self.shared)
            }
            other => other,
        }
    }

    fn blob_helper<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, BlobError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BlobError>> {
        let busy = self.shared.blobs.busy.fetch_add(1, Ordering::AcqRel);
        if busy >= blob::AT_ONCE {
            self.shared.blobs.busy.fetch_sub(1, Ordering::AcqRel);
            return ready(Err(BlobError::Overloaded {
                retry_after: Duration::from_millis(20),
            }))
            .boxed();
        }
        self.helper("blob", BlobError::Closed, move |shared| {
            let done = work(shared);
            shared.blobs.busy.fetch_sub(1, Ordering::AcqRel);
            done
        })
    }
}

impl Store for LocalStore {
    fn identity(&self) -> Identity {
        self.shared.identity
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<Receipt, CommitError>> {
        let (size, limit) = (codec::size(&txn), self.shared.options.txn_limit());
        if size > limit {
            return ready(Err(CommitError::TooLarge {
                part: Part::Txn,
                limit,
                found: size,
            }))
            .boxed();
        }
        self.push(|answer| Job::Commit {
            txn: Box::new(txn),
            size,
            answer,
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, ReadError> {
        self.patiently(|shared| shared.get(key))
    }

    fn scan(&self, range: ScanRange) -> Result<ScanPage, ReadError> {
        self.patiently(|shared| scan::page(shared, range.clone()))
    }

    fn read(&self, of: Feed, cursor: Position, budget: Budget) -> Result<FeedPage, ReadError> {
        self.patiently(|shared| feed::page(shared, of, cursor, budget))
    }

    fn stream_end(&self, stream: StreamId) -> Result<u64, ReadError> {
        self.patiently(|shared| feed::stream_end(shared, stream).map(|end| end.seq))
    }

    fn head(&self) -> Position {
        self.shared.head()
    }

    fn wait(&self, after: Position, deadline: Duration) -> BoxFuture<'static, Position> {
        match self.shared.waiters.register(after, deadline) {
            Err(head) => ready(head).boxed(),
            Ok(answered) => async move { answered.await.unwrap_or(after) }.boxed(),
        }
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'static, Result<Lease, LeaseError>> {
        self.push(|answer| Job::Lease { request, answer })
    }

    fn release(&self, fence: Fence) -> BoxFuture<'static, Result<(), LeaseError>> {
        self.push(|answer| Job::Release { fence, answer })
    }

    fn blob_put(&self, space: BlobSpace, bytes: Bytes) -> BoxFuture<'static, Result<BlobId, BlobError>> {
        self.blob_helper(move |shared| shared.blobs.put(space, &bytes))
    }

    fn blob_get(&self, id: BlobId) -> BoxFuture<'static, Result<Bytes, BlobError>> {
        self.blob_helper(move |shared| shared.blobs.get(id))
    }

    fn export(
        &self,
        to: Option<PathBuf>,
        with_blobs: bool,
    ) -> BoxFuture<'static, Result<ExportReport, ExportError>> {
        self.helper("export", ExportError::Closed, move |shared| {
            export::write(shared, to, with_blobs)
        })
    }

    fn maintain(&self, budget: MaintainBudget) -> BoxFuture<'static, Result<MaintainReport, MaintainError>> {
        self.helper("maintain", MaintainError::Closed, move |shared| {
            maintain::run(shared, &budget)
        })
    }

    fn discard(&self, streams: Vec<StreamId>) -> BoxFuture<'static, Result<Discarded, MaintainError>> {
        self.helper("discard", MaintainError::Closed, move |shared| {
            discard::run(shared, &streams)
        })
    }

    fn stats(&self) -> Stats {
        let shared = &self.shared;
        let (head, since) = {
            let overlay = read(&shared.overlay);
            (overlay.head, overlay.waiting_since())
        };
        let (archived, archive_bytes) = shared.archive.figures();
        let state = shared.state.get();
        let (state_bytes, state_blobs) =
            state.map_or((0, 0), |state| (state.bytes(), state.own_blobs() as u64));
        Stats {
            head,
            applied: Position(counters::load(&shared.counters.applied)),
            commits: counters::load(&shared.counters.commits),
            groups: counters::load(&shared.counters.groups),
            lag_ms: since.map_or(0, |since| {
                u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
            }),
            overlay_bytes: counters::load(&shared.counters.overlay_bytes),
            queued: shared.queue.len(),
            segments: shared.catalog.count(),
            journal_bytes: shared.catalog.bytes(),
            state_bytes,
            state_alarm: state_bytes > STATE_ALARM,
            rebuilding: shared.state.is_lost().then(|| {
                let (done, total) = shared.state.progress();
                Progress {
                    done,
                    total,
                    rebuild: true,
                }
            }),
            resting: shared.archive.resting(),
            archived,
            archive_bytes,
            state_blobs,
            sync_us: counters::load(&shared.counters.sync_us),
            full: shared.counters.full.load(Ordering::Relaxed),
            failed: shared.failure().is_some(),
        }
    }
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        self.shared.queue.close();
        join(self.writer.take());
        for helper in std::mem::take(&mut *lock(&self.helpers)) {
            join(Some(helper));
        }
        lock(&self.shared.applying.state).closing = true;
        self.shared.applying.changed.notify_all();
        join(self.applier.take());
        self.spares.close();
        join(self.spare.take());
        self.shared.waiters.close();
        join(self.waiter.take());
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread
        && thread.join().is_err()
    {
        tracing::error!("a thread of the store panicked");
    }
}
