//! The applier's thread: carries acknowledged commits into sled, behind the journal.
//!
//! A round takes what came together within 100 ms, at most 8 MiB, applies it in small batches and makes it durable with
//! one flush and one sync, so that a round stays below 250 ms of data. It never runs while the disk is nearly full, because
//! sled does not survive that. A state that fails is built again here, from exports,
//! archive and journal, while commits go on in the overlay; where that fails too, the store stops acknowledging.

use crate::counters;
use crate::error::{Failure, OpenError, StateFault};
use crate::meta::Noted;
use crate::renew;
use crate::shared::Shared;
use crate::sled_apply::batches;
use crate::sled_state::State;
use crate::sync::{lock, read, write};
use crate::types::{Commit, Position};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Lets writes of the same keys come together.
const GATHER: Duration = Duration::from_millis(100);
/// A full disk and a lost state are looked at this often.
const LOOK: Duration = Duration::from_secs(1);
/// The disk is looked at this often when nothing happens; it is looked at before every round.
const REST: Duration = Duration::from_secs(10);
const ROUND_BYTES: u64 = 8 << 20;

/// Body of the applier's thread. At the end everything acknowledged is in sled, unless sled failed.
pub(crate) fn run(shared: &Shared, noted: &Noted) {
    loop {
        let closing = wait(shared);
        if closing && shared.state.is_lost() || !turn(shared, noted) {
            break;
        }
        let done = read(&shared.overlay).waiting_since().is_none();
        if closing && (done || shared.counters.full.load(Ordering::Relaxed)) {
            break;
        }
    }
    lock(&shared.applying.state).closing = true;
    shared.applying.changed.notify_all();
    if let Err(e) = noted.sync() {
        tracing::warn!(error = %e, "the note of the applied position was not synced");
    }
}

/// One round, unless the disk is nearly full; false once the state has failed.
pub(crate) fn turn(shared: &Shared, noted: &Noted) -> bool {
    look_at_disk(shared);
    if shared.counters.full.load(Ordering::Relaxed) {
        return true;
    }
    if shared.state.is_lost() {
        return !shared.state.is_due() || renew(shared);
    }
    if let Ok(state) = shared.state()
        && let Err(fault) = round(shared, &state, noted)
    {
        drop(shared.suspect(&state, fault));
    }
    shared.failure().is_none()
}

/// Builds the state again; false once that is hopeless.
fn renew(shared: &Shared) -> bool {
    let built = if shared.state.may_try() {
        renew::renew(shared)
    } else {
        Err(OpenError::State {
            dir: shared.layout.state(),
            fault: StateFault::Row,
        })
    };
    match built {
        Ok(upto) => {
            arrived(shared, upto);
            true
        }
        Err(error) => {
            tracing::error!(%error, "the state could not be built again");
            shared.state.note_failure();
            let hopeless = !shared.state.may_try();
            if hopeless {
                shared.fail(Failure::State(StateFault::Failed(error.to_string())));
            }
            !hopeless
        }
    }
}

/// Until there is something to do; answers whether the store closes.
fn wait(shared: &Shared) -> bool {
    let applying = &shared.applying;
    let started = Instant::now();
    let mut state = lock(&applying.state);
    loop {
        let gathered = read(&shared.overlay)
            .waiting_since()
            .is_some_and(|since| since.elapsed() >= GATHER);
        let backlog = shared.counters.overlay_bytes.load(Ordering::Relaxed) >= ROUND_BYTES / 2;
        let lost = shared.state.is_lost();
        // On a full disk nothing can be done but look again.
        let able = !shared.counters.full.load(Ordering::Relaxed);
        let work = if lost {
            shared.state.is_due()
        } else {
            state.pending && (gathered || backlog || state.hurry)
        };
        let trouble = lost || !able;
        let limit = if trouble || state.pending { LOOK } else { REST };
        if state.closing || started.elapsed() >= limit || able && work {
            return state.closing;
        }
        let soon = able && (state.pending || lost);
        let patience = if soon { GATHER / 4 } else { limit };
        state = applying
            .changed
            .wait_timeout(state, patience)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

fn look_at_disk(shared: &Shared) {
    let free = shared.options.disk.free_bytes(&shared.layout.dir);
    let full = free.is_ok_and(|free| free < shared.options.min_free_bytes);
    if shared.counters.full.swap(full, Ordering::Relaxed) != full {
        tracing::warn!(full, "free space crossed the limit");
    }
}

fn round(shared: &Shared, state: &State, noted: &Noted) -> Result<(), StateFault> {
    let commits = read(&shared.overlay).unapplied(ROUND_BYTES);
    let Some(last) = commits.last() else {
        rest(shared);
        return Ok(());
    };
    for batch in batches(&commits) {
        state.apply(batch)?;
        retire(shared, batch);
    }
    state.persist()?;
    if let Err(e) = noted.write(last.position) {
        tracing::warn!(error = %e, "the applied position was not noted");
    }
    arrived(shared, last.position);
    Ok(())
}

fn retire(shared: &Shared, batch: &[Arc<Commit>]) {
    let mut overlay = write(&shared.overlay);
    overlay.retire(batch);
    counters::store(&shared.counters.overlay_bytes, overlay.pending_bytes());
}

fn arrived(shared: &Shared, applied: Position) {
    counters::store(&shared.counters.applied, applied.0);
    let mut state = lock(&shared.applying.state);
    state.applied = applied;
    drop(state);
    rest(shared);
    shared.applying.changed.notify_all();
}

/// Nothing is pending, unless something came meanwhile.
fn rest(shared: &Shared) {
    let mut state = lock(&shared.applying.state);
    state.pending = read(&shared.overlay).waiting_since().is_some();
    if !state.pending {
        state.hurry = false;
    }
}
