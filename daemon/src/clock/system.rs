//! The daemon's one wall clock and one monotonic clock. Everything else is handed a [`Clock`], so that tests own the
//! time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the time, UTC.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tells how much time has passed since some moment; never goes back and never jumps.
pub type Monotonic = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The machine's clock as it is set, milliseconds, as records keep them. It may go back.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the daemon's one clock")]
pub fn system() -> Clock {
    Arc::new(|| {
        let now = Timestamp::now().as_millisecond();
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH)
    })
}

/// The machine's monotonic clock.
#[must_use]
pub fn monotonic() -> Monotonic {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}
