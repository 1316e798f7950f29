//! Which entries say most: severity, rarity and weight of their words.

use std::collections::HashMap;

use super::entry::{Entry, Kind};
use super::stamp::Severity;

/// Most entries picked from one text.
const MAX_KEY: usize = 12;
/// Most entries scored; of a longer text every n-th one, and every bad one.
const MAX_SCORED: usize = 50_000;

/// Words too common to weigh.
const STOP: &[&str] = &[
    "the", "and", "for", "with", "from", "that", "this", "was", "were", "are", "not", "but", "has", "have",
    "had", "its", "into", "you", "all", "can", "will", "which", "their", "there", "been", "they", "then",
    "than", "also",
];

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| word.len() > 2)
        .map(str::to_lowercase)
        .filter(|word| !STOP.contains(&word.as_str()))
}

/// Indexes of the picked entries, in the order of the text.
pub(super) fn key_entries(entries: &[Entry<'_>], kind: Kind) -> Vec<usize> {
    let stride = entries.len().div_ceil(MAX_SCORED).max(1);
    let sampled =
        |index: usize, entry: &Entry<'_>| index.is_multiple_of(stride) || entry.severity > Severity::Plain;
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (_, entry) in entries
        .iter()
        .enumerate()
        .filter(|(index, entry)| sampled(*index, entry))
    {
        for word in words(entry.message) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut scored: Vec<(u64, usize)> = entries
        .iter()
        .enumerate()
        .filter(|(index, entry)| sampled(*index, entry) && !entry.raw.starts_with('#'))
        .map(|(index, entry)| (score(entry, kind, &counts), index))
        .collect();
    scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
    let mut seen = std::collections::HashSet::new();
    let distinct = scored.into_iter().filter(|(_, index)| {
        entries
            .get(*index)
            .is_some_and(|entry| seen.insert(super::cluster::template(entry.message)))
    });
    let mut picked: Vec<usize> = distinct.take(MAX_KEY).map(|(_, index)| index).collect();
    picked.sort_unstable();
    picked
}

/// In prose frequent words carry the subject; in a log or a history the rare ones do.
fn score(entry: &Entry<'_>, kind: Kind, counts: &HashMap<String, usize>) -> u64 {
    let (mut sum, mut n) = (0_u64, 0_u64);
    for word in words(entry.message).take(40) {
        let count = counts.get(&word).copied().unwrap_or(1) as u64;
        sum += if kind == Kind::Prose {
            count.min(20) * 50
        } else {
            1_000 / count
        };
        n += 1;
    }
    let weight = if n == 0 { 0 } else { sum / n.max(4) };
    let bad = match entry.severity {
        Severity::Plain => 0,
        Severity::Warning => 2_000,
        Severity::Error => 4_000,
        Severity::Critical => 6_000,
    };
    let has_number =
        u64::from(kind == Kind::Prose && entry.message.bytes().any(|b| b.is_ascii_digit())) * 200;
    bad + weight + has_number
}
