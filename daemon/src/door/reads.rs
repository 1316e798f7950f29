//! Reads, counted together until the next flush: who, of what, how many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dirigent_protocol::hello::Subject;
use dirigent_store::Txn;
use jiff::Timestamp;

use crate::records::{Audit, RecordError, audit};

/// Rows after which a flush is due whatever the time.
const MANY: usize = 500;

type Row = ([u8; 16], String);

/// Counts of reads since the last flush.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<BTreeMap<Row, (Subject, u64)>>);

impl Reads {
    /// Counts one; answers whether a flush is due.
    pub(super) fn count(&self, subject: &Subject, object: String) -> bool {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = rows
            .entry((subject.user.bytes(), object))
            .or_insert_with(|| (subject.clone(), 0));
        row.1 += 1;
        rows.len() >= MANY
    }

    /// Everything since the last flush as one transaction; none where nobody read.
    pub(super) fn take(&self, now: Timestamp) -> Result<Option<Txn>, RecordError> {
        let rows = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if rows.is_empty() {
            return Ok(None);
        }
        let mut txn = Txn::default();
        for ((_, object), (subject, count)) in rows {
            let read = Audit {
                count,
                ..Audit::allowed(&subject, "read", &object)
            };
            audit(&mut txn, now, &read)?;
        }
        Ok(Some(txn))
    }
}
