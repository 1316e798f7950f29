//! The daemon's lease on its store: taken before it serves, renewed while it does, given back when it stops in order.
//!
//! On a store of one machine the lock of the directory keeps others out by itself, and a lease of a process that is gone
//! is void; where several daemons share a store, the next one does not have to wait out the term of one that stopped.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dirigent_store::{CommitError, Fence, Lease, LeaseError, LeaseRequest, Store};

use crate::swap::Swap;

/// What is leased.
const NAME: &[u8] = b"dirigentd";
const TERM: Duration = Duration::from_secs(3600);
const RENEW: Duration = Duration::from_secs(1200);
/// After a renewal that failed.
const AGAIN: Duration = Duration::from_secs(5);

/// The lease of this process.
pub(super) struct Tenure {
    store: Arc<dyn Store>,
    fence: Arc<Swap<Option<Fence>>>,
}

impl Tenure {
    /// Takes the lease; a nearly full disk does not keep the daemon from starting.
    pub(super) async fn begin(store: Arc<dyn Store>) -> Result<Arc<Self>, LeaseError> {
        let fence = match take(&*store).await {
            Ok(lease) => Some(lease.fence()),
            Err(LeaseError::Commit(CommitError::Full)) => None,
            Err(error) => return Err(error),
        };
        let fence = Arc::new(Swap::new(fence));
        Ok(Arc::new(Self { store, fence }))
    }

    /// What commits made under the lease are fenced with; none while it could not be taken.
    pub(super) fn fence(&self) -> Arc<Swap<Option<Fence>>> {
        Arc::clone(&self.fence)
    }

    /// Renews the lease until it is dropped.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut pause = RENEW;
        loop {
            tokio::time::sleep(pause).await;
            pause = if self.renew().await { RENEW } else { AGAIN };
        }
    }

    /// Renews the lease now; whether that worked.
    pub(super) async fn renew(&self) -> bool {
        match take(&*self.store).await {
            Ok(lease) => {
                let fence = Some(lease.fence());
                if *self.fence.get() != fence {
                    self.fence.set(fence);
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the lease on the store was not renewed");
                false
            }
        }
    }

    /// Gives the lease back.
    pub(super) async fn end(&self) {
        if let Some(fence) = &*self.fence.get()
            && let Err(error) = self.store.release(fence.clone()).await
        {
            tracing::warn!(%error, "the lease on the store was not given back");
        }
    }
}

async fn take(store: &dyn Store) -> Result<Lease, LeaseError> {
    let owner = format!("{} at epoch {}", std::process::id(), store.identity().epoch);
    let request = LeaseRequest {
        name: Bytes::from_static(NAME),
        owner: owner.into(),
        ttl: TERM,
    };
    store.lease(request).await
}
