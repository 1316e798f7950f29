//! Request ids and leases.

use super::harness::{Harness, Outcome, ensure, key, put};
use crate::error::{CommitError, LeaseError};
use crate::types::{Fence, Guard, LeaseRequest, MaintainBudget, RequestKey, Txn};
use bytes::Bytes;
use std::time::Duration;

fn asked(id: u8, digest: u8, value: &str) -> Txn {
    Txn {
        request: Some(RequestKey {
            id: [id; 16],
            digest: [digest; 32],
        }),
        ..put("k", value)
    }
}

pub(super) async fn once(h: &dyn Harness) -> Outcome {
    let store = h.open("once")?;
    let first = store.commit(asked(1, 1, "first")).await?;
    let again = store.commit(asked(1, 1, "second")).await?;
    ensure!(again.position == first.position && again.replayed && !first.replayed);
    ensure!(store.get(b"k")?.is_some_and(|v| v.value == key("first")));
    ensure!(store.commit(asked(1, 2, "third")).await == Err(CommitError::RequestReused));
    // A repeated request is answered even where its guards no longer hold.
    let guarded = Txn {
        guards: vec![Guard::Absent(key("k"))],
        ..asked(1, 1, "x")
    };
    ensure!(store.commit(guarded).await?.replayed);
    // A refused one leaves nothing behind: it may be asked again.
    let refused = Txn {
        guards: vec![Guard::Absent(key("k"))],
        ..asked(2, 1, "x")
    };
    ensure!(matches!(
        store.commit(refused).await,
        Err(CommitError::Conflict(_))
    ));
    ensure!(!store.commit(asked(2, 1, "y")).await?.replayed);
    let together: Vec<_> = (0..8).map(|_| store.commit(asked(3, 1, "z"))).collect();
    let together = futures::future::join_all(together).await;
    ensure!(
        together
            .iter()
            .filter(|a| matches!(a, Ok(r) if !r.replayed))
            .count()
            == 1
    );
    ensure!(
        together
            .iter()
            .filter(|a| matches!(a, Ok(r) if r.replayed))
            .count()
            == 7
    );
    drop(store);
    let store = h.open("once")?;
    ensure!(store.commit(asked(1, 1, "later")).await?.position == first.position);
    Ok(())
}

pub(super) async fn remembered(h: &dyn Harness) -> Outcome {
    let store = h.open("remembered")?;
    let first = store.commit(asked(9, 1, "first")).await?;
    let head = store.head();
    store
        .maintain(MaintainBudget {
            settle: Some(Duration::from_secs(30)),
            ..MaintainBudget::default()
        })
        .await?;
    ensure!(store.head() == head);
    ensure!(store.commit(asked(9, 1, "again")).await?.position == first.position);
    Ok(())
}

pub(super) async fn leases(h: &dyn Harness) -> Outcome {
    let store = h.open("leases")?;
    let ask = |owner: &'static str, ttl| LeaseRequest {
        name: key("run/1"),
        owner: Bytes::from_static(owner.as_bytes()),
        ttl,
    };
    let hour = Duration::from_secs(3600);
    let first = store.lease(ask("a", hour)).await?;
    ensure!(matches!(store.lease(ask("b", hour)).await, Err(LeaseError::Held { owner, .. }) if owner == "a"));
    let renewed = store.lease(ask("a", Duration::ZERO)).await?;
    ensure!(renewed.number == first.number);
    let under = |fence: Fence| Txn {
        fence: Some(fence),
        ..put("k", "v")
    };
    store.commit(under(first.fence())).await?;
    // Renewed for no time at all: it is free now.
    let second = store.lease(ask("b", hour)).await?;
    ensure!(second.number > first.number);
    ensure!(store.commit(under(first.fence())).await == Err(CommitError::Fenced { found: second.number }));
    store.commit(under(second.fence())).await?;
    ensure!(matches!(
        store.release(first.fence()).await,
        Err(LeaseError::NotHeld { .. })
    ));
    store.release(second.fence()).await?;
    ensure!(matches!(
        store.release(second.fence()).await,
        Err(LeaseError::NotHeld { .. })
    ));
    ensure!(matches!(
        store.commit(under(second.fence())).await,
        Err(CommitError::Fenced { found }) if found > second.number
    ));
    // Free at once, though its term was an hour; a number is never given twice.
    let freed = store.lease(ask("c", hour)).await?;
    ensure!(freed.number > second.number + 1);
    store.release(freed.fence()).await?;
    let again = store.lease(ask("c", hour)).await?;
    ensure!(again.number > freed.number);
    let second = again;
    let never = Fence {
        lease: key("run/2"),
        number: 1,
    };
    ensure!(store.commit(under(never)).await == Err(CommitError::Fenced { found: 0 }));
    drop(store);
    let store = h.open("leases")?;
    ensure!(store.commit(under(second.fence())).await.is_ok());
    let third = store.lease(ask("a", hour)).await?;
    ensure!(third.number > second.number);
    store.release(third.fence()).await?;
    drop(store);
    let store = h.open("leases")?;
    ensure!(matches!(
        store.commit(under(third.fence())).await,
        Err(CommitError::Fenced { .. })
    ));
    ensure!(store.lease(ask("b", hour)).await?.number > third.number + 1);
    Ok(())
}
