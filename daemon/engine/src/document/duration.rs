//! Durations: ISO 8601 text, named parts, or an expression.

use std::time::Duration;

use dirigent_protocol::source::Node;

use super::reader::Reader;
use crate::expression::{Expression, strip};

/// Longest duration, 100 years: whatever is longer is a mistake.
const MAX_MS: u64 = 100 * 366 * 24 * 3_600 * 1_000;

/// A length of time.
#[derive(Debug, Clone)]
pub enum Delay {
    /// Known now.
    Fixed(Duration),
    /// Computed to ISO 8601 text or a number of milliseconds.
    Computed(Expression),
}

impl Delay {
    /// Reads a duration.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        if let Some(text) = node.as_str() {
            if let Some((start, inside)) = strip(text) {
                return reader.compile(inside, start, node, path).map(Self::Computed);
            }
            return match parse_iso(text) {
                Ok(duration) => Some(Self::Fixed(duration)),
                Err(why) => {
                    bad(reader, node, path, &format!("`{text}` is not a duration: {why}"));
                    None
                }
            };
        }
        if node.as_mapping().is_none() {
            bad(
                reader,
                node,
                path,
                &format!("a duration cannot be {}", node.kind()),
            );
            return None;
        }
        const PARTS: [(&str, u64); 5] = [
            ("days", 86_400_000),
            ("hours", 3_600_000),
            ("minutes", 60_000),
            ("seconds", 1_000),
            ("milliseconds", 1),
        ];
        let fields = reader.fields(node, path, &PARTS.map(|(name, _)| name))?;
        let mut total: u64 = 0;
        for (name, unit) in PARTS {
            let Some((part, at)) = fields.get(name) else {
                continue;
            };
            let number = reader.integer(part, &at, 0, 1_000_000_000_000)?;
            total = total.saturating_add(u64::try_from(number).unwrap_or(0).saturating_mul(unit));
        }
        if fields.entries.is_empty() || total > MAX_MS {
            bad(
                reader,
                node,
                path,
                "the duration is empty or longer than 100 years",
            );
            return None;
        }
        Some(Self::Fixed(Duration::from_millis(total)))
    }
}

fn bad(reader: &mut Reader, node: &Node, path: &str, message: &str) {
    reader.error("bad_duration", message, node.span.start, path).help = Some(
        "write `PT30S`, `PT5M`, `P1D`, or `{ minutes: 5 }` (days, hours, minutes, seconds, milliseconds)"
            .to_owned(),
    );
}

/// ISO 8601: `P1DT2H3M4.5S`, `P2W`. Years and months have no fixed length and count 365 and 30 days.
pub(crate) fn parse_iso(text: &str) -> Result<Duration, &'static str> {
    let rest = text.strip_prefix('P').ok_or("it does not start with P")?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return Err("nothing follows T"),
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if rest.is_empty() {
        return Err("nothing follows P");
    }
    const DAY: f64 = 86_400_000.0;
    let mut total = units(
        date,
        &[
            ('Y', 365.0 * DAY),
            ('M', 30.0 * DAY),
            ('W', 7.0 * DAY),
            ('D', DAY),
        ],
    )?;
    total += units(time, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1_000.0)])?;
    #[expect(clippy::cast_precision_loss, reason = "a limit, compared once")]
    if total > MAX_MS as f64 {
        return Err("it is longer than 100 years");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: 0 to 100 years"
    )]
    Ok(Duration::from_millis(total.round() as u64))
}

fn units(mut text: &str, units: &[(char, f64)]) -> Result<f64, &'static str> {
    let mut total = 0.0;
    let mut allowed = units;
    while !text.is_empty() {
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or("a unit is missing")?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next().ok_or("a unit is missing")?;
        if number.is_empty() || number.starts_with('.') || number.ends_with('.') || number.len() > 15 {
            return Err("a number is missing or too long");
        }
        let value: f64 = number.parse().map_err(|_| "a number cannot be read")?;
        let position = allowed
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or("a unit is unknown or out of order")?;
        total += value * allowed[position].1;
        allowed = &allowed[position + 1..];
        text = &rest[unit.len_utf8()..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_durations() {
        for (text, millis) in [
            ("PT30S", 30_000),
            ("P1DT2H", 93_600_000),
            ("PT0.25S", 250),
            ("P2W", 1_209_600_000),
            ("PT0S", 0),
        ] {
            assert_eq!(parse_iso(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "5s",
            "-PT5S",
            "PT5",
            "PT1e99S",
            "5 parsecs",
            "P1S",
            "PT5M1H",
            "PTS",
            "P200Y",
        ] {
            assert!(parse_iso(text).is_err(), "{text}");
        }
    }
}
