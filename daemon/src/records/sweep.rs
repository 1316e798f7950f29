//! Deletes what has had its time: old answers, traces of deleted documents.

use dirigent_store::{CommitError, ScanRange, Store, Txn};
use jiff::Timestamp;

use super::error::RecordError;
use super::key;

/// Most rows of one commit.
const BATCH: usize = 500;

/// Why a sweep stopped; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Reading failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The store did not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Deletes everything that expired before `now`; answers how many rows went.
///
/// # Errors
/// The store did not answer or commit; what was deleted stays deleted.
pub async fn sweep(store: &dyn Store, now: Timestamp) -> Result<usize, SweepError> {
    let (start, end) = key::expired(u64::try_from(now.as_millisecond()).unwrap_or(0));
    let mut gone = 0;
    loop {
        let range = ScanRange::between(start.clone(), end.clone()).limited(BATCH);
        let page = store.scan(range).map_err(RecordError::from)?;
        if page.items.is_empty() {
            return Ok(gone);
        }
        let mut txn = Txn::default();
        for (row, _) in page.items {
            txn.deletes.extend(key::expiry_target(&row));
            txn.deletes.push(row);
            gone += 1;
        }
        store.commit(txn).await?;
    }
}
