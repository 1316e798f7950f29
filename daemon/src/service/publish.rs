//! Versions: a draft's content, immutable, named by its digest.
//!
//! Invariant: the newest version of a draft has the draft's content; a draft that goes back to an earlier content gets
//! a new version with the earlier digest.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind, WorkflowVersion};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_store::{ScanRange, Txn};
use serde_json::Value;

use super::core::Service;
use super::definitions::{self, Definition};
use super::error::ServiceError;
use crate::records::{Draft, encode_value, key, put};

/// A draft's version in a transaction.
pub(super) struct Published {
    /// Its digest.
    pub(super) digest: Digest,
    /// The version there was before had other content but the author's same number.
    pub(super) same_number: Option<String>,
}

impl Service {
    /// Adds the draft's version to the transaction where the newest one has other content. None for kinds that are
    /// not published.
    pub(super) fn publish_version(
        &self,
        txn: &mut Txn,
        subject: &Subject,
        draft: &Document,
    ) -> Result<Option<Published>, ServiceError> {
        let Some(definition) = definitions::of(draft.kind) else {
            return Ok(None);
        };
        let canonical = definition.canonical(&draft.spec);
        let digest = Digest::of(&canonical);
        let newest = self.newest_version(draft.metadata.org, definition, draft.metadata.id)?;
        let mut number = 1;
        let mut same_number = None;
        if let Some(newest) = newest {
            if newest.spec["digest"] == digest.to_string() {
                return Ok(Some(Published { digest, same_number }));
            }
            number += newest.spec["number"].as_u64().unwrap_or(0);
            same_number = newest.spec["version"]
                .as_str()
                .filter(|version| draft.spec["version"] == **version)
                .map(str::to_owned);
        }
        let compiled = definition.compiled(&draft.metadata.name, number, &canonical);
        let mut body = definition.version(draft, canonical, digest, number);
        if let Some(document) = compiled {
            let run = self.beside(
                subject,
                draft,
                Kind::WorkflowVersion,
                runnable(draft, number, document),
            );
            put(txn, None, &run)?;
            body["workflow_version"] = run.metadata.id.to_string().into();
        }
        let version = self.beside(subject, draft, definition.version_kind(), body);
        put(txn, None, &version)?;
        Ok(Some(Published { digest, same_number }))
    }

    /// A document that whoever sees the draft sees.
    fn beside(&self, subject: &Subject, draft: &Document, kind: Kind, body: Value) -> Document {
        let mut document = Draft::of(kind, "", body)
            .org(draft.metadata.org)
            .owner(subject.user)
            .document(self.now());
        document.metadata.visibility = draft.metadata.visibility;
        document.metadata.team = draft.metadata.team;
        document
            .metadata
            .shared_with
            .clone_from(&draft.metadata.shared_with);
        document
    }

    /// The newest version of a draft.
    pub(super) fn newest_version(
        &self,
        org: EntityId,
        definition: &dyn Definition,
        draft: EntityId,
    ) -> Result<Option<Document>, ServiceError> {
        let Some(value) = encode_value(&draft.to_string().into()) else {
            return Ok(None);
        };
        let prefix = key::index_value(org, definition.version_kind(), definition.parent_field(), &value);
        let (rows, _) = self
            .records
            .rows(ScanRange::prefix(&prefix).reversed().limited(1))?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(self
            .records
            .get(definition.version_kind(), row.id)?
            .map(|stored| stored.document))
    }
}

/// The version of a workflow that a definition compiles to: what its runs pin.
fn runnable(draft: &Document, number: u64, document: Value) -> Value {
    let body = WorkflowVersion {
        workflow: draft.metadata.id,
        workflow_name: draft.metadata.name.clone(),
        digest: Digest::of(&document).to_string(),
        version: format!("{number}.0.0"),
        number,
        source: serde_json::to_string_pretty(&document).unwrap_or_default(),
        document,
    };
    serde_json::to_value(body).unwrap_or_default()
}
