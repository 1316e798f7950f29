//! What the material holds, counted: one [`Reading`] a part, and [`Findings`] over all of them.

use std::collections::HashMap;

use super::brief::{Brief, Part};
use super::cluster::{self, Cluster};
use super::entry::{Entry, Kind};
use super::pick;
use super::read;
use super::stamp::Severity;

/// One part, read.
pub(super) struct Reading<'a> {
    pub(super) label: &'a str,
    pub(super) kind: Kind,
    pub(super) entries: Vec<Entry<'a>>,
    /// Every kind of message, most frequent first.
    pub(super) clusters: Vec<Cluster>,
    /// Sources with how often, most frequent first.
    pub(super) sources: Vec<(&'a str, usize)>,
    /// Indexes of the entries that say most, in the order of the text.
    pub(super) key: Vec<usize>,
}

/// Something bad, with how often and an example.
#[derive(Clone, Copy)]
pub(super) struct Trouble<'a> {
    pub(super) severity: Severity,
    /// What so bad an entry is called where it stands.
    pub(super) noun: &'static str,
    pub(super) count: usize,
    pub(super) example: &'a Entry<'a>,
    pub(super) last: &'a Entry<'a>,
}

/// Everything that was read.
pub(super) struct Findings<'a> {
    pub(super) readings: Vec<Reading<'a>>,
}

impl<'a> Reading<'a> {
    fn of(part: &'a Part) -> Self {
        let (kind, entries) = read::entries(part);
        let mut clusters = cluster::clusters(entries.iter().map(|entry| (entry.severity, entry.message)));
        clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
        let sources = tally(entries.iter().filter_map(|entry| entry.source));
        let key = pick::key_entries(&entries, kind);
        Self {
            label: &part.label,
            kind,
            entries,
            clusters,
            sources,
            key,
        }
    }

    /// How many entries are at least so bad.
    pub(super) fn count(&self, at_least: Severity) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.severity >= at_least)
            .count()
    }

    /// Earliest and latest time. Times of one text have one shape, and its lines an order: that of the text.
    pub(super) fn span(&self) -> Option<(&'a str, &'a str)> {
        let mut times = self.entries.iter().filter_map(|entry| entry.time);
        let first = times.next()?;
        let last = times.next_back().unwrap_or(first);
        let sortable = first.starts_with(|c: char| c.is_ascii_digit()) && first.len() >= 10;
        Some(if sortable && last < first {
            (last, first)
        } else {
            (first, last)
        })
    }

    /// Whether it begins with the newest, as `git log` does: unless its times say otherwise.
    pub(super) fn is_newest_first(&self) -> bool {
        let mut times = self.entries.iter().filter_map(|entry| entry.time);
        let (first, last) = (times.next(), times.next_back());
        let sortable = first.is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()));
        !(sortable && first < last)
    }

    /// The day, or the hour when there is one day, with most entries, and how many those are.
    pub(super) fn busiest(&self) -> Option<(&'a str, usize)> {
        let (first, last) = self.span()?;
        let day = |time: &'a str| {
            time.get(..10)
                .filter(|day| day.starts_with(|c: char| c.is_ascii_digit()))
        };
        let width = if day(first)? == day(last)? { 13 } else { 10 };
        let buckets = self.entries.iter().filter_map(|entry| entry.time?.get(..width));
        tally(buckets).into_iter().next()
    }

    /// What its errors and its warnings are called.
    pub(super) fn trouble_nouns(&self) -> [&'static str; 2] {
        if self.kind == Kind::History {
            ["urgent fix", "fix"]
        } else {
            ["error", "warning"]
        }
    }

    /// What one of its entries is called.
    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Log => "line",
            Kind::History => "commit",
            Kind::Notes => "point",
            Kind::Prose => "sentence",
        }
    }

    /// What one of its sources is called.
    pub(super) fn source_noun(&self) -> &'static str {
        if self.kind == Kind::History {
            "author"
        } else {
            "source"
        }
    }

    /// The label, or what it is.
    pub(super) fn name(&self) -> &str {
        match (self.label, self.kind) {
            ("" | "log" | "text", Kind::History) => "the history",
            ("" | "log", Kind::Log) => "the log",
            ("", Kind::Notes | Kind::Prose) | ("text", _) => "the text",
            (label, _) => label,
        }
    }
}

/// Names with how often, most frequent first.
pub(super) fn tally<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for (index, name) in names.enumerate() {
        counts.entry(name).or_insert((0, index)).0 += 1;
    }
    let mut names: Vec<_> = counts.into_iter().collect();
    // Ties by first appearance: a hash map's own order must never reach an answer.
    names.sort_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
    names
        .into_iter()
        .map(|(name, (count, _))| (name, count))
        .collect()
}

impl<'a> Findings<'a> {
    pub(super) fn of(brief: &'a Brief) -> Self {
        Self {
            readings: brief.material.iter().map(Reading::of).collect(),
        }
    }

    /// How many entries there are in all.
    pub(super) fn entries(&self) -> usize {
        self.readings.iter().map(|reading| reading.entries.len()).sum()
    }

    /// How many entries are at least so bad.
    pub(super) fn count(&self, at_least: Severity) -> usize {
        self.readings.iter().map(|reading| reading.count(at_least)).sum()
    }

    /// How many are just so bad.
    pub(super) fn count_of(&self, severity: Severity) -> usize {
        self.readings
            .iter()
            .flat_map(|reading| &reading.entries)
            .filter(|entry| entry.severity == severity)
            .count()
    }

    /// The worst there is.
    pub(super) fn worst(&self) -> Severity {
        let all = self
            .readings
            .iter()
            .flat_map(|reading| &reading.entries)
            .map(|entry| entry.severity);
        all.max().unwrap_or(Severity::Plain)
    }

    /// What is bad, worst and most frequent first, one of a kind.
    pub(super) fn troubles(&'a self) -> Vec<Trouble<'a>> {
        let mut troubles = Vec::new();
        for reading in &self.readings {
            for cluster in &reading.clusters {
                // Every message of a kind is as bad as its first: clusters never mix severities.
                let (Some(example), Some(last)) = (
                    reading.entries.get(cluster.first),
                    reading.entries.get(cluster.last),
                ) else {
                    continue;
                };
                if example.severity > Severity::Plain {
                    let [urgent, mild] = reading.trouble_nouns();
                    let noun = match (example.severity, reading.kind) {
                        (Severity::Critical, kind) if kind != Kind::History => "critical",
                        (Severity::Warning, _) => mild,
                        _ => urgent,
                    };
                    troubles.push(Trouble {
                        severity: example.severity,
                        noun,
                        count: cluster.count,
                        example,
                        last,
                    });
                }
            }
        }
        troubles.sort_by_key(|trouble| std::cmp::Reverse((trouble.severity, trouble.count)));
        troubles
    }

    /// Entries that say most, of every part.
    pub(super) fn key(&'a self) -> impl Iterator<Item = &'a Entry<'a>> {
        self.readings
            .iter()
            .flat_map(|reading| reading.key.iter().filter_map(|index| reading.entries.get(*index)))
    }

    /// Sources of every part with how often, most frequent first within a part.
    pub(super) fn sources(&'a self) -> impl Iterator<Item = (&'a str, usize)> {
        self.readings
            .iter()
            .flat_map(|reading| reading.sources.iter().copied())
    }

    /// First and last time over all parts.
    pub(super) fn span(&self) -> Option<(&'a str, &'a str)> {
        let mut spans = self.readings.iter().filter_map(Reading::span);
        let (first, last) = spans.next()?;
        Some((first, spans.next_back().map_or(last, |(_, last)| last)))
    }
}
