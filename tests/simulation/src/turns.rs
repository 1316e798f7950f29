//! Runs that wait for their turn, in the order of commits: however many begin, are set aside and come back, no more of a
//! definition go at once than its document allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_daemon::records::decode_document;
use dirigent_daemon::records::key::parse_document;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_store::Commit;

use crate::must;
use crate::run_model::Definitions;

#[derive(Default)]
pub(crate) struct Turns {
    /// Most runs at once, by workflow.
    limits: BTreeMap<String, usize>,
    workflows: BTreeMap<RunId, String>,
    begun: BTreeSet<RunId>,
    aside: BTreeSet<RunId>,
}

impl Turns {
    pub(crate) fn new(definitions: &Definitions) -> Self {
        let limit = |document: &serde_json::Value| {
            let head = &document["document"];
            let limit = head["metadata"]["dirigent"]["runs"]["limit"].as_u64()?;
            let name = head["name"].as_str()?.to_owned();
            Some((name, usize::try_from(limit).unwrap()))
        };
        Self {
            limits: definitions
                .values()
                .filter_map(|document| limit(document))
                .collect(),
            ..Self::default()
        }
    }

    /// The next commit, with its events of runs.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        events: &[(RunId, Arc<RunEvent>)],
    ) -> Result<(), String> {
        for (key, value) in &commit.puts {
            let Some((Kind::WorkflowExecution, id)) = parse_document(key) else {
                continue;
            };
            let document = decode_document(value).map_err(|e| e.to_string())?;
            let body: WorkflowExecution = document.body().unwrap();
            let run = RunId::from(id);
            self.workflows.insert(run, body.workflow);
            match body.quarantine {
                Some(_) => self.aside.insert(run),
                None => self.aside.remove(&run),
            };
        }
        for (run, event) in events {
            match &event.body {
                EventBody::WorkflowStarted { .. } | EventBody::WorkflowForked { .. } => {
                    must(self.begun.insert(*run), || format!("{run} begins twice"))?;
                }
                EventBody::WorkflowCompleted { .. }
                | EventBody::WorkflowFaulted { .. }
                | EventBody::WorkflowCancelled { .. } => drop(self.begun.remove(run)),
                _ => {}
            }
        }
        self.within_limits()
    }

    fn within_limits(&self) -> Result<(), String> {
        for (name, limit) in &self.limits {
            let of_it = |run: &&RunId| self.workflows.get(run) == Some(name) && !self.aside.contains(run);
            let going: Vec<&RunId> = self.begun.iter().filter(of_it).collect();
            must(going.len() <= *limit, || {
                format!("{going:?} of {name} go at once, whose limit is {limit}")
            })?;
        }
        Ok(())
    }
}
