//! What a bed shows of its runs, and waiting until it shows it.

use std::time::Duration;

use dirigent_daemon::records::{Journal, decode_event};
use dirigent_daemon::runtime::RuntimeError;
use dirigent_protocol::entity::{Entity, Kind, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, RunEvent, Status};
use dirigent_store::{Budget, Feed, FeedItem, Position, StreamId};
use serde_json::Value;

use crate::bed::{Bed, PATIENCE, dana};

impl Bed {
    pub(crate) fn execution(&self, run: RunId) -> WorkflowExecution {
        self.find(Kind::WorkflowExecution, run.into())
    }

    pub(crate) fn find<T: Entity>(&self, kind: Kind, id: EntityId) -> T {
        self.records()
            .get(kind, id)
            .unwrap()
            .unwrap()
            .document
            .body()
            .unwrap()
    }

    pub(crate) fn all<T: Entity>(&self, kind: Kind) -> Vec<T> {
        let found = self.records().all(kind, None, 1_000).unwrap();
        found
            .iter()
            .map(|stored| stored.document.body().unwrap())
            .collect()
    }

    /// The whole journal of a run, also what it has from another.
    pub(crate) fn events(&self, run: RunId) -> Vec<RunEvent> {
        let origin = self.execution(run).origin;
        let journal = Journal::of(&self.records(), run, origin.as_ref()).unwrap();
        let mut events: Vec<RunEvent> = Vec::new();
        let mut end = 0;
        loop {
            let after = events.last().map_or(0, |event| event.seq);
            let page = journal.page(&*self.store, after, Budget::default()).unwrap();
            if page.is_empty() {
                let read = events.len() as u64;
                assert!(end <= read, "of {end} events {read} can be read");
                // A run that goes on may have had another one meanwhile.
                end = journal.end(&*self.store).unwrap();
                if end == read {
                    break;
                }
            }
            for (event, _) in page {
                assert_eq!(event.seq, events.len() as u64 + 1, "gapless");
                events.push(event);
            }
        }
        events
    }

    /// Numbers and sizes of the events in the run's own stream.
    pub(crate) fn own_events(&self, run: RunId) -> Vec<(u64, usize)> {
        let mut events = Vec::new();
        let mut cursor = Position(0);
        loop {
            let page = self
                .store
                .read(Feed::Stream(StreamId(run.bytes())), cursor, Budget::default())
                .unwrap();
            if page.items.is_empty() {
                break;
            }
            for item in page.items {
                let FeedItem::Record { data, .. } = item else {
                    panic!()
                };
                events.push((decode_event(&data).unwrap().seq, data.len()));
            }
            cursor = page.next;
        }
        events
    }

    pub(crate) fn names(&self, run: RunId) -> Vec<&'static str> {
        self.events(run).iter().map(|event| event.body.name()).collect()
    }

    pub(crate) fn count(&self, run: RunId, name: &str) -> usize {
        self.names(run).iter().filter(|other| **other == name).count()
    }

    /// Waits until something holds; looks again after every commit.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let head = self.store.head();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what} did not come");
            self.store.wait(head, Duration::from_millis(500)).await;
        }
    }

    pub(crate) async fn ended(&self, run: RunId) -> WorkflowExecution {
        let ended = self
            .until("the end", |bed| {
                Some(bed.execution(run)).filter(|execution| execution.status.is_final())
            })
            .await;
        assert!(
            self.store
                .get(&[b"L".as_slice(), &run.bytes()].concat())
                .unwrap()
                .is_none(),
            "no row is left"
        );
        ended
    }

    pub(crate) async fn completed(&self, run: RunId) -> Value {
        let ended = self.ended(run).await;
        assert_eq!(ended.status, Status::Completed, "{:#}", ended.error);
        ended.output
    }

    pub(crate) async fn faulted(&self, run: RunId) -> Value {
        let ended = self.ended(run).await;
        assert_eq!(ended.status, Status::Faulted, "{:#}", ended.output);
        ended.error
    }

    pub(crate) async fn happens(&self, run: RunId, event: &str, times: usize) {
        self.until(event, |bed| (bed.count(run, event) >= times).then_some(()))
            .await;
    }

    /// Waits for a pending approval of the run.
    pub(crate) async fn asked(&self, run: RunId) -> (EntityId, WorkflowApproval) {
        self.until("an approval", |bed| {
            let found = bed.records().all(Kind::WorkflowApproval, None, 1_000).unwrap();
            found.iter().find_map(|stored| {
                let approval: WorkflowApproval = stored.document.body().unwrap();
                let fits = RunId::from(approval.run) == run && approval.decided_at.is_none();
                fits.then_some((stored.document.metadata.id, approval))
            })
        })
        .await
    }

    pub(crate) async fn decide(
        &self,
        id: EntityId,
        approval: &WorkflowApproval,
        decision: Decision,
    ) -> Result<(), RuntimeError> {
        let digest = approval.digest.parse().unwrap();
        self.runtime
            .decide(id, digest, decision, Some("because".into()), dana())
            .await
    }
}
