//! Versions: a draft's content, immutable, named by its digest.
//!
//! Invariant: the newest version of a draft has the draft's content; a draft that goes back to an earlier content gets
//! a new version with the earlier digest.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::Document;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_store::{ScanRange, Txn};

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
        let body = definition.version(draft, canonical, digest, number);
        let mut version = Draft::of(definition.version_kind(), "", body)
            .org(draft.metadata.org)
            .owner(subject.user)
            .document(self.now());
        version.metadata.visibility = draft.metadata.visibility;
        version.metadata.team = draft.metadata.team;
        version
            .metadata
            .shared_with
            .clone_from(&draft.metadata.shared_with);
        put(txn, None, &version)?;
        Ok(Some(Published { digest, same_number }))
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
