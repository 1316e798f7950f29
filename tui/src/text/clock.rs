//! The time of day, as rows begin with it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `18:41:07`
#[must_use]
pub fn clock(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}
