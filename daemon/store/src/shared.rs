//! What the store's threads and its callers share.
//!
//! Order of visibility: journal synced, then overlay, then head and waiters, then the answer. Order of locks: none is
//! taken while another of this file is held, except `health` inside nothing.

use crate::archive::Archive;
use crate::blob::Blobs;
use crate::blob_key::BlobKey;
use crate::catalog::Catalog;
use crate::counters::{self, Counters};
use crate::error::{Failure, ReadError, StateFault};
use crate::layout::Layout;
use crate::options::Options;
use crate::overlay::Overlay;
use crate::queue::Queue;
use crate::sled_state::State;
use crate::slot::Slot;
use crate::sync::{lock, read, write};
use crate::types::{Commit, Identity, Position, Versioned};
use crate::waiters::Waiters;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};

/// Whoever needs the state while there is none may ask again after this.
pub(crate) const REBUILD_PAUSE: Duration = Duration::from_millis(250);

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) overlay: RwLock<Overlay>,
    pub(crate) state: Slot,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) queue: Queue,
    pub(crate) waiters: Waiters,
    pub(crate) blobs: Blobs,
    pub(crate) archive: Archive,
    pub(crate) counters: Counters,
    pub(crate) applying: Applying,
    failure: Mutex<Option<Failure>>,
}

/// Signals between writer, applier and whoever waits for the state to catch up.
#[derive(Default)]
pub(crate) struct Applying {
    pub(crate) state: Mutex<ApplyState>,
    pub(crate) changed: Condvar,
}

#[derive(Default)]
pub(crate) struct ApplyState {
    pub(crate) applied: Position,
    /// Somebody waits: do not dawdle.
    pub(crate) hurry: bool,
    pub(crate) pending: bool,
    pub(crate) closing: bool,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        identity: Identity,
        state: State,
        archive: Archive,
        blob_key: Option<BlobKey>,
        catalog: Arc<Catalog>,
        head: Position,
    ) -> Self {
        let layout = Layout::new(&options.dir);
        let applying = Applying::default();
        lock(&applying.state).applied = head;
        let counters = Counters::default();
        counters::store(&counters.applied, head.0);
        Self {
            blobs: Blobs::new(options.disk.clone(), layout.clone(), blob_key),
            archive,
            layout,
            identity,
            overlay: RwLock::new(Overlay::new(head)),
            state: Slot::new(state),
            catalog,
            queue: Queue::default(),
            waiters: Waiters::new(head),
            counters,
            applying,
            failure: Mutex::new(None),
            options,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.options.clock)()
    }

    pub(crate) fn head(&self) -> Position {
        read(&self.overlay).head
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        lock(&self.failure).clone()
    }

    /// The first failure stays; from here on nothing is acknowledged.
    pub(crate) fn fail(&self, failure: Failure) {
        tracing::error!(error = %failure, dir = %self.layout.dir.display(), "the store stops acknowledging");
        let mut known = lock(&self.failure);
        let first = known.is_none();
        known.get_or_insert(failure);
        drop(known);
        if first && let Some(tell) = &self.options.on_failure {
            tell();
        }
    }

    /// Asks the state; one that fails is taken out of use.
    pub(crate) fn ask<T>(&self, work: impl FnOnce(&State) -> Result<T, StateFault>) -> Result<T, ReadError> {
        let state = self.state()?;
        work(&state).map_err(|fault| self.suspect(&state, fault))
    }

    /// The state in use.
    pub(crate) fn state(&self) -> Result<Arc<State>, ReadError> {
        self.state.get().map_err(|fault| self.without_state(fault))
    }

    fn without_state(&self, fault: StateFault) -> ReadError {
        match (self.failure(), fault) {
            (Some(Failure::State(fault)), _) => ReadError::State(fault),
            (_, StateFault::Rebuilding { done, total }) => ReadError::Rebuilding {
                done,
                total,
                retry_after: REBUILD_PAUSE,
            },
            (_, fault) => ReadError::State(fault),
        }
    }

    /// Takes a state out of use that is not to be trusted. The applier builds another one; should the process end before,
    /// the next open does.
    pub(crate) fn suspect(&self, state: &Arc<State>, fault: StateFault) -> ReadError {
        if self.state.is_current(state) {
            // Before it is out of use, so that nobody falls between.
            write(&self.overlay).revive();
        }
        if self.state.take_out(state) {
            tracing::error!(error = %fault, "the state failed");
            let mark = self.layout.state_suspect();
            if let Err(e) = std::fs::write(&mark, fault.to_string()) {
                tracing::error!(error = %e, "the mark for a rebuild could not be written");
            }
            if state.is_kept() {
                // Whoever looked before it was lost waits by now, and hears this.
                drop(lock(&self.applying.state));
                self.applying.changed.notify_all();
            } else {
                self.fail(Failure::State(fault));
            }
        }
        self.without_state(StateFault::Rebuilding { done: 0, total: 0 })
    }

    /// Makes synced commits visible to everyone.
    pub(crate) fn publish(&self, commits: &[Arc<Commit>]) {
        let Some(last) = commits.last() else { return };
        let bytes = {
            let mut overlay = write(&self.overlay);
            overlay.publish(commits, Instant::now());
            overlay.pending_bytes()
        };
        commits.iter().for_each(|commit| self.archive.note(commit));
        counters::store(&self.counters.overlay_bytes, bytes);
        counters::add(&self.counters.commits, commits.len() as u64);
        counters::add(&self.counters.groups, 1);
        self.waiters.publish(last.position);
        let mut applying = lock(&self.applying.state);
        if !applying.pending {
            applying.pending = true;
            self.applying.changed.notify_all();
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Versioned>, ReadError> {
        if let Some((revision, value)) = read(&self.overlay).key(key) {
            return Ok(value.map(|value| Versioned { revision, value }));
        }
        self.ask(|state| state.value(key))
    }

    /// Waits until sled holds `wanted`, at most `patience`; answers what it holds then.
    pub(crate) fn settle(&self, wanted: Position, patience: Duration) -> Position {
        let until = Instant::now() + patience;
        let mut applying = lock(&self.applying.state);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if applying.applied >= wanted || left.is_zero() || applying.closing {
                return applying.applied;
            }
            applying.hurry = true;
            self.applying.changed.notify_all();
            let waited = self.applying.changed.wait_timeout(applying, left);
            applying = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}
