//! The `Retry-After` header: seconds or an HTTP date, 0 to 3,600 s; anything else is 30 s.

use std::time::Duration;

/// Used when the header is there and cannot be read.
const GARBAGE: Duration = Duration::from_secs(30);
const MAX: Duration = Duration::from_secs(3_600);

/// Reads the header. A date is measured against the answer's own `Date`, so that neither our clock nor its error matters.
pub(crate) fn parse(retry_after: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let text = retry_after?.trim();
    Some(
        seconds(text)
            .or_else(|| until(text, date?))
            .unwrap_or(GARBAGE)
            .min(MAX),
    )
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = text.split_once('.').map_or(text, |(whole, _)| whole);
    if digits.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    // More digits than a u64 holds is a very long time, not garbage.
    Some(digits.parse().map_or(MAX, Duration::from_secs))
}

fn until(text: &str, date: &str) -> Option<Duration> {
    let then = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(date.trim()).ok()?;
    Some(then.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn seconds_dates_and_garbage() {
        let secs = |header: &str| parse(Some(header), Some(NOW)).expect("some").as_secs();
        for (header, expected) in [
            ("0", 0),
            ("7", 7),
            ("1.5", 1),
            ("3600", 3_600),
            ("86400", 3_600),
            ("99999999999999999999999", 3_600),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("Mon, 07 Nov 1994 08:49:37 GMT", 3_600),
            ("-5", 30),
            ("soon", 30),
            ("", 30),
            (".", 30),
        ] {
            assert_eq!(secs(header), expected, "{header:?}");
        }
        assert_eq!(
            parse(Some("Sun, 06 Nov 1994 08:50:37 GMT"), None),
            Some(GARBAGE),
            "a date without a Date"
        );
        assert_eq!(parse(None, Some(NOW)), None);
    }
}
