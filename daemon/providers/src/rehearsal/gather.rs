//! What prepared notes tell, sorted for a report: troubles, events, and what is of less weight; every line once.

use std::collections::HashSet;

use super::brief::{Brief, Part};
use super::entry::{Entry, Kind};
use super::extract::{Findings, Reading};
use super::notes::{self, About, Point};
use super::stamp::{self, Severity};
use super::{git, read};

/// Most troubles, events and points of less weight kept, each: hostile notes cost bounded time.
const MAX_KEPT: usize = 400;

/// Something bad.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    severity: Severity,
    /// `error`, `warning`, `urgent fix`, …
    pub(super) noun: String,
    /// `5 times, 10:00:00 to 10:05:00`; may be empty.
    pub(super) when: String,
    /// The line of the source, as it was quoted.
    pub(super) line: String,
    /// Program or component it comes from; may be empty.
    pub(super) place: String,
    /// The line without time and place.
    pub(super) message: String,
    /// Place and message.
    pub(super) brief: String,
    time: String,
}

/// A line of the timeline.
pub(super) struct Event {
    pub(super) text: String,
    /// Index of the trouble it is.
    pub(super) finding: Option<usize>,
}

/// Everything the notes tell.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) span: Option<(String, String)>,
    history: bool,
    /// Other sentences of the notes' own summaries.
    pub(super) totals: Vec<String>,
    /// Worst first.
    pub(super) troubles: Vec<Trouble>,
    /// In order of time where times can be compared, else as they were given.
    pub(super) events: Vec<Event>,
    pub(super) minor: Vec<(About, String)>,
    seen: HashSet<String>,
}

impl Gathered {
    pub(super) fn of(brief: &Brief, findings: &Findings<'_>) -> Self {
        let mut gathered = Self::default();
        for (part, reading) in brief.material.iter().zip(&findings.readings) {
            if reading.kind == Kind::Notes {
                gathered.notes(part);
            } else {
                gathered.prose(reading);
            }
        }
        gathered
            .troubles
            .sort_by_key(|trouble| std::cmp::Reverse(trouble.severity));
        gathered.link();
        gathered
    }

    /// What one unit of the source is called.
    pub(super) fn unit(&self) -> &'static str {
        if self.history { "commit" } else { "line" }
    }

    /// Whether the notes are about a history.
    pub(super) fn is_history(&self) -> bool {
        self.history
    }

    fn prose(&mut self, reading: &Reading<'_>) {
        for entry in reading.key.iter().filter_map(|index| reading.entries.get(*index)) {
            self.minor(About::Findings, entry.raw);
        }
    }

    fn notes(&mut self, part: &Part) {
        for section in notes::sections(&part.label, &part.text) {
            match section.about {
                About::Summary => section.paragraphs.iter().for_each(|text| self.summary(text)),
                About::Findings => section.points.iter().for_each(|point| self.finding(point)),
                About::Timeline => section.points.iter().for_each(|point| self.event(point)),
                // What is recommended follows from the findings.
                About::Steps => {}
                about => section.points.iter().for_each(|point| self.aside(about, point)),
            }
        }
    }

    fn minor(&mut self, about: About, text: &str) {
        if !text.is_empty() && self.minor.len() < MAX_KEPT && self.seen.insert(text.to_owned()) {
            self.minor.push((about, text.to_owned()));
        }
    }

    fn aside(&mut self, about: About, point: &Point<'_>) {
        // A kind that repeats is named by its template, and its example is left out.
        let text = point.text.trim_end_matches(':').trim_end_matches(", first");
        self.minor(about, text);
        if about == About::Rare {
            point.quotes.iter().for_each(|quote| self.minor(about, quote));
        }
    }

    /// Reads the sentences of an extract's own summary, and keeps those of others.
    fn summary(&mut self, text: &str) {
        for sentence in read::sentences(text) {
            if let Some(rest) = sentence.strip_prefix("Read ") {
                self.history |= rest
                    .split(' ')
                    .nth(1)
                    .is_some_and(|noun| noun.starts_with("commit"));
                self.span = self.span.take().or_else(|| span(rest));
            } else if sentence.starts_with("Worst: ") {
                return;
            } else if !sentence.starts_with("Nothing in it") && self.totals.len() < 2 {
                let sentence = sentence.to_owned();
                if self.seen.insert(sentence.clone()) {
                    self.totals.push(sentence);
                }
            }
        }
    }

    fn finding(&mut self, point: &Point<'_>) {
        let named = notes::named_severity(point.text);
        let when = point
            .text
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'));
        let mut when = when
            .map(|(when, _)| when)
            .filter(|_| named.is_some())
            .unwrap_or_default();
        let lines: &[&str] = match point.quotes.as_slice() {
            [] => &[point.text],
            quotes => quotes,
        };
        for line in lines {
            let mut trouble = Trouble::of(line);
            trouble.severity = named.unwrap_or(trouble.severity);
            if trouble.severity == Severity::Plain {
                self.minor(About::Findings, line);
            } else if self.troubles.len() < MAX_KEPT && self.seen.insert((*line).to_owned()) {
                let noun = point.text.split(" (").next().unwrap_or_default();
                let noun = if named.is_some() && noun.len() < 20 {
                    noun
                } else {
                    trouble.severity.word()
                };
                trouble.noun = noun.trim_end_matches(':').to_owned();
                when.clone_into(&mut trouble.when);
                self.troubles.push(trouble);
                when = "";
            }
        }
    }

    fn event(&mut self, point: &Point<'_>) {
        let lines: &[&str] = if point.text.is_empty() {
            &point.quotes
        } else {
            &[point.text]
        };
        for line in lines {
            if self.events.len() < MAX_KEPT && self.events.iter().all(|event| event.text != *line) {
                self.events.push(Event {
                    text: (*line).to_owned(),
                    finding: None,
                });
            }
        }
    }

    /// Puts events in order, ties them to the troubles they are, and drops from the asides what they tell.
    fn link(&mut self) {
        let dated =
            |text: &str| stamp::time(text).is_some_and(|(time, _)| time.as_bytes().get(4) == Some(&b'-'));
        if self.events.iter().all(|event| dated(&event.text)) {
            self.events
                .sort_by(|a, b| a.text.get(..19).cmp(&b.text.get(..19)));
        }
        for event in &mut self.events {
            event.finding = self
                .troubles
                .iter()
                .position(|trouble| trouble.is_told_by(&event.text));
        }
        let events = &self.events;
        self.minor.retain(|(about, text)| {
            let line = Trouble::of(text);
            *about != About::Rare || events.iter().all(|event| !line.is_told_by(&event.text))
        });
        if self.span.is_none() {
            let mut times = self
                .events
                .iter()
                .filter_map(|event| Some(stamp::time(&event.text)?.0));
            let first = times.next();
            self.span = first.map(|first| (first.to_owned(), times.next_back().unwrap_or(first).to_owned()));
        }
    }
}

impl Trouble {
    fn of(line: &str) -> Self {
        let commits = if git::is_commit(line) {
            git::entries(line)
        } else {
            Vec::new()
        };
        let (time, place, message) = match commits.first() {
            Some(Entry { time, message, .. }) => (time.unwrap_or_default(), "", *message),
            None => {
                let (time, at) = stamp::time(line).unwrap_or(("", 0));
                let (place, message) = read::source(line[at..].trim());
                (time, place.unwrap_or_default(), message)
            }
        };
        let separator = if place.is_empty() { "" } else { ": " };
        Self {
            severity: stamp::severity(message),
            noun: String::new(),
            when: String::new(),
            line: line.to_owned(),
            place: place.to_owned(),
            message: message.to_owned(),
            brief: format!("{place}{separator}{message}"),
            time: time.to_owned(),
        }
    }

    fn is_told_by(&self, event: &str) -> bool {
        let start: String = self.message.chars().take(60).collect();
        event.contains(&self.time) && !start.is_empty() && event.contains(&start)
    }
}

/// `… from A to B: …` of an extract's own summary.
fn span(text: &str) -> Option<(String, String)> {
    let (_, rest) = text.split_once(" from ")?;
    let (first, rest) = rest.split_once(" to ")?;
    let end = rest
        .find(": ")
        .or_else(|| rest.find(['.', ',', ';']))
        .unwrap_or(rest.len());
    Some((first.to_owned(), rest[..end].to_owned()))
}
