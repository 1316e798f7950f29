//! What keeps a document from being deleted.

use dirigent_protocol::entity::{Document, Kind, WorkflowExecution};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::run::Status;

use super::core::Service;
use super::definitions;
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
            Kind::Agent => Self::named(&self.callers(subject, kind, &meta.name).await?),
            Kind::Workflow | Kind::Orchestration => {
                let mut users = Self::named(&self.callers(subject, kind, &meta.name).await?);
                let runs = self.live_runs(subject, |run| run.workflow == meta.name)?;
                users.extend(
                    runs.iter()
                        .take(NAMED)
                        .map(|run| format!("run {}", run.metadata.id.short())),
                );
                users
            }
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
    pub(super) fn live_runs(
        &self,
        subject: &Subject,
        fits: impl Fn(&WorkflowExecution) -> bool,
    ) -> Result<Vec<Document>, ServiceError> {
        let mut found = Vec::new();
        for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
            let value = status.as_str().into();
            let kind = Kind::WorkflowExecution;
            for stored in self
                .records
                .find_by_index(subject.org, kind, "status", &value, usize::MAX)?
            {
                let run: WorkflowExecution = stored.document.body().unwrap_or_default();
                if fits(&run) {
                    found.push(stored.document);
                }
            }
        }
        Ok(found)
    }

    /// Definitions that name another one, as kind and name.
    pub(super) async fn callers(
        &self,
        subject: &Subject,
        kind: Kind,
        name: &str,
    ) -> Result<Vec<Document>, ServiceError> {
        let mut found = Vec::new();
        for definition in definitions::ALL {
            let mut after = None;
            loop {
                let page = self.records.all(definition.kind(), after, 100)?;
                let Some(last) = page.last() else { break };
                after = Some(last.document.metadata.id);
                for stored in page {
                    let (meta, spec) = (&stored.document.metadata, &stored.document.spec);
                    if meta.org != subject.org {
                        continue;
                    }
                    let called = match kind {
                        Kind::Agent => definition.agents(&meta.name, spec),
                        // A rule is about a capability, or about all of them.
                        Kind::OrchestrationRule => definition.capabilities(spec),
                        _ => definition.workflows(spec),
                    };
                    let any = kind == Kind::OrchestrationRule && name.is_empty();
                    if called.iter().any(|called| any || called == name) {
                        found.push(stored.document);
                    }
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(found)
    }

    fn named(callers: &[Document]) -> Vec<String> {
        let words = |document: &Document| {
            let kind = document.kind.as_str().to_lowercase();
            format!("{kind} {}", document.metadata.name)
        };
        callers.iter().take(NAMED).map(words).collect()
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
