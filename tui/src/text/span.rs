//! Spans of time in few cells: `12m`, `4h`, `3d`, `9m12s`.

/// One unit, for lists.
#[must_use]
pub fn short(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m", s / 60),
        3_600..172_800 => format!("{}h", s / 3_600),
        _ => format!("{}d", s / 86_400),
    }
}

/// Two units, for details.
#[must_use]
pub fn long(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// One or two units in full, for ears: `45 seconds`, `12 minutes`, `2 hours 5 minutes`.
#[must_use]
pub fn spoken(seconds: i64) -> String {
    let s = seconds.max(0);
    let unit = |n: i64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let two = |large: String, n: i64, word: &str| {
        if n == 0 {
            large
        } else {
            format!("{large} {}", unit(n, word))
        }
    };
    match s {
        0..60 => unit(s, "second"),
        60..3_600 => unit(s / 60, "minute"),
        3_600..86_400 => two(unit(s / 3_600, "hour"), s % 3_600 / 60, "minute"),
        _ => two(unit(s / 86_400, "day"), s % 86_400 / 3_600, "hour"),
    }
}

/// Milliseconds, for steps: `84 ms`, `1.2s`, `9m12s`.
#[must_use]
pub fn millis(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        _ => long(ms / 1_000),
    }
}

/// Milliseconds until [`short`] of an age changes.
#[must_use]
pub const fn until_short_changes(seconds: i64) -> u64 {
    let s = if seconds < 0 { 0 } else { seconds };
    let unit = if s < 60 {
        1
    } else if s < 3_600 {
        60
    } else if s < 172_800 {
        3_600
    } else {
        86_400
    };
    ((unit - s % unit) as u64) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(
            [short(5), short(65), short(7_300), short(200_000)],
            ["5s", "1m", "2h", "2d"]
        );
        assert_eq!(
            [long(5), long(552), long(7_300), long(90_000)],
            ["5s", "9m12s", "2h01m", "1d01h"]
        );
        assert_eq!(
            [millis(84), millis(1_250), millis(552_000)],
            ["84 ms", "1.2s", "9m12s"]
        );
        assert_eq!(
            [spoken(1), spoken(750), spoken(7_500), spoken(172_800)],
            ["1 second", "12 minutes", "2 hours 5 minutes", "2 days"]
        );
    }

    #[test]
    fn the_next_change_is_when_the_text_changes() {
        for age in [0, 30, 59, 60, 61, 3_599, 3_600, 10_000, 172_800, 300_000] {
            let wait = i64::try_from(until_short_changes(age) / 1_000).unwrap();
            assert_ne!(short(age), short(age + wait), "{age}");
            assert_eq!(short(age), short(age + wait - 1), "{age}");
        }
    }
}
