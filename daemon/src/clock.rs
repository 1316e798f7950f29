//! The daemon's one wall clock. Everything else is handed a [`Clock`], so that tests own the time.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time, UTC.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock, never going backwards within the process; milliseconds, as records keep them.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the daemon's one clock")]
pub fn system() -> Clock {
    let newest = std::sync::atomic::AtomicI64::new(0);
    Arc::new(move || {
        let now = Timestamp::now().as_millisecond();
        let newest = newest
            .fetch_max(now, std::sync::atomic::Ordering::AcqRel)
            .max(now);
        Timestamp::from_millisecond(newest).unwrap_or(Timestamp::UNIX_EPOCH)
    })
}
