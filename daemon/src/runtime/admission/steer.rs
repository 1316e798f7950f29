//! Pausing a definition: no new run of it begins, they wait; and what is asked about those that wait.
//!
//! Stops no run that goes; that is asked of each run.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{Kind, Paused, Queued, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::Status;
use dirigent_store::Txn;
use serde_json::Value;

use crate::records::{Actor, Audit, audit, remember};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows::{self, PausedRow};
use crate::runtime::run::message::Wish;

/// Most runs of a definition that are paused or resumed with it.
const MOST_RUNS: usize = 100_000;

impl RuntimeHandle {
    /// Lets no new run of a definition begin, or lets them begin again, those that waited first; durable when this
    /// answers. What goes, goes on.
    ///
    /// # Errors
    /// It is paused already, or not paused, or the store did not commit.
    pub async fn pause_definition(&self, name: &str, pause: bool, actor: &Actor) -> Result<(), RuntimeError> {
        let core = &self.core;
        let (org, now) = (actor.subject.org, (core.clock)());
        if self.paused(org, name)?.is_some() == pause {
            return Err(RuntimeError::WrongDefinition {
                workflow: name.to_owned(),
                state: if pause { "paused already" } else { "not paused" },
            });
        }
        let key = rows::paused_key(org, name);
        let mut txn = Txn {
            reserve: true,
            ..Txn::default()
        };
        if pause {
            let row = PausedRow {
                org,
                definition: name.to_owned(),
                by: actor.subject.name.clone(),
                at: now,
            };
            txn.puts.push((key, rows::encode(&row)?));
        } else {
            txn.deletes.push(key);
        }
        let (request, object) = (actor.request.to_string(), format!("{}/{name}", Kind::Workflow));
        let action = if pause {
            "workflow.pause"
        } else {
            "workflow.resume"
        };
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, action, &object)
        };
        audit(&mut txn, now, &record).map_err(unread)?;
        remember(&mut txn, actor.key, &CommandReply::Accepted {}, now).map_err(unread)?;
        if pause {
            // Whoever asks from here on waits, whenever the row becomes durable.
            core.admit(core.gate.pause(org, name, true, now));
        }
        let committed = core.store.commit(txn).await;
        let stays = pause == committed.is_ok();
        core.admit(core.gate.pause(org, name, stays, (core.clock)()));
        committed?;
        Ok(())
    }

    /// Who paused a definition, where somebody did.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn paused(&self, org: EntityId, name: &str) -> Result<Option<Paused>, RuntimeError> {
        let row: Option<PausedRow> = rows::get(
            &*self.core.store,
            &rows::paused_key(org, name),
            "a paused definition",
        )?;
        Ok(row.map(|row| Paused {
            by: row.by,
            at: row.at,
        }))
    }

    /// Pauses every run of a definition that goes, or resumes every one that is paused; how many there were.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn pause_runs_of(&self, name: &str, pause: bool, actor: &Actor) -> Result<usize, RuntimeError> {
        let from: &[Status] = if pause {
            &[Status::Running, Status::Waiting]
        } else {
            &[Status::Suspended]
        };
        let mut count = 0;
        for run in self.runs_of(actor.subject.org, name, from)? {
            let request = RequestId(self.core.chance.id());
            let own = Actor::of(actor.subject.clone(), request, &Command::DaemonStop {});
            let wish = if pause { Wish::Pause } else { Wish::Resume };
            match self.core.ask(run, wish, own).await {
                Ok(_) => count += 1,
                // It ended, or went another way, meanwhile.
                Err(RuntimeError::Ended { .. } | RuntimeError::WrongState { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    fn runs_of(&self, org: EntityId, name: &str, from: &[Status]) -> Result<Vec<RunId>, RuntimeError> {
        let mut runs = Vec::new();
        for status in from {
            let value = Value::String(status.as_str().to_owned());
            let (kind, records) = (Kind::WorkflowExecution, &self.core.records);
            let found = records
                .find_by_index(org, kind, "status", &value, MOST_RUNS)
                .map_err(unread)?;
            for stored in found {
                let execution: WorkflowExecution = body(&stored.document)?;
                if execution.workflow == name && execution.quarantine.is_none() {
                    runs.push(stored.document.metadata.id.into());
                }
            }
        }
        Ok(runs)
    }

    /// Where a run waits for its turn, as it is now; none where it does not wait.
    #[must_use]
    pub fn queued(&self, run: RunId) -> Option<Queued> {
        let standing = self.core.gate.standing(run, (self.core.clock)())?;
        Some(Queued {
            place: u32::try_from(standing.place).ok(),
            key: standing.key.as_deref().map(str::to_owned),
            why: standing.why.to_string(),
            since: None,
        })
    }
}
