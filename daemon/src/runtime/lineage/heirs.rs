//! Who goes on behind what a run had done: its retries, which take over the duty to undo it where they are cancelled.
//!
//! A row of every run that was retried names them, and from which event on its work was undone. Every retry that begins
//! and every cancel that undoes what others did writes the rows of all runs it comes from, guarded by what it read.
//! Invariants: what was done once is undone once at most, whichever retries are cancelled; never while another that goes
//! on behind it has not ended or has completed; and nothing goes on behind what was undone. A fork has no part in it.

use bytes::Bytes;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Lineage, Origin, Status};
use dirigent_store::{Guard, Key};
use serde::{Deserialize, Serialize};

use crate::records::MAX_CHAIN;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows;

/// Most retries of one run that have not failed.
const MOST: usize = 1_000;

/// The row of a run that was retried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Heirs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heirs: Vec<Heir>,
    /// What it did from this event on was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_from: Option<u64>,
}

/// A run that goes on behind it, perhaps through others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heir {
    run: RunId,
    /// The last event it took over.
    at: u64,
    /// It was cancelled and has left to others what is theirs too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gave_up: bool,
}

/// What a commit writes of the rows, and what it stands on.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    pub(crate) guards: Vec<Guard>,
    pub(crate) puts: Vec<(Key, Bytes)>,
}

/// A run whose work was taken over, up to an event, and its row as it was read.
struct Above {
    run: RunId,
    at: u64,
    row: Heirs,
    revision: Option<u64>,
}

impl Above {
    fn write(&self, shares: &mut Shares) -> Result<(), RuntimeError> {
        let key: Key = rows::heirs_key(self.run);
        shares.guards.push(match self.revision {
            None => Guard::Absent(key.clone()),
            Some(revision) => Guard::Revision {
                key: key.clone(),
                revision,
            },
        });
        shares.puts.push((key, rows::encode(&self.row)?));
        Ok(())
    }
}

/// A retry begins: it is named in the rows of all runs it comes from.
///
/// # Errors
/// What it would go on behind was undone, too many do so, or the store did not answer.
pub(crate) fn join(core: &Core, run: RunId, origin: &Origin) -> Result<Shares, RuntimeError> {
    let mut shares = Shares::default();
    for mut above in chain(core, Some(*origin))? {
        let refuse = |detail: String| RuntimeError::NotFrom {
            run: origin.run,
            detail,
            help: "begin it anew: `dirigent runs retry RUN --from-start`",
        };
        if above.row.undone_from.is_some_and(|from| from <= above.at) {
            let detail = "a retry of it was cancelled, which undid what it had done".to_owned();
            return Err(refuse(detail));
        }
        // Who ended without a result builds on nothing any more.
        let mut kept = Vec::with_capacity(above.row.heirs.len() + 1);
        for heir in std::mem::take(&mut above.row.heirs) {
            if holds(core, &heir)? {
                kept.push(heir);
            }
        }
        if kept.len() >= MOST {
            return Err(refuse(format!("{MOST} retries go on behind it already")));
        }
        kept.push(Heir {
            run,
            at: above.at,
            gave_up: false,
        });
        above.row.heirs = kept;
        above.write(&mut shares)?;
    }
    Ok(shares)
}

/// A retry was cancelled and has stopped: up to which event it leaves to others what was done before it; the rest is its
/// own to undo. `done` are the events of what can be undone, oldest first.
///
/// # Errors
/// The store did not answer.
pub(crate) fn part(
    core: &Core,
    run: RunId,
    origin: Option<&Origin>,
    done: &[u64],
) -> Result<(u64, Shares), RuntimeError> {
    let mut above = chain(core, origin.copied())?;
    let mut left = 0;
    for above in &above {
        if counts(core, above.run)? {
            left = left.max(above.at);
        }
        for heir in &above.row.heirs {
            let shared = heir.at.min(above.at);
            if heir.run != run && shared > left && holds(core, heir)? {
                left = shared;
            }
        }
    }
    let undone = done.iter().copied().find(|event| *event > left);
    let mut shares = Shares::default();
    for above in &mut above {
        let row = &mut above.row;
        if let Some(from) = undone.filter(|from| *from <= above.at) {
            row.undone_from = Some(row.undone_from.map_or(from, |known| known.min(from)));
        }
        for heir in row.heirs.iter_mut().filter(|heir| heir.run == run) {
            heir.gave_up = true;
        }
        above.write(&mut shares)?;
    }
    Ok((left, shares))
}

/// The runs whose work a run took over, nearest first.
fn chain(core: &Core, mut origin: Option<Origin>) -> Result<Vec<Above>, RuntimeError> {
    let mut found = Vec::new();
    while let Some(from) = origin.filter(|from| from.how == Lineage::Retried && found.len() <= 2 * MAX_CHAIN)
    {
        let stored = core.store.get(&rows::heirs_key(from.run))?;
        let row = stored
            .as_ref()
            .map(|row| rows::decode(&row.value, "the heirs of a run"));
        found.push(Above {
            run: from.run,
            at: from.at,
            row: row.transpose()?.unwrap_or_default(),
            revision: stored.map(|row| row.revision),
        });
        origin = execution(core, from.run)?.and_then(|run| run.origin);
    }
    Ok(found)
}

/// Whether a run may still need what was done before it, or has built on it.
fn holds(core: &Core, heir: &Heir) -> Result<bool, RuntimeError> {
    Ok(!heir.gave_up && counts(core, heir.run)?)
}

/// Whether a run goes on or is completed; one that nobody knows any more counts as completed.
fn counts(core: &Core, run: RunId) -> Result<bool, RuntimeError> {
    let found = execution(core, run)?;
    Ok(found.is_none_or(|run| !matches!(run.status, Status::Faulted | Status::Cancelled)))
}

fn execution(core: &Core, run: RunId) -> Result<Option<WorkflowExecution>, RuntimeError> {
    let found = core
        .records
        .get(Kind::WorkflowExecution, run.into())
        .map_err(unread)?;
    found.map(|stored| body(&stored.document)).transpose()
}
