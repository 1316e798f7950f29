//! Who uses a definition: definitions that name it, and runs that are not over with the version they pinned.

use std::collections::HashMap;

use dirigent_protocol::entity::{Document, Kind, WorkflowExecution};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::query::Use;
use dirigent_protocol::run::EventBody;
use serde_json::Value;

use super::core::Service;
use super::definitions;
use super::error::ServiceError;
use crate::door::{Action, Object};
use crate::records::Journal;
use dirigent_store::Budget;

/// Most runs that are looked at.
const MOST_RUNS: usize = 1_000;
/// Versions of one definition that are looked through.
const MAX_VERSIONS: usize = 10_000;

impl Service {
    /// Who uses a definition, of what the subject may see.
    ///
    /// # Errors
    /// There is none, or the subject may not see it.
    pub async fn used_by(&self, subject: &Subject, kind: Kind, text: &str) -> Result<Vec<Use>, ServiceError> {
        let document = self.find(subject, kind, text).await?.document;
        self.door
            .authorize(subject, Action::Read, &Object::Document(&document))
            .await?;
        let name = document.metadata.name.clone();
        let called = match kind {
            Kind::OrchestrationRule => document.spec["capability"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            _ => name.clone(),
        };
        let mut found: Vec<Use> = Vec::new();
        for caller in self.callers(subject, kind, &called).await? {
            if self.door.sees(subject, &caller) {
                found.push(Use {
                    kind: caller.kind,
                    id: caller.metadata.id,
                    name: caller.metadata.name,
                    status: None,
                    digest: None,
                    number: None,
                });
            }
        }
        let numbers = self.numbers(subject, &document)?;
        let runs = match kind {
            Kind::Agent => self.live_runs(subject, |_| true)?,
            // A choice is made when it is due: no run pins a rule.
            Kind::OrchestrationRule => Vec::new(),
            _ => self.live_runs(subject, |run| run.workflow == name)?,
        };
        for run in runs
            .into_iter()
            .take(MOST_RUNS)
            .filter(|run| self.door.sees(subject, run))
        {
            let Ok(body) = run.body::<WorkflowExecution>() else {
                continue;
            };
            let digest = match kind {
                Kind::Agent => match self.pinned_agent(&run, &body, &name)? {
                    Some(digest) => digest,
                    None => continue,
                },
                _ => body.digest.clone(),
            };
            found.push(Use {
                kind: run.kind,
                id: run.metadata.id,
                name: body.workflow,
                status: Some(body.status.as_str().to_owned()),
                number: numbers.get(&digest).copied(),
                digest: Some(digest),
            });
            tokio::task::yield_now().await;
        }
        Ok(found)
    }

    /// The version of an agent that a run pinned when it began.
    fn pinned_agent(
        &self,
        run: &Document,
        body: &WorkflowExecution,
        agent: &str,
    ) -> Result<Option<String>, ServiceError> {
        let journal = Journal::of(&self.records, run.metadata.id.into(), body.origin.as_ref())?;
        let budget = Budget {
            items: 1,
            bytes: 1 << 20,
        };
        let page = journal.page(&**self.records.store(), 0, budget)?;
        let pins = page.into_iter().find_map(|(event, _)| match event.body {
            EventBody::WorkflowStarted { pins, .. } => Some(pins),
            _ => None,
        });
        Ok(pins.and_then(|pins| pins.agents.get(agent).map(ToString::to_string)))
    }

    /// Digests that runs pin, and the numbers of their versions.
    fn numbers(&self, subject: &Subject, draft: &Document) -> Result<HashMap<String, u64>, ServiceError> {
        let Some(definition) = definitions::of(draft.kind) else {
            return Ok(HashMap::new());
        };
        // Runs of a definition that compiles to a workflow pin that one.
        let (kind, field) = match draft.kind {
            Kind::Agent => (definition.version_kind(), definition.parent_field()),
            _ => (Kind::WorkflowVersion, "workflow"),
        };
        let id = Value::String(draft.metadata.id.to_string());
        let all = self
            .records
            .find_by_index(subject.org, kind, field, &id, MAX_VERSIONS)?;
        let number = |spec: &Value| Some((spec["digest"].as_str()?.to_owned(), spec["number"].as_u64()?));
        Ok(all
            .iter()
            .filter_map(|stored| number(&stored.document.spec))
            .collect())
    }
}
