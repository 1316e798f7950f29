//! Deletes what was picked, in one commit.

use dirigent_protocol::command::{CommandReply, Prune};
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_store::{Guard, Txn};
use jiff::Timestamp;

use super::pick::{Picked, pick};
use crate::records::{Actor, Audit, Stored, audit, delete, remember};
use crate::runtime::agent_use;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::unread;
use crate::runtime::rows;

/// What was deleted, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many runs.
    pub runs: u64,
    /// How many more match and stay: others need them.
    pub kept: u64,
    /// There may be more behind this one.
    pub next: Option<RunId>,
}

impl RuntimeHandle {
    /// Deletes some of the runs that match, those behind `after`, oldest first; durable when this answers. Their events
    /// go a little later.
    ///
    /// # Errors
    /// The store did not answer or commit; nothing was deleted.
    pub async fn prune(
        &self,
        which: &Prune,
        after: Option<RunId>,
        dry_run: bool,
        actor: &Actor,
    ) -> Result<Pruned, RuntimeError> {
        self.prune_as_of((self.core.clock)(), which, after, dry_run, actor)
            .await
    }

    pub(super) async fn prune_as_of(
        &self,
        now: Timestamp,
        which: &Prune,
        after: Option<RunId>,
        dry_run: bool,
        actor: &Actor,
    ) -> Result<Pruned, RuntimeError> {
        let core = &self.core;
        let picked = pick(core, actor.subject.org, which, after, now)?;
        let pruned = Pruned {
            runs: picked.runs.len() as u64,
            kept: picked.kept,
            next: picked.next,
        };
        if dry_run || picked.runs.is_empty() {
            return Ok(pruned);
        }
        let mut txn = gone(core, &picked)?;
        let reply = CommandReply::Pruned {
            runs: pruned.runs,
            kept: pruned.kept,
            next: pruned.next,
        };
        sign(&mut txn, &picked, actor, &reply, (core.clock)())?;
        let receipt = core.store.commit(txn).await?;
        if !receipt.replayed {
            for (stored, run) in &picked.runs {
                core.ended.forget(run.status, stored.position);
            }
        }
        core.given_up.notify_one();
        Ok(pruned)
    }
}

/// Everything of the runs but their events.
fn gone(core: &Core, picked: &Picked) -> Result<Txn, RuntimeError> {
    let mut txn = Txn {
        fence: (*core.fence.get()).clone(),
        reserve: true,
        ..Txn::default()
    };
    for (stored, execution) in &picked.runs {
        delete_run(core, &mut txn, stored, execution)?;
    }
    Ok(txn)
}

fn delete_run(
    core: &Core,
    txn: &mut Txn,
    stored: &Stored,
    execution: &WorkflowExecution,
) -> Result<(), RuntimeError> {
    let run = RunId::from(stored.document.metadata.id);
    delete(txn, stored, (core.clock)()).map_err(unread)?;
    // Nobody goes on from it meanwhile.
    let mark = rows::lineage_mark(run);
    match core.store.get(&mark)? {
        None => txn.guards.push(Guard::Absent(mark)),
        Some(found) => {
            let (key, revision) = (mark.clone(), found.revision);
            txn.guards.push(Guard::Revision { key, revision });
            txn.deletes.push(mark);
        }
    }
    txn.deletes.push(rows::heirs_key(run));
    agent_use::delete(&*core.store, (stored.document.metadata.org, run), txn)?;
    if let Some(origin) = &execution.origin {
        txn.deletes.push(rows::lineage_key(origin.run, run));
    }
    txn.puts.push((rows::given_up_key(run), bytes::Bytes::new()));
    Ok(())
}

/// Who did it, and to which runs.
fn sign(
    txn: &mut Txn,
    picked: &Picked,
    actor: &Actor,
    reply: &CommandReply,
    now: Timestamp,
) -> Result<(), RuntimeError> {
    let (kind, request) = (Kind::WorkflowExecution, actor.request.to_string());
    let runs = picked
        .runs
        .iter()
        .map(|(stored, _)| stored.document.metadata.id.to_string());
    let record = Audit {
        request: Some(&request),
        count: picked.runs.len() as u64,
        detail: &runs.collect::<Vec<_>>().join(" "),
        ..Audit::allowed(&actor.subject, "run.prune", kind.as_str())
    };
    audit(txn, now, &record).map_err(unread)?;
    remember(txn, actor.key, reply, now).map_err(unread)
}
