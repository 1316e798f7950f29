//! Histories of git, in the shapes `git log` prints them.

use super::entry::Entry;
use super::stamp::{self, Severity};

/// Whether a line begins a commit: `commit <hash>`, or a hash and more behind it.
pub(super) fn is_commit(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '|', '\\', '/', ' ']);
    match line.strip_prefix("commit ") {
        Some(rest) => rest.split([' ', '\n']).next().is_some_and(is_hash),
        None => line
            .split_once([' ', '\t', '|'])
            .is_some_and(|(word, rest)| (is_hash(word) || barred(line, word)) && !rest.trim().is_empty()),
    }
}

/// Before a bar also a hash of digits alone, or of letters, when more than one field follows.
fn barred(line: &str, word: &str) -> bool {
    let hex = (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    hex && line[word.len()..].starts_with('|') && line.matches('|').count() > 1
}

/// 7 to 40 hexadecimal digits with a digit and a letter among them, so that neither words nor numbers count.
fn is_hash(word: &str) -> bool {
    (7..=40).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && word.bytes().any(|b| b.is_ascii_digit())
        && (word.len() >= 12 || word.bytes().any(|b| b.is_ascii_lowercase()))
}

/// Whether a text is a history: at least half of its first lines begin commits, or it is of the long form.
pub(super) fn is_history(text: &str) -> bool {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(100)
        .collect();
    let commits = lines.iter().filter(|line| is_commit(line)).count();
    let long = lines.iter().any(|line| line.starts_with("Author: "))
        && lines.iter().any(|l| l.starts_with("commit "));
    !lines.is_empty() && (long || commits * 2 >= lines.len())
}

/// The commits of a text, in its order.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in text.lines() {
        if is_commit(line) {
            entries.push(commit(line));
        } else if let Some(entry) = entries.last_mut() {
            header(entry, line);
        }
    }
    for entry in &mut entries {
        entry.severity = judge(entry.message);
    }
    entries
}

/// A line of the long form below `commit`.
fn header<'a>(entry: &mut Entry<'a>, line: &'a str) {
    if let Some(author) = line.strip_prefix("Author:") {
        entry.source = Some(author.split('<').next().unwrap_or(author).trim());
    } else if let Some(date) = line
        .strip_prefix("Date:")
        .or_else(|| line.strip_prefix("AuthorDate:"))
    {
        entry.time = Some(date.trim());
    } else if entry.message.is_empty() && line.starts_with("    ") {
        entry.message = line.trim();
        entry.raw = line.trim();
    }
}

fn commit(line: &str) -> Entry<'_> {
    let line = line.trim_start_matches(['*', '|', '\\', '/', ' ']);
    if line.starts_with("commit ") {
        return Entry {
            raw: line,
            time: None,
            severity: Severity::Plain,
            source: None,
            message: "",
        };
    }
    let (_, rest) = line.split_once([' ', '\t', '|']).unwrap_or((line, ""));
    let separator = if line.contains('\t') { '\t' } else { '|' };
    let fields: Vec<&str> = rest
        .split(separator)
        .map(str::trim)
        .filter(|field| !field.is_empty())
        .collect();
    let mut entry = Entry {
        raw: line,
        time: None,
        severity: Severity::Plain,
        source: None,
        message: rest.trim(),
    };
    if let [fields @ .., subject] = fields.as_slice()
        && !fields.is_empty()
    {
        entry.message = subject;
        for field in fields {
            match stamp::time(field) {
                Some((time, _)) => entry.time = Some(time),
                None if entry.source.is_none() => entry.source = Some(field),
                None => {}
            }
        }
    } else if let Some((time, at)) = stamp::time(entry.message) {
        entry.time = Some(time);
        entry.message = &entry.message[at..];
    }
    entry
}

/// Words that begin a word of a subject which takes something back, and of one that mends something.
const URGENT: &[&str] = &["revert", "hotfix", "regression", "rollback", "cve"];
const MENDING: &[&str] = &[
    "fix",
    "bug",
    "bugfix",
    "bugs",
    "fixes",
    "fixed",
    "fixing",
    "broken",
    "workaround",
];

/// Commits that mend or take back something stand for trouble.
fn judge(subject: &str) -> Severity {
    let lower = subject.to_lowercase();
    let mut words = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let urgent = words
        .clone()
        .any(|word| URGENT.iter().any(|sign| word.starts_with(sign)))
        || lower.contains("roll back")
        || lower.contains("security fix");
    if urgent {
        Severity::Error
    } else if words.any(|word| MENDING.contains(&word)) {
        Severity::Warning
    } else {
        Severity::Plain
    }
}

/// The area a subject names before its first colon (`store: keep the tail` is about `store`).
pub(super) fn area(subject: &str) -> Option<&str> {
    let (area, rest) = subject.split_once(": ")?;
    let named = (1..=30).contains(&area.len()) && area.split(' ').count() <= 3 && !rest.trim().is_empty();
    named.then(|| area.split('(').next().unwrap_or(area).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_git_log_prints() {
        let short = "a6819d3 The house\n* 01c4468 Fix crash on empty input\n";
        let bars = "a6819d3|2025-06-24 14:36:25 +0200|Ada|Revert \"x\"\n01c4468|2025-06-23|Bob|Add y\n";
        let long = "commit a6819d3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nAuthor: Ada L <a@b>\nDate:   Tue Jun 24 14:36:25 2025\n\n    Fix z\n\n    more\n";
        for text in [short, bars, long] {
            assert!(is_history(text), "{text}");
        }
        let of = |text| {
            entries(text)
                .into_iter()
                .map(|e| (e.time, e.source, e.message, e.severity))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(short)[1],
            (None, None, "Fix crash on empty input", Severity::Warning)
        );
        assert_eq!(
            of(bars)[0],
            (
                Some("2025-06-24 14:36:25 +0200"),
                Some("Ada"),
                "Revert \"x\"",
                Severity::Error
            )
        );
        assert_eq!(
            of(long),
            [(
                Some("Tue Jun 24 14:36:25 2025"),
                Some("Ada L"),
                "Fix z",
                Severity::Warning
            )]
        );
        assert!(is_commit("1234567|2025-06-23|Bob|Digits alone") && !is_commit("1234567 numbers"));
        let plain = "a6819d3 debug: prefix and suffix of fixtures\n";
        assert_eq!(of(plain)[0].3, Severity::Plain, "parts of words mend nothing");
        assert_eq!(area("store: keep the tail"), Some("store"));
        assert!(!is_history("added more code\nfaced facade\n20250624 numbers\n"));
    }
}
