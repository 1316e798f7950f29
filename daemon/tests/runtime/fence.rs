//! Two daemons and one run: who lost the lease commits nothing.

use bytes::Bytes;
use dirigent_daemon::runtime::RuntimeError;
use dirigent_protocol::run::{Decision, Status};
use dirigent_store::{CommitError, Fence, LeaseRequest};
use serde_json::json;
use std::time::Duration;

use crate::bed::{Bed, dana};

const ASK: &str = "do:
  - ask: { call: approval, with: { title: Go on?, action: go on, risk: low } }
";
const YES: Decision = Decision::Approve { edited: None };

impl Bed {
    /// A lease that is over at once, so that the next one can take it.
    async fn lease(&self, owner: &'static str) -> Fence {
        let request = LeaseRequest {
            name: Bytes::from_static(b"runs"),
            owner: Bytes::from_static(owner.as_bytes()),
            ttl: Duration::ZERO,
        };
        self.store.lease(request).await.unwrap().fence()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_of_an_older_lease_is_refused_by_name_and_changes_nothing() {
    let bed = Bed::new().await;
    let first = bed.lease("one").await;
    bed.fence.set(Some(first.clone()));
    let run = bed.start_with(ASK, json!({})).await;
    let (id, asked) = bed.asked(run).await;

    let second = bed.lease("two").await;
    assert!(second.number > first.number);
    let rival = bed.rival(second.clone()).await;
    let before = bed.store.head();
    let refused = bed.decide(id, &asked, YES).await.unwrap_err();
    assert!(
        matches!(refused, RuntimeError::Commit(CommitError::Fenced { found }) if found == second.number),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("lease"), "{refused}");
    assert_eq!(bed.store.head(), before, "nothing was committed");
    let still = bed.asked(run).await;
    assert_eq!(still.0, id, "it waits as it did");

    // Whoever holds the lease goes on with the run.
    let digest = asked.digest.parse().unwrap();
    rival.decide(id, digest, YES, None, dana()).await.unwrap();
    let ended = bed.ended(run).await;
    assert_eq!(ended.status, Status::Completed, "{:#}", ended.error);
    rival.shutdown(Duration::ZERO).await;
}
