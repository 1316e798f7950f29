//! What keeps a document from being deleted.

use dirigent_protocol::entity::{Document, Kind, WorkflowExecution};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::run::Status;

use super::core::Service;
use super::definitions::workflow;
use super::error::ServiceError;
use crate::records::{BOOTSTRAP_USER, DEFAULT_ORG};

/// Most users that are named.
const NAMED: usize = 5;

impl Service {
    /// Refuses what is still used, and names by what.
    pub(super) async fn check_unused(
        &self,
        subject: &Subject,
        document: &Document,
    ) -> Result<(), ServiceError> {
        let (kind, meta) = (document.kind, &document.metadata);
        if meta.id == DEFAULT_ORG || meta.id == BOOTSTRAP_USER {
            return Err(ServiceError::Permanent {
                kind,
                name: meta.name.clone(),
            });
        }
        let users = match kind {
            Kind::Workflow => self.live_runs(subject, |run| run.workflow == meta.name)?,
            Kind::Agent => self.callers(subject, &meta.name).await?,
            Kind::Organization => self.inhabitants(document)?,
            _ => Vec::new(),
        };
        if users.is_empty() {
            return Ok(());
        }
        Err(ServiceError::InUse {
            kind,
            name: meta.name.clone(),
            users,
        })
    }

    /// Runs that are not over and fit.
    fn live_runs(
        &self,
        subject: &Subject,
        fits: impl Fn(&WorkflowExecution) -> bool,
    ) -> Result<Vec<String>, ServiceError> {
        let mut found = Vec::new();
        for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
            let value = status.as_str().into();
            let kind = Kind::WorkflowExecution;
            for stored in self
                .records
                .find_by_index(subject.org, kind, "status", &value, usize::MAX)?
            {
                let run: WorkflowExecution = stored.document.body().unwrap_or_default();
                if fits(&run) && found.len() < NAMED {
                    found.push(format!("run {}", stored.document.metadata.id.short()));
                }
            }
        }
        Ok(found)
    }

    /// Workflows that call an agent.
    async fn callers(&self, subject: &Subject, agent: &str) -> Result<Vec<String>, ServiceError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.records.all(Kind::Workflow, after, 100)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.document.metadata.id);
            for stored in &page {
                let meta = &stored.document.metadata;
                let calls = meta.org == subject.org
                    && workflow::agents_of(&stored.document)
                        .iter()
                        .any(|name| name == agent);
                if calls && found.len() < NAMED {
                    found.push(format!("workflow {}", meta.name));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Kinds of which an organisation has documents.
    fn inhabitants(&self, organization: &Document) -> Result<Vec<String>, ServiceError> {
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let members = crate::records::key::members(organization.metadata.id, *kind);
            let range = dirigent_store::ScanRange::prefix(&members).limited(1);
            if !self.records.rows(range)?.0.is_empty() {
                found.push(kind.definition().plural.to_owned());
            }
        }
        Ok(found)
    }
}
