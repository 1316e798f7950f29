//! What a line says about itself: its time and its severity.

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Severity {
    Plain,
    Warning,
    Error,
    Critical,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The time at the start of a line, and how many bytes to skip to get behind it. ISO 8601 (also behind one leading
/// word, as `update-alternatives` writes), syslog (`Nov 22 10:00:00`) and a bare clock.
pub(super) fn time(line: &str) -> Option<(&str, usize)> {
    let start = line.len() - line.trim_start_matches(['[', '(']).len();
    let here = &line[start..];
    if let Some(length) = iso(here).or_else(|| syslog(here)).or_else(|| clock(here)) {
        return Some((&here[..length], after(line, start + length)));
    }
    let (word, rest) = here.split_once(' ')?;
    let plain = word.len() <= 40
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.[]".contains(c));
    let length = iso(rest).filter(|_| plain)?;
    let at = start + word.len() + 1;
    Some((&line[at..at + length], after(line, at + length)))
}

fn after(line: &str, at: usize) -> usize {
    line.len()
        - line[at..]
            .trim_start_matches([']', ')', ' ', ':', '\t', '|', '-'])
            .len()
}

/// `dddd-dd-dd`, then optionally a clock with fraction and zone.
fn iso(text: &str) -> Option<usize> {
    matches(text, "dddd-dd-dd").then_some(())?;
    let rest = &text[10..];
    let gap = rest.len() - rest.trim_start_matches(['T', ' ']).len();
    match clock(&rest[gap..]) {
        Some(length) if gap > 0 => Some(10 + gap + length),
        _ => (gap > 0 || rest.is_empty()).then_some(10),
    }
}

fn syslog(text: &str) -> Option<usize> {
    let month = text.get(..3)?;
    MONTHS.contains(&month).then_some(())?;
    let day = text.get(3..6)?;
    let day_ok = day.starts_with(' ') && day.trim().parse::<u8>().is_ok_and(|day| (1..=31).contains(&day));
    let rest = text.get(6..)?.strip_prefix(' ')?;
    Some(7 + clock(rest).filter(|_| day_ok)?)
}

/// `dd:dd:dd`, then optionally a fraction and a zone.
fn clock(text: &str) -> Option<usize> {
    matches(text, "dd:dd:dd").then_some(())?;
    let mut length = 8;
    if text[length..].starts_with(['.', ',']) {
        length += 1 + digits(&text[length + 1..]);
    }
    let zone = &text[length..];
    if zone.starts_with('Z') {
        return Some(length + 1);
    }
    let signed = zone.strip_prefix([' ']).unwrap_or(zone);
    if signed.starts_with(['+', '-']) && digits(&signed[1..]) >= 2 {
        let gap = zone.len() - signed.len();
        let body = signed[1..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ':')
            .count();
        return Some(length + gap + 1 + body);
    }
    Some(length)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// `d` stands for a digit, anything else for itself.
fn matches(text: &str, pattern: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= pattern.len()
        && pattern
            .bytes()
            .zip(bytes)
            .all(|(p, b)| if p == b'd' { b.is_ascii_digit() } else { p == *b })
}

/// Words that say how bad a line is when they stand among its first words.
const LEVELS: &[(&str, Severity)] = &[
    ("emerg", Severity::Critical),
    ("alert", Severity::Critical),
    ("crit", Severity::Critical),
    ("critical", Severity::Critical),
    ("fatal", Severity::Critical),
    ("panic", Severity::Critical),
    ("error", Severity::Error),
    ("err", Severity::Error),
    ("severe", Severity::Error),
    ("warning", Severity::Warning),
    ("warn", Severity::Warning),
    ("info", Severity::Plain),
    ("notice", Severity::Plain),
    ("debug", Severity::Plain),
    ("trace", Severity::Plain),
];

/// Words that give a line without a level away.
const SIGNS: &[(&str, Severity)] = &[
    ("out of memory", Severity::Critical),
    ("segfault", Severity::Critical),
    ("panicked", Severity::Critical),
    ("error", Severity::Error),
    ("exception", Severity::Error),
    ("failed", Severity::Error),
    ("failure", Severity::Error),
    ("denied", Severity::Error),
    ("refused", Severity::Error),
    ("timed out", Severity::Error),
    ("timeout", Severity::Error),
    ("cannot ", Severity::Error),
    ("unable to", Severity::Error),
    ("warn", Severity::Warning),
    ("deprecated", Severity::Warning),
    ("retrying", Severity::Warning),
];

/// Words that take a sign back.
const DENIALS: &[&str] = &[
    "no error",
    "0 error",
    "without error",
    "0 failed",
    "0 warning",
    "no warning",
];

/// How bad a message (without its time) is: by its level, else by its words.
pub(super) fn severity(message: &str) -> Severity {
    let level = message.split([' ', '\t']).take(6).find_map(|word| {
        let word = word.rsplit_once('=').map_or(word, |(_, value)| value);
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        LEVELS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(bare) && is_level(word, bare))
            .map(|(_, level)| *level)
    });
    level.unwrap_or_else(|| {
        let lower = message.to_lowercase();
        let denied = DENIALS.iter().any(|words| lower.contains(words));
        let sign = SIGNS
            .iter()
            .find(|(words, _)| stands_alone(&lower, words))
            .map(|(_, level)| *level);
        sign.filter(|_| !denied).unwrap_or(Severity::Plain)
    })
}

/// Whether a sign begins a word and is not part of a name (`libgpg-error-dev`); `IOException` counts.
fn stands_alone(lower: &str, sign: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    lower.match_indices(sign).any(|(at, _)| {
        let before = sign == "exception" || !lower[..at].ends_with(in_name);
        before && !lower[at + sign.len()..].starts_with(['-', '_', '/'])
    })
}

/// A level is written in capitals, in brackets or with a colon; `error` as a plain word is judged with its sentence.
fn is_level(word: &str, bare: &str) -> bool {
    bare.len() > 2 && (bare.chars().all(|c| c.is_ascii_uppercase()) || word.len() > bare.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_field() {
        for (line, expected, rest) in [
            (
                "2025-06-24 14:36:25 status installed x",
                "2025-06-24 14:36:25",
                "status installed x",
            ),
            (
                "2025-06-24T14:36:25.123Z INFO x",
                "2025-06-24T14:36:25.123Z",
                "INFO x",
            ),
            ("[2025-06-24 14:36:25 +0200] x", "2025-06-24 14:36:25 +0200", "x"),
            (
                "Nov  2 10:00:00 host sshd[1]: x",
                "Nov  2 10:00:00",
                "host sshd[1]: x",
            ),
            (
                "update-alternatives 2025-06-24 14:36:53: run",
                "2025-06-24 14:36:53",
                "run",
            ),
            ("10:00:00,123 x", "10:00:00,123", "x"),
            ("2025-06-24", "2025-06-24", ""),
        ] {
            let (time, at) = time(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((time, &line[at..]), (expected, rest));
        }
        for line in [
            "",
            "hello",
            "1234",
            "Novel 22 words",
            "2025-06",
            "ä2025-06-24",
            "12:3",
            "Nov 99 10:00:00 x",
        ] {
            assert_eq!(time(line), None, "{line}");
        }
    }

    #[test]
    fn severity_by_level_then_by_words() {
        for (message, expected) in [
            ("ERROR disk", Severity::Error),
            ("host app[1]: <crit> x", Severity::Critical),
            ("level=warn msg=x", Severity::Warning),
            ("[INFO] error count reset", Severity::Plain),
            ("connection refused by peer", Severity::Error),
            ("finished with 0 errors", Severity::Plain),
            ("status installed libgpg-error-dev:amd64 1.46", Severity::Plain),
            ("java.io.IOException: gone", Severity::Error),
            ("{\"level\":\"error\"}", Severity::Error),
            ("all quiet", Severity::Plain),
        ] {
            assert_eq!(severity(message), expected, "{message}");
        }
    }
}
