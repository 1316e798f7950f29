//! How many runs there are by status, cheap however many have ended.
//!
//! What is not over is in the runtime's memory, what ended since it was opened is counted there; only what had ended
//! before is counted in the store: once, and again where some of it was deleted. An index row of a run that ended is never written again, so its revision tells
//! the two apart, whatever goes on meanwhile.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::Status;

use crate::records::{DEFAULT_ORG, RecordError, Records};
use crate::runtime::Counts;

/// Counting stops here: a status must stay cheap.
pub(super) const MOST: u64 = 100_000;

/// Runs that had ended when the runtime was opened, and how many of them had been deleted when they were counted.
#[derive(Default)]
pub struct EndedBefore(Mutex<Option<(u64, BTreeMap<Status, u64>)>>);

impl EndedBefore {
    /// Runs of an organisation by status.
    pub(super) fn runs(
        &self,
        records: &Records,
        org: EntityId,
        counts: Option<&Counts>,
    ) -> Result<BTreeMap<String, u64>, RecordError> {
        let Some(counts) = counts.filter(|_| org == DEFAULT_ORG) else {
            return each(|status| {
                let value = status.as_str().into();
                records.count_by_index(org, Kind::WorkflowExecution, "status", &value, MOST)
            });
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, before) = match &*known {
            Some(counted) if counted.0 == counts.deleted_before => counted,
            _ => known.insert((counts.deleted_before, count(records, counts)?)),
        };
        let of = |all: &BTreeMap<Status, u64>, status| all.get(&status).copied().unwrap_or(0);
        each(|status| Ok(of(&counts.runs, status) + of(&counts.ended, status) + of(before, status)))
    }
}

fn each(count: impl Fn(Status) -> Result<u64, RecordError>) -> Result<BTreeMap<String, u64>, RecordError> {
    let row = |status: Status| Ok((status.as_str().to_owned(), count(status)?));
    Status::ALL.into_iter().map(row).collect()
}

fn count(records: &Records, counts: &Counts) -> Result<BTreeMap<Status, u64>, RecordError> {
    let kind = Kind::WorkflowExecution;
    let row = |status: Status| {
        let value = status.as_str().into();
        let count = records.count_by_index_until(DEFAULT_ORG, kind, "status", &value, counts.since, MOST)?;
        Ok((status, count))
    };
    Status::ALL
        .into_iter()
        .filter(|status| status.is_final())
        .map(row)
        .collect()
}
