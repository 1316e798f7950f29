//! Old events go: by age, and the oldest where there are too many.

use dirigent_store::{CommitError, ReadError, ScanRange, Store, Txn};
use jiff::{SignedDuration, Timestamp};

use super::rows::{EVENTS, moment_of};

/// Days for which events are kept.
const KEPT_DAYS: i64 = 7;
/// Most events that are kept.
const MOST: usize = 100_000;
/// Rows read at once; each may be large.
const BATCH: usize = 64;

/// Why a sweep stopped; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store did not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Deletes events that had their time; answers how many.
///
/// # Errors
/// The store did not answer or commit; what was deleted stays deleted.
pub async fn sweep(store: &dyn Store, now: Timestamp) -> Result<usize, SweepError> {
    sweep_beyond(store, now, MOST).await
}

async fn sweep_beyond(store: &dyn Store, now: Timestamp, most: usize) -> Result<usize, SweepError> {
    let horizon = now
        .saturating_sub(SignedDuration::from_hours(24 * KEPT_DAYS))
        .unwrap_or(Timestamp::MIN);
    let mut surplus = count(store)?.saturating_sub(most);
    let mut gone = 0;
    loop {
        let page = store.scan(ScanRange::prefix(EVENTS).limited(BATCH))?;
        let mut txn = Txn::default();
        for (key, _) in page.items {
            let old = moment_of(&key).is_none_or(|at| at < horizon);
            if !old && surplus == 0 {
                break;
            }
            surplus = surplus.saturating_sub(1);
            txn.deletes.push(key);
        }
        if txn.deletes.is_empty() {
            return Ok(gone);
        }
        gone += txn.deletes.len();
        store.commit(txn).await?;
    }
}

fn count(store: &dyn Store) -> Result<usize, ReadError> {
    let mut range = ScanRange::prefix(EVENTS).limited(BATCH);
    let mut count = 0;
    loop {
        let page = store.scan(range.clone())?;
        count += page.items.len();
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok(count),
        }
    }
}
