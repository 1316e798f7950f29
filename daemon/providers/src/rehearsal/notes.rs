//! Prepared Markdown: findings, timelines and the like that somebody wrote about a source, with headings, points and
//! quotes.
//!
//! It is not read as a log: a heading is no event and no error, and what stands below it is repeated, not counted
//! again.

use super::entry::Entry;
use super::git;
use super::stamp::{self, Severity};

/// What a section of notes is about, by the words of its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Summary,
    Findings,
    Timeline,
    Repeats,
    Rare,
    Sources,
    Steps,
}

const HEADINGS: &[(About, &[&str])] = &[
    (About::Steps, &["step", "recommend", "action", "follow-up"]),
    (About::Summary, &["summary", "overview", "report on"]),
    (
        About::Timeline,
        &["timeline", "chronolog", "history", "what happened", "events"],
    ),
    (
        About::Repeats,
        &["frequent", "repeat", "common", "pattern", "changed most"],
    ),
    (About::Rare, &["rare", "unusual", "outlier", "only once"]),
    (About::Sources, &["who", "source", "author", "component"]),
];

/// One point of a list, with the lines quoted below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Point<'a> {
    pub(super) text: &'a str,
    pub(super) quotes: Vec<&'a str>,
}

/// A heading and what stands below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) about: About,
    pub(super) paragraphs: Vec<&'a str>,
    pub(super) points: Vec<Point<'a>>,
}

/// What a heading, or the label of a text, announces.
pub(super) fn about(heading: &str) -> About {
    let lower = heading.to_lowercase();
    HEADINGS
        .iter()
        .find(|(_, words)| words.iter().any(|word| lower.contains(word)))
        .map_or(About::Findings, |(about, _)| *about)
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim())
}

/// The text of a point: behind `-`, `*`, `+` or a number.
fn point(line: &str) -> Option<&str> {
    let bullet = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark));
    bullet.map(str::trim).or_else(|| {
        let (number, text) = line.split_once(['.', ')'])?;
        let counts = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        (counts && text.starts_with(' ')).then(|| text.trim())
    })
}

/// Whether a text is prepared Markdown: half of its first lines are headings, points or quotes.
pub(super) fn is_notes(text: &str) -> bool {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(100)
        .collect();
    let headings = lines.iter().filter(|line| heading(line).is_some()).count();
    let marks = lines
        .iter()
        .filter(|line| point(line).is_some() || line.starts_with("> "))
        .count();
    let marked = (headings + marks) * 2 >= lines.len() && marks + headings > 1;
    // `* a6819d3 subject` is a graph of commits, not a list.
    marked && (headings > 0 || !git::is_history(text))
}

/// The sections of a text; what stands above the first heading belongs to `label`.
pub(super) fn sections<'a>(label: &str, text: &'a str) -> Vec<Section<'a>> {
    let start = |about| Section {
        about,
        paragraphs: Vec::new(),
        points: Vec::new(),
    };
    let mut sections = vec![start(about(label))];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(heading) = heading(line) {
            sections.push(start(about(heading)));
        }
        let Some(section) = sections.last_mut().filter(|_| heading(line).is_none()) else {
            continue;
        };
        if let Some(quote) = line.strip_prefix("> ") {
            section.quote(quote.trim());
        } else if let Some(text) = point(line) {
            match text.strip_prefix("> ") {
                Some(quote) => section.points.push(Point {
                    text: "",
                    quotes: vec![quote.trim()],
                }),
                None => section.points.push(Point {
                    text,
                    quotes: Vec::new(),
                }),
            }
        } else {
            section.paragraphs.push(line);
        }
    }
    sections.retain(|section| !section.paragraphs.is_empty() || !section.points.is_empty());
    sections
}

impl<'a> Section<'a> {
    fn quote(&mut self, quote: &'a str) {
        match self.points.last_mut() {
            Some(point) => point.quotes.push(quote),
            None => self.points.push(Point {
                text: "",
                quotes: vec![quote],
            }),
        }
    }
}

/// A severity named by the first words of a point.
pub(super) fn named_severity(text: &str) -> Option<Severity> {
    let lower = text.trim_start_matches(['*', '_', '[']).to_lowercase();
    [
        ("critical", Severity::Critical),
        ("error", Severity::Error),
        ("urgent fix", Severity::Error),
        ("warning", Severity::Warning),
        ("fix", Severity::Warning),
    ]
    .iter()
    .find(|(word, _)| lower.starts_with(word))
    .map(|(_, severity)| *severity)
}

/// What notes tell, each once: quoted lines, and points that quote none.
pub(super) fn entries<'a>(label: &str, text: &'a str) -> Vec<Entry<'a>> {
    let mut seen = std::collections::HashSet::new();
    let mut entries = Vec::new();
    for section in sections(label, text) {
        for point in &section.points {
            let named = named_severity(point.text).filter(|_| section.about == About::Findings);
            let lines: &[&str] = if point.quotes.is_empty() {
                &[point.text]
            } else {
                &point.quotes
            };
            entries.extend(
                lines
                    .iter()
                    .filter(|line| seen.insert(**line))
                    .map(|line| entry(line, named)),
            );
        }
    }
    entries
}

fn entry<'a>(raw: &'a str, named: Option<Severity>) -> Entry<'a> {
    let (time, at) = stamp::time(raw).map_or((None, 0), |(time, at)| (Some(time), at));
    let message = raw[at..].trim();
    Entry {
        raw,
        time,
        severity: named.unwrap_or_else(|| stamp::severity(message)),
        source: None,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: &str = "# Report\n\n## Summary\n\nRead 9 lines.\n\n## Errors and warnings\n\n- error (once):\n  > 10:00:00 lost\n\n## Timeline\n\n- 10:00:00 lost\n1. second\n";

    #[test]
    fn headings_and_points_are_told_from_logs() {
        assert!(is_notes(NOTES) && is_notes("- one\n- two\n"));
        for text in [
            "2026-01-01 10:00:00 a\n2026-01-01 10:00:01 b\n",
            "# written by hand\n10:00:00 a\n10:00:01 b\n10:00:02 c\n",
            "* a6819d3 The house\n* 01c4468 Fix crash\n",
            "One sentence. And one more.",
            "",
        ] {
            assert!(!is_notes(text), "{text}");
        }
    }

    #[test]
    fn sections_hold_points_with_their_quotes() {
        let sections = sections("findings", NOTES);
        let abouts: Vec<About> = sections.iter().map(|section| section.about).collect();
        assert_eq!(abouts, [About::Summary, About::Findings, About::Timeline]);
        assert_eq!(
            sections[1].points,
            [Point {
                text: "error (once):",
                quotes: vec!["10:00:00 lost"]
            }]
        );
    }

    #[test]
    fn no_heading_is_an_entry_and_no_line_is_one_twice() {
        let entries = entries("findings", NOTES);
        let raws: Vec<&str> = entries.iter().map(|entry| entry.raw).collect();
        assert_eq!(raws, ["10:00:00 lost", "second"]);
        assert_eq!(entries[0].severity, Severity::Error);
    }
}
