//! The client's one clock. Everything else is told the time.

use std::time::Instant;

use crate::model::Time;

/// Both clocks, from one start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the client's one clock")]
    pub fn now(&self) -> Time {
        Time {
            wall: jiff::Timestamp::now(),
            mono: self.start.elapsed(),
        }
    }
}
