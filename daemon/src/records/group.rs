//! Groups of documents that a commit may stand on as a whole: since they were read none was added, changed or removed.
//!
//! A guard of one document cannot say that there is no other. So each group has a row that every write of a document in
//! it writes too. Only kinds that need it have groups; a read of one takes its guard first, then the documents.

use bytes::Bytes;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::id::EntityId;
use dirigent_store::{Guard, Txn};
use serde_json::Value;

use super::error::RecordError;
use super::key;
use super::order::encode_value;
use super::read::Records;

/// Kinds with groups, and the field whose value makes one. A denial wins over every allowance of its workflow, so a
/// decision by a rule stands on all of them.
const GROUPED: &[(Kind, &str)] = &[(Kind::ApprovalRule, "workflow")];

fn key_of(org: EntityId, kind: Kind, value: &Value) -> Option<Bytes> {
    encode_value(value).map(|value| key::group(org, kind, &value))
}

/// Notes in a commit that documents of a group are written.
pub(super) fn touch(txn: &mut Txn, document: &Document) {
    let Some((kind, field)) = GROUPED.iter().find(|(kind, _)| *kind == document.kind) else {
        return;
    };
    let value = document.field(field).unwrap_or(Value::Null);
    if let Some(key) = key_of(document.metadata.org, *kind, &value)
        && !txn.puts.iter().any(|(known, _)| *known == key)
    {
        txn.puts.push((key, Bytes::new()));
    }
}

impl Records {
    /// What a commit stands on that needs a group to be as it is now; none where the kind has no groups.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn group(&self, org: EntityId, kind: Kind, value: &Value) -> Result<Option<Guard>, RecordError> {
        if !GROUPED.iter().any(|(grouped, _)| *grouped == kind) {
            return Ok(None);
        }
        let Some(key) = key_of(org, kind, value) else {
            return Ok(None);
        };
        let found = self.store().get(&key)?;
        Ok(Some(match found {
            None => Guard::Absent(key),
            Some(row) => Guard::Revision {
                key,
                revision: row.revision,
            },
        }))
    }
}
