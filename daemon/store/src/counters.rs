//! Counts for `stats`; relaxed atomics, no order between them is promised.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) sync_us: AtomicU64,
    pub(crate) applied: AtomicU64,
    pub(crate) full: AtomicBool,
    pub(crate) overlay_bytes: AtomicU64,
}

pub(crate) fn load(of: &AtomicU64) -> u64 {
    of.load(Ordering::Relaxed)
}

pub(crate) fn store(of: &AtomicU64, value: u64) {
    of.store(value, Ordering::Relaxed);
}

pub(crate) fn add(to: &AtomicU64, n: u64) {
    to.fetch_add(n, Ordering::Relaxed);
}
