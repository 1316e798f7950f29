//! Rows that may go after a while.

use bytes::Bytes;
use dirigent_store::Txn;
use jiff::{SignedDuration, Timestamp};

use super::key;

/// Lets the sweep delete `target` after some days.
pub fn forget_later(txn: &mut Txn, target: &Bytes, now: Timestamp, days: i64) {
    let at = now
        .saturating_add(SignedDuration::from_hours(24 * days))
        .unwrap_or(Timestamp::MAX);
    let at_ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
    txn.puts.push((key::expiry(at_ms, target), Bytes::new()));
}
