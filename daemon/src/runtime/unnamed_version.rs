//! Versions of documents that belong to no workflow anybody published: built-in ones, and functions that came as text.
//!
//! Invariant: a text has one such version, found by its digest and made when it is first needed.

use std::collections::BTreeMap;

use dirigent_protocol::entity::{Document, Kind, WorkflowVersion};
use dirigent_protocol::id::EntityId;
use dirigent_store::Txn;
use serde_json::Value;

use super::api::{StartRun, Started, Terms};
use super::core::Core;
use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use super::plans::unread;
use crate::records::{Actor, DEFAULT_ORG, Draft, put};

impl RuntimeHandle {
    /// Starts a run of a text that belongs to no workflow anybody published; `label` names it where it is wrong.
    ///
    /// # Errors
    /// The text is no workflow, or as [`Self::start`].
    pub(crate) async fn start_text(
        &self,
        (label, text): (&str, &str),
        (input, terms): (Value, Terms),
        labels: BTreeMap<String, String>,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let start = StartRun {
            version: unnamed_version(&self.core, label, text).await?,
            input,
            idempotency_key: None,
            labels,
            parent: None,
        };
        self.start_on(start, terms, actor).await
    }
}

/// The stored version of a text; `label` names it where it is wrong.
///
/// # Errors
/// The text is no workflow, or the store could not be read or did not commit.
pub(crate) async fn unnamed_version(core: &Core, label: &str, text: &str) -> Result<Document, RuntimeError> {
    let workflow =
        dirigent_engine::load(label, text).map_err(|details| RuntimeError::BadVersion { details })?;
    let digest = Value::String(workflow.digest().to_string());
    let found = core
        .records
        .find_by_index(DEFAULT_ORG, Kind::WorkflowVersion, "digest", &digest, 1)
        .map_err(unread)?;
    if let Some(found) = found.into_iter().next() {
        return Ok(found.document);
    }
    let version = WorkflowVersion {
        workflow: EntityId::nil(),
        workflow_name: workflow.name().to_owned(),
        digest: workflow.digest().to_string(),
        version: workflow.version().to_owned(),
        number: 1,
        source: text.to_owned(),
        document: (**workflow.definition()).clone(),
    };
    let spec = serde_json::to_value(version).unwrap_or_default();
    let document = Draft::of(Kind::WorkflowVersion, "", spec)
        .id(EntityId(core.chance.id()))
        .document((core.clock)());
    let mut txn = Txn::default();
    put(&mut txn, None, &document).map_err(unread)?;
    core.store.commit(txn).await?;
    Ok(document)
}
