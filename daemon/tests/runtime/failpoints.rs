//! The daemon dies at each commit of a story, one after the other: just before it, and just behind it before anybody
//! heard. The same calls are then made again under the same keys, as a client does. Without Cargo features: through the
//! store's own trait.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Decision, Status};
use dirigent_store::{
    BlobError, BlobId, BlobSpace, Budget, CommitError, ExportError, ExportReport, Feed, FeedPage, Fence,
    Identity, Lease, LeaseError, LeaseRequest, MaintainBudget, MaintainError, MaintainReport, Position,
    ReadError, Receipt, ScanPage, ScanRange, Stats, Store, StreamId, Txn, Versioned,
};
use futures::future::{BoxFuture, FutureExt, pending};
use serde_json::json;
use tokio::sync::Notify;

use crate::bed::Bed;
use crate::server::Reply;

/// Where in a commit the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    Behind,
}

/// A store that answers nobody any more from one commit on.
struct Dying {
    inner: Arc<dyn Store>,
    left: AtomicI64,
    moment: Moment,
    died: Notify,
}

impl Dying {
    fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

/// The store as the runtime has it.
struct Through(Arc<Dying>);

impl Store for Through {
    fn identity(&self) -> Identity {
        self.0.inner.identity()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<Receipt, CommitError>> {
        let dying = self.0.clone();
        let left = dying.left.fetch_sub(1, Ordering::SeqCst) - 1;
        if left >= 0 {
            return dying.inner.commit(txn);
        }
        let last = (left == -1 && dying.moment == Moment::Behind).then(|| dying.inner.commit(txn));
        async move {
            if let Some(last) = last {
                drop(last.await);
            }
            dying.died.notify_one();
            pending().await
        }
        .boxed()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, ReadError> {
        self.0.inner.get(key)
    }

    fn scan(&self, range: ScanRange) -> Result<ScanPage, ReadError> {
        self.0.inner.scan(range)
    }

    fn read(&self, of: Feed, cursor: Position, budget: Budget) -> Result<FeedPage, ReadError> {
        self.0.inner.read(of, cursor, budget)
    }

    fn stream_end(&self, stream: StreamId) -> Result<u64, ReadError> {
        self.0.inner.stream_end(stream)
    }

    fn head(&self) -> Position {
        self.0.inner.head()
    }

    fn wait(&self, after: Position, deadline: Duration) -> BoxFuture<'static, Position> {
        self.0.inner.wait(after, deadline)
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'static, Result<Lease, LeaseError>> {
        self.0.inner.lease(request)
    }

    fn release(&self, fence: Fence) -> BoxFuture<'static, Result<(), LeaseError>> {
        self.0.inner.release(fence)
    }

    fn blob_put(&self, space: BlobSpace, bytes: Bytes) -> BoxFuture<'static, Result<BlobId, BlobError>> {
        self.0.inner.blob_put(space, bytes)
    }

    fn blob_get(&self, id: BlobId) -> BoxFuture<'static, Result<Bytes, BlobError>> {
        self.0.inner.blob_get(id)
    }

    fn export(
        &self,
        to: Option<PathBuf>,
        with_blobs: bool,
    ) -> BoxFuture<'static, Result<ExportReport, ExportError>> {
        self.0.inner.export(to, with_blobs)
    }

    fn maintain(&self, budget: MaintainBudget) -> BoxFuture<'static, Result<MaintainReport, MaintainError>> {
        self.0.inner.maintain(budget)
    }

    fn stats(&self) -> Stats {
        self.0.inner.stats()
    }
}

const STEPS: usize = 7;

/// Two runs of a definition that has one at a time: steps that are counted outside, branches, a question, a timer.
async fn story(bed: &Bed) -> [RunId; 2] {
    let url = bed.server.url("/n");
    let tasks = format!(
        "do:
  - out: {{ call: http, with: {{ method: post, endpoint: '{url}' }} }}
  - both: {{ fork: {{ branches: [ {{ left: {{ call: noop }} }}, {{ right: {{ set: {{ x: 1 }} }} }} ] }} }}
  - ask: {{ call: approval, with: {{ title: 'Go on?', action: go }} }}
  - rest: {{ wait: {{ milliseconds: 5 }} }}
  - end: {{ call: noop }}
"
    );
    let version = bed.publish_with("runs: { limit: 1 }", &tasks).await;
    let mut runs = [RunId::nil(); 2];
    for (n, run) in runs.iter_mut().enumerate() {
        let started = bed
            .begin(version.clone(), json!({}), Some(&format!("story-{n}")))
            .await;
        *run = started.unwrap().run;
    }
    for run in runs {
        if bed.execution(run).status.is_final() {
            continue;
        }
        let asked = bed
            .until("the question, or the end", |bed| {
                let events = bed.names(run);
                let asked = events.contains(&"approval.requested");
                (asked || bed.execution(run).status.is_final()).then_some(asked)
            })
            .await;
        if asked && !bed.names(run).contains(&"approval.decided") {
            let (id, approval) = bed.asked(run).await;
            // Somebody was first where the decision before the death had become durable.
            drop(
                bed.decide(id, &approval, Decision::Approve { edited: None })
                    .await,
            );
        }
        bed.ended(run).await;
    }
    runs
}

fn check(bed: &Bed, runs: [RunId; 2], at: &str) {
    for run in runs {
        assert_eq!(bed.execution(run).status, Status::Completed, "{at}");
        assert_eq!(bed.count(run, "workflow.started"), 1, "{at}");
        assert_eq!(
            bed.count(run, "task.started"),
            STEPS,
            "{at}: {:?}",
            bed.names(run)
        );
        assert_eq!(bed.count(run, "effect.settled"), 3, "{at}: {:?}", bed.names(run));
        assert_eq!(bed.count(run, "approval.decided"), 1, "{at}");
        let keys = bed.server.keys("/n");
        let own: Vec<&String> = keys
            .iter()
            .filter(|key| key.starts_with(&run.to_string()))
            .collect();
        assert!(
            !own.is_empty() && own.iter().all(|key| *key == own[0]),
            "{at}: {own:?}"
        );
    }
    let [first, second] = runs.map(|run| bed.execution(run));
    assert!(first.ended_at <= second.started_at, "{at}: two at once");
}

async fn dies_at(at: i64, moment: Moment) -> bool {
    let script = Arc::new(|_: &str, _: usize| Reply::Json(200, "{}"));
    let mut bed = Bed::with(script, |settings| settings.max_crashes = 1_000).await;
    let dying = Arc::new(Dying {
        inner: bed.store.clone(),
        left: AtomicI64::new(at),
        moment,
        died: Notify::new(),
    });
    let through = dying.clone();
    bed = bed.through(|_| Arc::new(Through(through))).await;
    tokio::select! {
        runs = story(&bed) => {
            check(&bed, runs, "without a death");
            return false;
        }
        () = dying.died.notified() => {}
    }
    assert!(dying.is_dead());
    drop(dying);
    let bed = bed.crash().await;
    let runs = story(&bed).await;
    check(&bed, runs, &format!("dead {moment:?} commit {at}"));
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_commit_loses_nothing_and_does_nothing_twice() {
    for moment in [Moment::Before, Moment::Behind] {
        let mut at = 0;
        while dies_at(at, moment).await {
            at += 1;
        }
        assert!(at >= 12, "{at} commits are too few for this story");
        println!("{at} deaths {moment:?} a commit");
    }
}
