//! Writing a document with everything that belongs to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use dirigent_protocol::entity::{Document, Kind, Metadata, Visibility, Writer};
use dirigent_protocol::id::EntityId;
use dirigent_store::{Guard, Txn};
use jiff::Timestamp;
use serde_json::Value;

use super::bytes::encode_document;
use super::error::RecordError;
use super::expiry::forget_later;
use super::group;
use super::ids::{BOOTSTRAP_USER, DEFAULT_ORG};
use super::key;
use super::order::encode_value;

/// Earlier revisions kept of a document that people write.
pub const HISTORY_KEPT: u64 = 100;

/// Days for which watchers can learn that a document is gone.
const TRACE_DAYS: i64 = 30;

/// A document and the commit that wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The document.
    pub document: Document,
    /// Position of the commit that wrote it, the receipt's; none where the caller is the only writer.
    pub position: Option<u64>,
}

impl Stored {
    /// What a commit at `position` wrote.
    #[must_use]
    pub fn at(document: Document, position: u64) -> Self {
        Self {
            document,
            position: Some(position),
        }
    }

    /// A document only the caller ever writes: the next write is not guarded by its revision.
    #[must_use]
    pub fn sole_writer(document: Document) -> Self {
        Self {
            document,
            position: None,
        }
    }

    /// The next revision with another body.
    #[must_use]
    pub fn next(&self, spec: Value, now: Timestamp) -> Document {
        let mut next = self.document.clone();
        next.included.clear();
        next.spec = spec;
        next.metadata.revision += 1;
        next.metadata.updated_at = now;
        next
    }
}

/// A document about to be made.
#[derive(Debug, Clone)]
pub struct Draft {
    kind: Kind,
    meta: Metadata,
    spec: Value,
}

impl Draft {
    /// A new document in the default organisation with a fresh id. An empty name is the id.
    #[must_use]
    pub fn of(kind: Kind, name: &str, spec: Value) -> Self {
        let id = EntityId::new();
        let name = if name.is_empty() {
            id.to_string()
        } else {
            name.to_owned()
        };
        let meta = Metadata {
            id,
            name,
            org: DEFAULT_ORG,
            team: None,
            owner: BOOTSTRAP_USER,
            visibility: Visibility::default(),
            shared_with: Vec::new(),
            revision: 1,
            labels: BTreeMap::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Self { kind, meta, spec }
    }

    /// With this id.
    #[must_use]
    pub fn id(mut self, id: EntityId) -> Self {
        if self.meta.name == self.meta.id.to_string() {
            self.meta.name = id.to_string();
        }
        self.meta.id = id;
        self
    }

    /// In this organisation.
    #[must_use]
    pub fn org(mut self, org: EntityId) -> Self {
        self.meta.org = org;
        self
    }

    /// Made by this user.
    #[must_use]
    pub fn owner(mut self, owner: EntityId) -> Self {
        self.meta.owner = owner;
        self
    }

    /// With these labels.
    #[must_use]
    pub fn labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.meta.labels = labels;
        self
    }

    /// The document, revision 1.
    #[must_use]
    pub fn document(mut self, now: Timestamp) -> Document {
        self.meta.created_at = now;
        self.meta.updated_at = now;
        Document {
            kind: self.kind,
            metadata: self.meta,
            spec: self.spec,
            included: BTreeMap::new(),
        }
    }
}

/// Writes a document with its member, name, index and history rows. A new document must not exist; a changed one
/// must still be as `old` was read.
///
/// # Errors
/// The document cannot be encoded, its name is too long, or it is not the one that `old` is.
pub fn put(txn: &mut Txn, old: Option<&Stored>, new: &Document) -> Result<(), RecordError> {
    let (kind, meta) = (new.kind, &new.metadata);
    if meta.name.len() > key::MAX_NAME {
        return Err(RecordError::Name {
            kind,
            found: meta.name.len(),
        });
    }
    let document_key = key::document(kind, meta.id);
    match old {
        None => {
            txn.guards.push(Guard::Absent(document_key.clone()));
            txn.puts
                .push((key::member(meta.org, kind, meta.id), Bytes::new()));
        }
        Some(old) => {
            let before = &old.document;
            if (before.kind, before.metadata.id, before.metadata.org) != (kind, meta.id, meta.org) {
                return Err(RecordError::Identity { kind });
            }
            if let Some(revision) = old.position {
                txn.guards.push(Guard::Revision {
                    key: document_key.clone(),
                    revision,
                });
            }
            if kind.definition().writer == Writer::People {
                keep_history(txn, before)?;
            }
        }
    }
    put_name(txn, old, new);
    put_indexes(txn, old, new);
    for written in old.map(|old| &old.document).into_iter().chain([new]) {
        group::touch(txn, written);
    }
    txn.puts.push((document_key, encode_document(new)?));
    Ok(())
}

/// Makes a commit depend on a document being as it was read, without writing it.
pub fn unchanged(txn: &mut Txn, read: &Stored) {
    if let Some(revision) = read.position {
        let (kind, id) = (read.document.kind, read.document.metadata.id);
        txn.guards.push(Guard::Revision {
            key: key::document(kind, id),
            revision,
        });
    }
}

/// Deletes a document with all its rows; what is left is a trace for watchers.
///
/// # Errors
/// The trace cannot be encoded.
pub fn delete(txn: &mut Txn, old: &Stored, now: Timestamp) -> Result<(), RecordError> {
    let document = &old.document;
    let (kind, meta) = (document.kind, &document.metadata);
    let document_key = key::document(kind, meta.id);
    if let Some(revision) = old.position {
        txn.guards.push(Guard::Revision {
            key: document_key.clone(),
            revision,
        });
    }
    group::touch(txn, document);
    txn.deletes.push(document_key);
    txn.deletes.push(key::member(meta.org, kind, meta.id));
    if has_name_row(document) {
        txn.deletes.push(key::name(meta.org, kind, &meta.name));
    }
    for row in index_rows(document) {
        txn.deletes.push(row.key);
        txn.deletes.extend(row.unique);
    }
    for revision in meta.revision.saturating_sub(HISTORY_KEPT)..meta.revision {
        txn.deletes.push(key::history(kind, meta.id, revision));
    }
    let trace = key::trace(kind, meta.id);
    let mut left = document.clone();
    left.spec = Value::Null;
    left.included.clear();
    txn.puts.push((trace.clone(), encode_document(&left)?));
    forget_later(txn, &trace, now, TRACE_DAYS);
    Ok(())
}

fn keep_history(txn: &mut Txn, before: &Document) -> Result<(), RecordError> {
    let meta = &before.metadata;
    txn.puts.push((
        key::history(before.kind, meta.id, meta.revision),
        encode_document(before)?,
    ));
    if let Some(oldest) = meta.revision.checked_sub(HISTORY_KEPT) {
        txn.deletes.push(key::history(before.kind, meta.id, oldest));
    }
    Ok(())
}

/// A document that is named by its id needs no row to be found by it.
fn has_name_row(document: &Document) -> bool {
    document.metadata.name != document.metadata.id.to_string()
}

fn put_name(txn: &mut Txn, old: Option<&Stored>, new: &Document) {
    let row = |document: &Document| {
        has_name_row(document)
            .then(|| key::name(document.metadata.org, document.kind, &document.metadata.name))
    };
    let (before, after) = (old.and_then(|old| row(&old.document)), row(new));
    if before == after {
        return;
    }
    txn.deletes.extend(before);
    if let Some(after) = after {
        txn.guards.push(Guard::Absent(after.clone()));
        txn.puts
            .push((after, Bytes::copy_from_slice(&new.metadata.id.bytes())));
    }
}

struct Row {
    key: Bytes,
    unique: Option<Bytes>,
}

fn index_rows(document: &Document) -> Vec<Row> {
    let (kind, meta) = (document.kind, &document.metadata);
    let mut rows = Vec::new();
    for index in kind.definition().indexes {
        let value = document.field(index.field).unwrap_or(Value::Null);
        let Some(bytes) = encode_value(&value) else {
            continue;
        };
        rows.push(Row {
            key: key::index(meta.org, kind, index.field, &bytes, meta.id),
            unique: (index.unique && !value.is_null())
                .then(|| key::unique(meta.org, kind, index.field, &bytes)),
        });
    }
    rows
}

/// The row of one index, where the document's value can be one.
pub(super) fn index_row(document: &Document, field: &str) -> Option<Bytes> {
    let prefix = key::index_field(document.metadata.org, document.kind, field);
    let mut rows = index_rows(document).into_iter().map(|row| row.key);
    rows.find(|row| row.starts_with(&prefix))
}

fn put_indexes(txn: &mut Txn, old: Option<&Stored>, new: &Document) {
    let before = old.map_or_else(Vec::new, |old| index_rows(&old.document));
    let after = index_rows(new);
    for row in &before {
        if !after.iter().any(|kept| kept.key == row.key) {
            txn.deletes.push(row.key.clone());
            txn.deletes.extend(row.unique.clone());
        }
    }
    for row in after {
        if before.iter().any(|kept| kept.key == row.key) {
            continue;
        }
        txn.puts.push((row.key, Bytes::new()));
        if let Some(unique) = row.unique {
            txn.guards.push(Guard::Absent(unique.clone()));
            txn.puts
                .push((unique, Bytes::copy_from_slice(&new.metadata.id.bytes())));
        }
    }
}
