//! Which runs match, a bounded part at a time, oldest first.

use std::collections::HashMap;

use dirigent_protocol::command::Prune;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_store::ScanRange;
use jiff::{SignedDuration, Timestamp};

use crate::records::{Stored, encode_value, key};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows;

/// Runs looked at in one call.
const LOOKED_AT: usize = 500;
/// Runs deleted in one commit.
const AT_ONCE: usize = 50;
const KIND: Kind = Kind::WorkflowExecution;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Picked {
    pub(super) runs: Vec<(Stored, WorkflowExecution)>,
    /// Those that match and stay: others need them.
    pub(super) kept: u64,
    /// Where to go on; none where that was all.
    pub(super) next: Option<RunId>,
}

/// Looks at the runs behind `after`.
///
/// # Errors
/// The store did not answer.
pub(super) fn pick(
    core: &Core,
    org: EntityId,
    which: &Prune,
    after: Option<RunId>,
    now: Timestamp,
) -> Result<Picked, RuntimeError> {
    let before = which.older_than_ms.map(|ms| {
        let span = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        now.saturating_sub(span).unwrap_or(Timestamp::MIN)
    });
    let prefix = match which.workflow.as_deref() {
        Some(name) => of_workflow(org, name),
        None => key::members(org, KIND).to_vec(),
    };
    let mut range = ScanRange::prefix(&prefix).limited(LOOKED_AT);
    if let Some(after) = after {
        range = range.after([&prefix[..], &after.bytes()].concat().into());
    }
    let (found, more) = core.records.rows(range).map_err(unread)?;
    let (mut picked, mut newest) = (Picked::default(), HashMap::new());
    for row in &found {
        let Some(stored) = core.records.get(KIND, row.id).map_err(unread)? else {
            continue;
        };
        if before.is_some_and(|before| stored.document.metadata.created_at > before) {
            // Those behind it began later still.
            return Ok(picked);
        }
        let run: WorkflowExecution = body(&stored.document)?;
        let ended = run.ended_at.unwrap_or(stored.document.metadata.updated_at);
        let young = !run.status.is_final() || before.is_some_and(|before| ended > before);
        if young || among_newest(core, org, which.keep, &run.workflow, row.id, &mut newest)? {
            continue;
        }
        if is_needed(core, row.id.into(), &run)? {
            picked.kept += 1;
            continue;
        }
        picked.runs.push((stored, run));
        if picked.runs.len() == AT_ONCE {
            picked.next = Some(row.id.into());
            return Ok(picked);
        }
    }
    picked.next = more.and(found.last()).map(|row| row.id.into());
    Ok(picked)
}

fn of_workflow(org: EntityId, name: &str) -> Vec<u8> {
    let value = encode_value(&name.into()).unwrap_or_default();
    key::index_value(org, KIND, "workflow", &value).to_vec()
}

/// Whether a run is among those of its workflow that stay in any case. `newest` remembers the oldest of them.
fn among_newest(
    core: &Core,
    org: EntityId,
    keep: Option<u32>,
    workflow: &str,
    run: EntityId,
    newest: &mut HashMap<String, Option<EntityId>>,
) -> Result<bool, RuntimeError> {
    let Some(keep) = keep.filter(|keep| *keep > 0) else {
        return Ok(false);
    };
    if let Some(oldest) = newest.get(workflow) {
        return Ok(oldest.is_none_or(|oldest| run >= oldest));
    }
    let mut range = ScanRange::prefix(&of_workflow(org, workflow)).reversed();
    let (mut left, mut oldest) = (keep as usize, None);
    loop {
        let (found, more) = core.records.rows(range.clone()).map_err(unread)?;
        if let Some(row) = found.get(left - 1) {
            oldest = Some(row.id);
            break;
        }
        left -= found.len();
        match more {
            Some(more) => range = range.after(more),
            None => break,
        }
    }
    newest.insert(workflow.to_owned(), oldest);
    Ok(oldest.is_none_or(|oldest| run >= oldest))
}

/// Whether another run goes on from it, or its parent may still ask for it.
fn is_needed(core: &Core, run: RunId, execution: &WorkflowExecution) -> Result<bool, RuntimeError> {
    let parent = execution.parent.and_then(|parent| core.runs.status(parent));
    if parent.is_some() || core.runs.status(run).is_some() {
        return Ok(true);
    }
    let range = ScanRange::prefix(&rows::lineage_of(run)).limited(2);
    let found = core.store.scan(range)?;
    Ok(found.items.iter().any(|(key, _)| rows::child_of(key).is_some()))
}
