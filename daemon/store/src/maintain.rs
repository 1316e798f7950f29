//! Upkeep: forget old request ids, sweep blob files, remove covered segments, move closed streams into the archive.

use crate::counters;
use crate::error::{CommitError, IoFault, MaintainError};
use crate::export;
use crate::mover;
use crate::queue::Job;
use crate::shared::Shared;
use crate::types::{MaintainBudget, MaintainReport, Position};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Request ids are remembered this long.
const REMEMBER: Duration = Duration::from_secs(7 * 24 * 3600);
/// A blob nobody refers to may stay this long.
const GRACE: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn run(shared: &Shared, budget: &MaintainBudget) -> Result<MaintainReport, MaintainError> {
    let mut report = MaintainReport::default();
    if budget.sweep {
        forget(shared)?;
        report.blobs_removed = sweep(shared)?;
    }
    if budget.prune {
        report.segments_removed = prune(shared)?;
    }
    let wanted = shared.head();
    report.applied = shared.settle(wanted, budget.settle.unwrap_or_default());
    if budget.settle.is_some() && report.applied < wanted {
        return Err(MaintainError::NotSettled {
            applied: report.applied,
            wanted,
        });
    }
    if budget.archive_bytes > 0 {
        report.streams_archived = mover::run(shared, budget.archive_bytes)?.streams;
    }
    Ok(report)
}

/// Commits only if there is something to forget.
fn forget(shared: &Shared) -> Result<(), MaintainError> {
    let before_ms = shared
        .now_ms()
        .saturating_sub(u64::try_from(REMEMBER.as_millis()).unwrap_or(u64::MAX));
    let oldest = shared.ask(|state| state.oldest_request())?;
    if oldest.is_none_or(|at_ms| at_ms >= before_ms) {
        return Ok(());
    }
    let (answer, answered) = oneshot::channel();
    shared.queue.push(Job::Forget { before_ms, answer })?;
    answered.blocking_recv().unwrap_or(Err(CommitError::Unknown))?;
    Ok(())
}

fn sweep(shared: &Shared) -> Result<u64, MaintainError> {
    let (blobs, abandoned) = shared.blobs.files()?;
    let mut removed = 0;
    for path in abandoned {
        shared.blobs.remove(&path)?;
        removed += 1;
    }
    let before_ms = shared
        .now_ms()
        .saturating_sub(u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX));
    // Everything acknowledged before this look at the state is in it: no reference is missed.
    let wanted = shared.head();
    if shared.settle(wanted, Duration::from_secs(10)) < wanted {
        return Ok(removed);
    }
    for (id, path) in blobs {
        let changed = std::fs::metadata(&path).and_then(|m| m.modified());
        let changed = changed.map_err(|e| IoFault::new("measure", &path, e))?;
        let age = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        let old = u64::try_from(age.as_millis()).unwrap_or(u64::MAX) < before_ms;
        let referred = shared.ask(|state| state.has_blob(id))?;
        if old && !referred && !shared.blobs.is_pinned(id) {
            shared.blobs.remove(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes segments that the newest verified export of this incarnation covers and sled has durably.
fn prune(shared: &Shared) -> Result<u64, MaintainError> {
    let dir = shared.layout.exports();
    let exports = shared
        .layout
        .all_exports()
        .map_err(|e| IoFault::new("list", &dir, e))?;
    let verified = exports.iter().filter_map(|path| export::verify(path).ok());
    let covered = verified
        .filter(|seen| seen.incarnation == shared.identity.incarnation)
        .map(|seen| seen.position)
        .max();
    // An export of a failed attempt may have its name only in memory: what it covers must not go before that is durable.
    shared
        .options
        .disk
        .sync_dir(&dir)
        .map_err(|e| IoFault::new("sync", &dir, e))?;
    let applied = Position(counters::load(&shared.counters.applied));
    let gone = shared
        .catalog
        .forget_covered(covered.unwrap_or_default().min(applied));
    for entry in &gone {
        shared
            .options
            .disk
            .remove(&entry.path)
            .map_err(|e| IoFault::new("remove", &entry.path, e))?;
    }
    let journal = shared.layout.journal();
    shared
        .options
        .disk
        .sync_dir(&journal)
        .map_err(|e| IoFault::new("sync", &journal, e))?;
    Ok(gone.len() as u64)
}
