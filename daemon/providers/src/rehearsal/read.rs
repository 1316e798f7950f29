//! A text to entries: lines of a log, commits of a history, or sentences.

use super::brief::Part;
use super::entry::{Entry, Kind};
use super::git;
use super::notes;
use super::stamp::{self, Severity};

/// Tells what a part is and reads it.
pub(super) fn entries(part: &Part) -> (Kind, Vec<Entry<'_>>) {
    if notes::is_notes(&part.text) {
        (Kind::Notes, notes::entries(&part.label, &part.text))
    } else if git::is_history(&part.text) {
        (Kind::History, git::entries(&part.text))
    } else if is_log(&part.text) {
        (Kind::Log, log(&part.text))
    } else {
        (Kind::Prose, prose(&part.text))
    }
}

/// Whether a third of the first lines carry a time, or half of them a level in capitals.
fn is_log(text: &str) -> bool {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(200)
        .collect();
    let is_record = |line: &str| line.starts_with('{') && line.ends_with('}');
    let timed = lines
        .iter()
        .filter(|line| stamp::time(line).is_some() || is_record(line))
        .count();
    let levels = ["ERROR", "WARN", "INFO", "DEBUG"];
    let levelled = lines
        .iter()
        .filter(|line| levels.iter().any(|level| line.contains(level)))
        .count();
    !lines.is_empty() && (timed * 3 >= lines.len() || levelled * 2 >= lines.len())
}

fn log(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for raw in text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty())
    {
        let (time, at) = stamp::time(raw).map_or((None, 0), |(time, at)| (Some(time), at));
        // Below a line with a time, lines without one belong to it: they are read, but do not count as bad again.
        let continued = time.is_none() && !entries.is_empty() && raw.starts_with([' ', '\t']);
        let rest = raw[at..].trim();
        let (source, message) = source(rest);
        let severity = if continued {
            Severity::Plain
        } else {
            stamp::severity(rest)
        };
        entries.push(Entry {
            raw,
            time,
            severity,
            source,
            message,
        });
    }
    entries
}

/// `host unit[12]: message`, `LEVEL module: message` and the like: the first of three words that ends in a colon.
pub(super) fn source(rest: &str) -> (Option<&str>, &str) {
    let mut at = 0;
    for word in rest.split(' ').take(3) {
        let end = at + word.len();
        if let Some(name) = word.strip_suffix(':') {
            let bare = name.split('[').next().unwrap_or(name);
            let message = rest[end..].trim_start();
            let named = bare.len() > 1 && bare.chars().any(char::is_alphabetic) && bare.len() <= 60;
            if named && !message.is_empty() && stamp::severity(&format!("{word} ")) == Severity::Plain {
                return (Some(bare), message);
            }
        }
        at = (end + 1).min(rest.len());
    }
    (None, rest)
}

/// Lines that are points or headings stay whole; other paragraphs are split into sentences.
fn prose(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let is_point =
            line.starts_with(['-', '*', '#', '>', '|']) || line.starts_with(|c: char| c.is_ascii_digit());
        let sentences = if is_point { vec![line] } else { sentences(line) };
        for raw in sentences {
            let message = raw.trim_start_matches(['-', '*', '>', ' ']);
            // The word of an extract's own heading ("Errors") is no error.
            let severity = if raw.starts_with('#') {
                Severity::Plain
            } else {
                stamp::severity(message)
            };
            entries.push(Entry {
                raw,
                time: None,
                severity,
                source: None,
                message,
            });
        }
    }
    entries
}

pub(super) fn sentences(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, c) in line.char_indices() {
        let end = at + c.len_utf8();
        // A sentence ends before a space and a word that is not in lower case ("e.g. this" goes on).
        let next = line[end..].strip_prefix(' ').and_then(|rest| rest.chars().next());
        let ends = matches!(c, '.' | '!' | '?') && next.is_some_and(|next| !next.is_lowercase());
        if ends && end - start > 12 {
            out.push(line[start..end].trim());
            start = end;
        }
    }
    out.push(line[start..].trim());
    out.retain(|sentence| !sentence.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Part {
        Part {
            label: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn logs_give_time_source_and_severity() {
        let part = part(
            "Nov 22 10:00:00 host sshd[77]: Failed password for root\n  stack error line\n2025-01-01 10:00:00 WARN net::tcp: slow peer\n",
        );
        let (kind, entries) = entries(&part);
        assert_eq!(kind, Kind::Log);
        let of: Vec<_> = entries
            .iter()
            .map(|e| (e.source, e.message, e.severity))
            .collect();
        assert_eq!(of[0], (Some("sshd"), "Failed password for root", Severity::Error));
        assert_eq!(of[1].2, Severity::Plain, "a continued line is not counted again");
        assert_eq!(of[2], (Some("net::tcp"), "slow peer", Severity::Warning));
    }

    #[test]
    fn prose_gives_sentences_and_points() {
        let part = part(
            "# Title\nThe disk was full, e.g. on Monday. It failed twice.\nWe went home.\nIt rained.\n- a point. still it\n",
        );
        let (kind, entries) = entries(&part);
        assert_eq!(kind, Kind::Prose);
        let raws: Vec<_> = entries.iter().map(|entry| entry.raw).collect();
        assert_eq!(
            raws,
            [
                "# Title",
                "The disk was full, e.g. on Monday.",
                "It failed twice.",
                "We went home.",
                "It rained.",
                "- a point. still it"
            ]
        );
    }
}
