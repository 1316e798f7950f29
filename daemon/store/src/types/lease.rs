//! Leases and their fencing numbers.

use super::ids::Key;
use bytes::Bytes;
use std::time::Duration;

/// Asking for a lease.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// What is leased.
    pub name: Key,
    /// Who asks; the same owner renews.
    pub owner: Bytes,
    /// From now, by the store's clock.
    pub ttl: Duration,
}

/// A granted lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: Key,
    /// To whom.
    pub owner: Bytes,
    /// Fencing number: one higher each time the owner changes.
    pub number: u64,
    /// Milliseconds since 1970 by the store's clock.
    pub until_ms: u64,
}

impl Lease {
    /// The fence for transactions under this lease.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence {
            lease: self.name.clone(),
            number: self.number,
        }
    }
}

/// A lease as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) name: Key,
    pub(crate) owner: Bytes,
    pub(crate) number: u64,
    pub(crate) until_ms: u64,
    pub(crate) epoch: u64,
}

/// The lease a transaction depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Name of the lease.
    pub lease: Key,
    /// Its fencing number as it was when the lease was granted.
    pub number: u64,
}
