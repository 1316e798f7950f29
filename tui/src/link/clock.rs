//! The link's clock: the one place of it that asks what time it is.

use std::time::Duration;

use jiff::Timestamp;

/// The wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the link's only clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The wall clock in `wait` from now.
#[must_use]
pub fn after(wait: Duration) -> Option<Timestamp> {
    now().checked_add(wait).ok()
}
