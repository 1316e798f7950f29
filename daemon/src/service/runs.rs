//! What the service knows of runs: their documents and their journals. Their life is the runtime's.

use dirigent_engine::machine::Workflow;
use dirigent_protocol::command::RunTarget;
use dirigent_protocol::entity::{Document, Kind, WorkflowExecution};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::MAX_PAGE;
use dirigent_protocol::run::RunEvent;
use dirigent_protocol::source::{Diagnostic, Place};
use dirigent_store::Budget;

use super::core::Service;
use super::definitions;
use super::error::ServiceError;
use super::find::not_found;
use crate::door::{Action, Object};
use crate::records::{Actor, Journal};

/// Bytes of events in a page; far from the frame limit.
const BYTES: usize = 3 << 20;

impl Service {
    /// A run's id from what a person typed.
    ///
    /// # Errors
    /// None or several fit.
    pub async fn resolve_run(&self, subject: &Subject, text: &str) -> Result<RunId, ServiceError> {
        let document = self.find(subject, Kind::WorkflowExecution, text).await?.document;
        self.door
            .authorize(subject, Action::Read, &Object::Document(&document))
            .await?;
        Ok(document.metadata.id.into())
    }

    /// A run's document, for an action on it.
    ///
    /// # Errors
    /// There is none, or the subject may not.
    pub async fn run(&self, subject: &Subject, action: Action, run: RunId) -> Result<Document, ServiceError> {
        self.document_for(subject, action, Kind::WorkflowExecution, run.into())
            .await
    }

    /// A document, for an action on it.
    ///
    /// # Errors
    /// There is none, or the subject may not.
    pub async fn document_for(
        &self,
        subject: &Subject,
        action: Action,
        kind: Kind,
        id: EntityId,
    ) -> Result<Document, ServiceError> {
        let found = self
            .records
            .get(kind, id)?
            .ok_or_else(|| not_found(kind, &id.to_string()))?;
        self.door
            .authorize(subject, action, &Object::Document(&found.document))
            .await?;
        Ok(found.document)
    }

    /// Events of a run behind a number, and the number of the newest there is.
    ///
    /// # Errors
    /// There is no such run, or the subject may not see it.
    pub async fn run_events(
        &self,
        subject: &Subject,
        run: RunId,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<RunEvent>, u64), ServiceError> {
        let document = self.run(subject, Action::Read, run).await?;
        let origin = document
            .body::<WorkflowExecution>()
            .ok()
            .and_then(|body| body.origin);
        let journal = Journal::of(&self.records, run, origin.as_ref())?;
        let store = &**self.records.store();
        let budget = Budget {
            items: limit.clamp(1, MAX_PAGE) as usize,
            bytes: BYTES,
        };
        let page = journal.page(store, after, budget)?;
        let events = page.into_iter().map(|(event, _)| event).collect();
        Ok((events, journal.end(store)?))
    }

    /// The version that a start means; a document that is sent along is published first.
    ///
    /// # Errors
    /// There is none, the subject may not start it, or the document has errors (all of them).
    pub async fn version_to_run(&self, actor: &Actor, target: &RunTarget) -> Result<Document, ServiceError> {
        let name = match target {
            RunTarget::Name(name) => name.clone(),
            RunTarget::Source { file, text } => self.publish_source(actor, file, text).await?,
            RunTarget::Agent(name) => return Err(not_found(Kind::Workflow, name)),
        };
        self.newest_of(&actor.subject, Action::RunStart, &name).await
    }

    /// The newest version of a workflow.
    ///
    /// # Errors
    /// There is none, or the subject may not see it.
    pub async fn published_now(&self, subject: &Subject, name: &str) -> Result<Document, ServiceError> {
        self.newest_of(subject, Action::Read, name).await
    }

    async fn newest_of(
        &self,
        subject: &Subject,
        action: Action,
        name: &str,
    ) -> Result<Document, ServiceError> {
        let draft = self.runnable(subject, name).await?;
        self.door
            .authorize(subject, action, &Object::Document(&draft))
            .await?;
        let missing = || not_found(Kind::WorkflowVersion, name);
        let definition = definitions::of(draft.kind).ok_or_else(missing)?;
        let newest = self.newest_version(draft.metadata.org, definition, draft.metadata.id)?;
        let newest = newest.ok_or_else(missing)?;
        if newest.kind == Kind::WorkflowVersion {
            return Ok(newest);
        }
        let run = newest.spec["workflow_version"]
            .as_str()
            .and_then(|id| id.parse().ok());
        let run = run.ok_or_else(missing)?;
        let stored = self.records.get(Kind::WorkflowVersion, run)?;
        stored.map(|stored| stored.document).ok_or_else(missing)
    }

    /// The draft of that name that can be run: a workflow, or another definition that compiles to one.
    ///
    /// # Errors
    /// There is none, or several fit.
    pub(crate) async fn runnable(&self, subject: &Subject, name: &str) -> Result<Document, ServiceError> {
        let mut refused = None;
        for definition in definitions::ALL.iter().filter(|definition| definition.runs()) {
            match self.find(subject, definition.kind(), name).await {
                Ok(found) => return Ok(found.document),
                Err(error @ ServiceError::NotFound { .. }) => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| not_found(Kind::Workflow, name)))
    }

    /// The one workflow of a file, as it would be published; nothing is stored.
    ///
    /// # Errors
    /// The subject may not read workflows, or the file has errors (all of them) or another number of workflows.
    pub async fn read_workflow(
        &self,
        subject: &Subject,
        file: &str,
        text: &str,
    ) -> Result<Workflow, ServiceError> {
        self.door
            .authorize(subject, Action::Read, &Object::Kind(Kind::Workflow))
            .await?;
        let (mut workflows, details) = definitions::workflow::machines(text);
        if details.iter().any(Diagnostic::is_error) {
            let what = format!("the file {file}");
            return Err(ServiceError::Invalid { what, details });
        }
        match (workflows.pop(), workflows.is_empty()) {
            (Some(only), true) => Ok(only),
            (found, _) => Err(not_one(file, found.is_some())),
        }
    }

    /// Publishes what a file says; it must hold exactly one workflow, whose name is answered.
    async fn publish_source(&self, actor: &Actor, file: &str, text: &str) -> Result<String, ServiceError> {
        let applied = self.apply_unremembered(actor, file, text).await?;
        let mut workflows = applied.into_iter().filter(|item| item.kind == Kind::Workflow);
        match (workflows.next(), workflows.next()) {
            (Some(only), None) => Ok(only.name),
            (first, _) => Err(not_one(file, first.is_some())),
        }
    }
}

fn not_one(file: &str, several: bool) -> ServiceError {
    let (message, help) = if several {
        (
            "the file holds several workflows",
            "apply the file, then name one of them",
        )
    } else {
        (
            "the file holds no workflow",
            "a workflow starts with `document:` and `do:`",
        )
    };
    let finding = Diagnostic::error("not_one_workflow", message, Place::default()).help(help);
    ServiceError::Invalid {
        what: format!("the file {file}"),
        details: vec![finding],
    }
}
