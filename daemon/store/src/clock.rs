//! The one place of this crate that reads the wall clock. Everything else takes it from `Options`.
//!
//! The time is recorded beside a commit and ages request ids; no order and no position depends on it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

#[expect(
    clippy::disallowed_methods,
    reason = "the crate's one clock; callers may pass their own"
)]
pub(crate) fn system() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
