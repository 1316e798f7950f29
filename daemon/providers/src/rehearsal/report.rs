//! A report out of prepared material: facts, and notes that others wrote about a source.
//!
//! It puts together what it is given: numbers stay the numbers of the facts, a line of the source is quoted once, and
//! what recommends itself follows from the findings. It does NOT read the notes as a log.

use std::fmt::Write as _;

use super::brief::{Brief, FOOTER, Topic};
use super::entry::Kind;
use super::extract::Findings;
use super::gather::Gathered;
use super::notes::About;
use super::outline;
use super::write::quote;

/// Longest abridged line, in characters.
const SHORT: usize = 90;
/// Longest quote, in characters.
const LONG: usize = 200;
/// Most findings written out.
const MAX_FINDINGS: usize = 10;
/// Most events of the timeline.
const MAX_EVENTS: usize = 20;
/// Most points of a minor list.
const MAX_MINOR: usize = 5;
/// Most next steps.
const MAX_STEPS: usize = 5;

/// Whether a report is asked for and notes are what it is made of.
pub(super) fn is_wanted(brief: &Brief, findings: &Findings<'_>) -> bool {
    let has = |kind| findings.readings.iter().any(|reading| reading.kind == kind);
    brief.asks(Topic::Report) && has(Kind::Notes) && !has(Kind::Log) && !has(Kind::History)
}

/// The whole report.
pub(super) fn compose(brief: &Brief, findings: &Findings<'_>) -> String {
    let gathered = Gathered::of(brief, findings);
    let subject = outline::subject(&brief.request);
    let mut out = format!("# {}\n\n", quote(&subject, LONG));
    for (heading, section) in outline::sections(&brief.request) {
        let body = match section {
            outline::Section::Summary => summary(brief, &gathered, &subject),
            outline::Section::Facts => facts(brief),
            outline::Section::Findings => troubles(&gathered),
            outline::Section::Timeline => timeline(&gathered),
            outline::Section::Steps => steps(&gathered),
        };
        if !body.is_empty() {
            let _ = writeln!(out, "## {heading}\n\n{}\n", body.trim_end());
        }
    }
    out + FOOTER
}

/// What was read, how much of it names trouble, and the worst.
fn summary(brief: &Brief, gathered: &Gathered, subject: &str) -> String {
    let mut sentences = vec![read_sentence(brief, gathered, subject)];
    // What a subject of a commit mentions says nothing about its state.
    sentences.extend(named(brief, gathered.unit()).filter(|_| !gathered.is_history()));
    sentences.extend(gathered.totals.iter().cloned());
    sentences.push(match gathered.troubles.first() {
        Some(worst) => {
            let often = if worst.when.is_empty() {
                String::new()
            } else {
                format!(" ({})", worst.when)
            };
            let first = match gathered.troubles.len() {
                1 => "One finding",
                _ => "Most serious",
            };
            format!(
                "{first}: {}{often}.",
                quote(worst.brief.trim_end_matches('.'), SHORT)
            )
        }
        None if gathered.is_history() => "None of them is named as a fix or a revert.".to_owned(),
        None => "The findings name nothing that went wrong.".to_owned(),
    });
    if brief.unread > 0 {
        sentences.push(format!("{} bytes more were not read.", brief.unread));
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(" ")
}

fn read_sentence(brief: &Brief, gathered: &Gathered, subject: &str) -> String {
    let of = subject
        .split_once(" of ")
        .map_or("the input", |(_, origin)| origin);
    let span = match &gathered.span {
        Some((first, last)) if first != last => format!(", from {first} to {last}"),
        Some((first, _)) => format!(", at {first}"),
        None => String::new(),
    };
    match number(brief, "lines") {
        Some(count) => {
            let verb = if count == 1 { "was" } else { "were" };
            let unit = gathered.unit();
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {unit}{plural} of {} {verb} read{span}.", quote(of, LONG))
        }
        None if span.is_empty() => String::new(),
        None => format!("The notes on {} were read{span}.", quote(of, LONG)),
    }
}

/// A number among the facts, by the last word of its name.
fn number(brief: &Brief, name: &str) -> Option<u64> {
    let is_named = |path: &str| path.rsplit('.').next() == Some(name);
    let (_, value) = brief.facts.iter().find(|(path, _)| is_named(path))?;
    value.parse().ok()
}

/// What the facts count of errors and of warnings.
fn named(brief: &Brief, unit: &str) -> Option<String> {
    let errors = number(brief, "lines_naming_errors").or_else(|| number(brief, "errors"))?;
    let warnings = number(brief, "lines_naming_warnings").or_else(|| number(brief, "warnings"));
    let count = |n: u64, what: &str| match n {
        1 => format!("1 {unit} names {what}"),
        n => format!("{n} {unit}s name {what}"),
    };
    Some(match (errors, warnings) {
        (0, Some(0)) => format!("By its words, no {unit} names an error or a warning."),
        (0, None) => format!("By its words, no {unit} names an error."),
        (errors, Some(warnings)) if warnings > 0 && errors > 0 => {
            format!(
                "By their words, {} and {warnings} a warning.",
                count(errors, "an error")
            )
        }
        (0, Some(warnings)) => format!("By their words, {}, none an error.", count(warnings, "a warning")),
        (errors, _) => format!("By their words, {}.", count(errors, "an error")),
    })
}

fn facts(brief: &Brief) -> String {
    if brief.facts.is_empty() {
        return String::new();
    }
    let cell = |text: &str| quote(text, LONG).replace('|', "\\|");
    let mut out = "| Fact | Value |\n|---|---|\n".to_owned();
    let mut facts: Vec<&(String, String)> = brief.facts.iter().collect();
    // The plain ones (`lines`) before what is counted within them (`lines_naming_errors`).
    facts.sort_by_key(|(path, _)| path.matches('_').count());
    for (path, value) in facts {
        // The label of the block says no more than the heading does.
        let name = path
            .strip_prefix("facts.")
            .unwrap_or(path)
            .replace(['_', '.'], " ");
        let _ = writeln!(
            out,
            "| {} | {} |",
            cell(&outline::capitalised(&name)),
            cell(value)
        );
    }
    out
}

fn troubles(gathered: &Gathered) -> String {
    let mut out = String::new();
    for (index, trouble) in gathered.troubles.iter().take(MAX_FINDINGS).enumerate() {
        let when = if trouble.when.is_empty() {
            String::new()
        } else {
            format!(", {}", trouble.when)
        };
        let _ = writeln!(
            out,
            "{}. **{}**{when}:\n   > {}",
            index + 1,
            trouble.noun,
            quote(&trouble.line, LONG)
        );
    }
    let more = gathered.troubles.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        let _ = writeln!(out, "\nAnd {more} more of less weight.");
    }
    if out.is_empty() {
        out.push_str("Nothing that went wrong is named.\n");
    }
    for (about, heading) in [
        (About::Findings, "Also noted"),
        (About::Repeats, "What repeats"),
        (About::Rare, "Seen only once"),
        (About::Sources, "Who and where"),
    ] {
        let points: Vec<String> = gathered
            .minor
            .iter()
            .filter(|(of, _)| *of == about)
            .take(MAX_MINOR)
            .map(|(_, text)| format!("- {}", quote(text, LONG)))
            .collect();
        if !points.is_empty() {
            let _ = writeln!(out, "\n{heading}:\n\n{}", points.join("\n"));
        }
    }
    out
}

fn timeline(gathered: &Gathered) -> String {
    let mut out = String::new();
    for event in gathered.events.iter().take(MAX_EVENTS) {
        let _ = match event.finding {
            Some(finding) if finding < MAX_FINDINGS => {
                writeln!(out, "- {} (finding {})", quote(&event.text, SHORT), finding + 1)
            }
            _ => writeln!(out, "- {}", quote(&event.text, LONG)),
        };
    }
    let more = gathered.events.len().saturating_sub(MAX_EVENTS);
    if more > 0 {
        let _ = writeln!(out, "- … and {more} more");
    }
    out
}

/// What to look into: the findings, once for every place they come from.
fn steps(gathered: &Gathered) -> String {
    let mut places: Vec<(&str, Vec<usize>)> = Vec::new();
    for (index, trouble) in gathered.troubles.iter().take(MAX_FINDINGS).enumerate() {
        let place = if trouble.place.is_empty() {
            &trouble.brief
        } else {
            &trouble.place
        };
        match places.iter_mut().find(|(known, _)| known == place) {
            Some((_, findings)) => findings.push(index),
            None => places.push((place, vec![index])),
        }
    }
    if places.is_empty() {
        return "Nothing urgent in these lines.".to_owned();
    }
    let mut out = String::new();
    for (index, (place, findings)) in places.iter().take(MAX_STEPS).enumerate() {
        let numbers: Vec<String> = findings.iter().map(|finding| (finding + 1).to_string()).collect();
        let noun = if findings.len() == 1 {
            "finding"
        } else {
            "findings"
        };
        let worst = findings.first().and_then(|first| gathered.troubles.get(*first));
        let what = match worst.map_or("", |worst| &worst.noun) {
            noun if noun.contains("fix") => "Check that it holds:",
            "warning" => "Keep an eye on",
            _ => "Look into",
        };
        let message = worst.filter(|worst| !worst.place.is_empty());
        let message = message.map_or(String::new(), |worst| {
            format!(": {}", quote(&worst.message, SHORT))
        });
        let place = quote(place, SHORT);
        let _ = writeln!(
            out,
            "{}. {what} {place}{message} ({noun} {})",
            index + 1,
            numbers.join(", ")
        );
    }
    out
}
