//! The state in use, and what is known while there is none.
//!
//! Invariant: a state that failed is never asked again. Whoever notices takes it out; the applier builds the next one.

use crate::error::StateFault;
use crate::sled_state::State;
use crate::sync::{lock, read, write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// States that may be lost within `WHILE` before the store gives up: something else is wrong then.
const MOST: usize = 3;
const WHILE: Duration = Duration::from_secs(3600);
/// After a build that failed the next one waits this long, and four times longer after each: what is wrong with a disk
/// may pass.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) struct Slot {
    current: RwLock<Option<Arc<State>>>,
    lost: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    losses: Mutex<Vec<Instant>>,
    /// The next build does not begin before this, and the one after it so much later.
    next: Mutex<Option<(Instant, Duration)>>,
    found: Condvar,
}

impl Slot {
    pub(crate) fn new(state: State) -> Self {
        Self {
            current: RwLock::new(Some(Arc::new(state))),
            lost: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            losses: Mutex::default(),
            next: Mutex::default(),
            found: Condvar::new(),
        }
    }

    /// The state; a fault while there is none.
    pub(crate) fn get(&self) -> Result<Arc<State>, StateFault> {
        let current = read(&self.current).clone();
        current.ok_or_else(|| {
            let (done, total) = self.progress();
            StateFault::Rebuilding { done, total }
        })
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Is this the state in use?
    pub(crate) fn is_current(&self, state: &Arc<State>) -> bool {
        read(&self.current)
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, state))
    }

    /// Takes a state out of use, the first time somebody says so. Where it is dropped, sled may hang: that is a thread of
    /// its own.
    pub(crate) fn take_out(&self, state: &Arc<State>) -> bool {
        let mut current = write(&self.current);
        if !current.as_ref().is_some_and(|c| Arc::ptr_eq(c, state)) {
            return false;
        }
        let failed = current.take();
        self.set_progress(0, 0);
        self.lost.store(true, Ordering::Release);
        drop(current);
        lock(&self.losses).push(Instant::now());
        let dropping = std::thread::Builder::new()
            .name("store-drop".into())
            .spawn(move || drop(failed));
        if let Err(e) = dropping {
            tracing::warn!(error = %e, "no thread to close the failed state");
        }
        true
    }

    /// Is it worth building another one?
    pub(crate) fn may_try(&self) -> bool {
        let mut losses = lock(&self.losses);
        losses.retain(|at| at.elapsed() < WHILE);
        losses.len() <= MOST
    }

    /// Is it time to build another one?
    pub(crate) fn is_due(&self) -> bool {
        lock(&self.next).is_none_or(|(next, _)| next <= Instant::now())
    }

    /// An attempt to build one failed.
    pub(crate) fn note_failure(&self) {
        let now = Instant::now();
        lock(&self.losses).push(now);
        let mut next = lock(&self.next);
        let pause = next.map_or(PAUSE, |(_, pause)| pause);
        *next = Some((now + pause, pause * 4));
    }

    pub(crate) fn put(&self, state: State) {
        *write(&self.current) = Some(Arc::new(state));
        self.lost.store(false, Ordering::Release);
        *lock(&self.next) = None;
        let _losses = lock(&self.losses);
        self.found.notify_all();
    }

    /// Waits for the next state, until `patience` after the loss of the last one; false if there is still none.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let losses = lock(&self.losses);
        let since = losses.last().map(Instant::elapsed).unwrap_or_default();
        let left = patience.saturating_sub(since);
        let waited = self.found.wait_timeout_while(losses, left, |_| self.is_lost());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        !self.is_lost()
    }

    pub(crate) fn set_progress(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Commits replayed, and commits to replay.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (load(&self.done), load(&self.total))
    }
}
