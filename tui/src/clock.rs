//! The client's one clock. Everything else is told the time.

use std::sync::LazyLock;
use std::time::Instant;

use jiff::tz::TimeZone;

use crate::model::Time;

/// What the machine's own zone is read from.
const LOCALTIME: &str = "/etc/localtime";

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

/// The zone of the person at this machine: what `TZ` says, else the machine's own; read once.
///
/// The machine's is read from its one file: to look it up by its name, the library lists all 600 files of the database
/// first, which was a twentieth of what the first frame cost.
#[must_use]
pub fn local_zone() -> TimeZone {
    static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
        let read = || TimeZone::tzif("Local", &std::fs::read(LOCALTIME).ok()?).ok();
        match std::env::var_os("TZ") {
            None => read().unwrap_or_else(TimeZone::system),
            Some(_) => TimeZone::system(),
        }
    });
    ZONE.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_zone_is_the_one_its_database_names() {
        let at: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let (ours, theirs) = (local_zone(), TimeZone::system());
        assert_eq!(ours.to_offset(at), theirs.to_offset(at));
    }
}
