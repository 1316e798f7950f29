//! Reading documents: by id, by name, by index.

use std::sync::Arc;

use bytes::Bytes;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::id::EntityId;
use dirigent_store::{Position, ScanRange, Store, Versioned};
use serde_json::Value;

use super::bytes::decode_document;
use super::error::RecordError;
use super::late::Unmade;
use super::order::encode_value;
use super::write::Stored;
use super::{key, write};

/// The reading side of the records. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
    pub(super) unmade: Arc<Unmade>,
}

/// A row of an index or of the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRow {
    /// The row's key: where a later page goes on.
    pub key: Bytes,
    /// The document's id.
    pub id: EntityId,
}

impl Records {
    /// Reads from this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        let unmade = Arc::default();
        Self { store, unmade }
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(super) fn raw(&self, key: &[u8]) -> Result<Option<Versioned>, RecordError> {
        Ok(self.store.get(key)?)
    }

    /// A document.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn get(&self, kind: Kind, id: EntityId) -> Result<Option<Stored>, RecordError> {
        let Some(found) = self.raw(&key::document(kind, id))? else {
            return Ok(None);
        };
        Ok(Some(Stored::at(decode_document(&found.value)?, found.revision)))
    }

    /// A document by its exact name.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn find_by_name(&self, org: EntityId, kind: Kind, name: &str) -> Result<Option<Stored>, RecordError> {
        let found = self.find_by_name_any_case(org, kind, name)?;
        Ok(found.filter(|found| found.document.metadata.name == name))
    }

    /// A document whose name differs from `name` at most in case.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn find_by_name_any_case(
        &self,
        org: EntityId,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Stored>, RecordError> {
        if name.is_empty() || name.len() > key::MAX_NAME {
            return Ok(None);
        }
        match self.raw(&key::name(org, kind, name))? {
            Some(row) => match key::last_id(&row.value) {
                Some(id) => self.get(kind, id),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// The document with this value in a unique index.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn find_unique(
        &self,
        org: EntityId,
        kind: Kind,
        field: &str,
        value: &Value,
    ) -> Result<Option<Stored>, RecordError> {
        let Some(value) = encode_value(value) else {
            return Ok(None);
        };
        let Some(row) = self.raw(&key::unique(org, kind, field, &value))? else {
            return Ok(None);
        };
        match key::last_id(&row.value) {
            Some(id) => self.get(kind, id),
            None => Ok(None),
        }
    }

    /// Documents with this value in an indexed field, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn find_by_index(
        &self,
        org: EntityId,
        kind: Kind,
        field: &str,
        value: &Value,
        limit: usize,
    ) -> Result<Vec<Stored>, RecordError> {
        let Some(encoded) = encode_value(value) else {
            return Ok(Vec::new());
        };
        let mut range = ScanRange::prefix(&key::index_value(org, kind, field, &encoded)).limited(500);
        let mut found = Vec::new();
        loop {
            let (rows, next) = self.rows(range.clone())?;
            for row in rows {
                // A cut text may share its row's key with others; only the document itself decides.
                if let Some(stored) = self.get(kind, row.id)?
                    && stored.document.field(field).unwrap_or(Value::Null) == *value
                {
                    found.push(stored);
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
            match next {
                Some(next) => range = range.after(next),
                None => return Ok(found),
            }
        }
    }

    /// How many documents have this value in an indexed field, counted up to `most`.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn count_by_index(
        &self,
        org: EntityId,
        kind: Kind,
        field: &str,
        value: &Value,
        most: u64,
    ) -> Result<u64, RecordError> {
        let Some(encoded) = encode_value(value) else {
            return Ok(0);
        };
        let mut range = ScanRange::prefix(&key::index_value(org, kind, field, &encoded));
        let mut count = 0;
        loop {
            let (rows, next) = self.rows(range.clone())?;
            count += rows.len() as u64;
            match next {
                Some(next) if count < most => range = range.after(next),
                _ => return Ok(count.min(most)),
            }
        }
    }

    /// As [`Self::count_by_index`], but only of documents that got the value at `until` or before.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn count_by_index_until(
        &self,
        org: EntityId,
        kind: Kind,
        field: &str,
        value: &Value,
        until: Position,
        most: u64,
    ) -> Result<u64, RecordError> {
        let Some(encoded) = encode_value(value) else {
            return Ok(0);
        };
        let mut range = ScanRange::prefix(&key::index_value(org, kind, field, &encoded));
        let mut count = 0;
        loop {
            let page = self.store.scan(range.clone())?;
            let old = |(_, row): &&(Bytes, Versioned)| row.revision <= until.0;
            count += page.items.iter().filter(old).count() as u64;
            match page.next {
                Some(next) if count < most => range = range.after(next),
                _ => return Ok(count.min(most)),
            }
        }
    }

    /// A page of index or member rows, and where the next one begins.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn rows(&self, range: ScanRange) -> Result<(Vec<IndexRow>, Option<Bytes>), RecordError> {
        let page = self.store.scan(range)?;
        let row = |(key, _): (Bytes, Versioned)| key::last_id(&key).map(|id| IndexRow { key, id });
        Ok((page.items.into_iter().filter_map(row).collect(), page.next))
    }

    /// A page of documents of a kind over all organisations, by age; go on behind the last one's id.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn all(&self, kind: Kind, after: Option<EntityId>, limit: usize) -> Result<Vec<Stored>, RecordError> {
        let mut range = ScanRange::prefix(&key::documents(kind)).limited(limit);
        if let Some(after) = after {
            range = range.after(key::document(kind, after));
        }
        let page = self.store.scan(range)?;
        page.items
            .into_iter()
            .map(|(_, found)| Ok(Stored::at(decode_document(&found.value)?, found.revision)))
            .collect()
    }

    /// Earlier revisions, newest first, at most `limit`.
    ///
    /// # Errors
    /// The store did not answer, or the bytes are no document.
    pub fn history(&self, kind: Kind, id: EntityId, limit: usize) -> Result<Vec<Document>, RecordError> {
        let most = usize::try_from(write::HISTORY_KEPT).unwrap_or(usize::MAX);
        let range = ScanRange::prefix(&key::histories(kind, id))
            .reversed()
            .limited(limit.clamp(1, most));
        let page = self.store.scan(range)?;
        page.items
            .into_iter()
            .map(|(_, found)| decode_document(&found.value))
            .collect()
    }
}
