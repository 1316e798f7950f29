//! Findings to prose: the sections that were asked for, each made of counts and quoted lines.

use std::fmt::Write as _;

use super::brief::{Brief, FOOTER, Topic};
use super::cluster::Cluster;
use super::entry::{Entry, Kind};
use super::extract::{self, Findings, Reading, Trouble};
use super::stamp::Severity;
use super::{git, packages};

/// Longest quote, in characters.
const MAX_QUOTE: usize = 200;
/// Most points in a section.
const MAX_POINTS: usize = 8;

/// The whole answer.
pub(super) fn prose(brief: &Brief, findings: &Findings<'_>) -> String {
    let mut out = String::new();
    if brief.asks(Topic::Report) {
        let _ = writeln!(out, "# {}\n", title(findings));
    }
    let mut sections = 0;
    for (heading, wanted, section) in SECTIONS {
        let body = if wanted(brief) {
            section(brief, findings)
        } else {
            Vec::new()
        };
        sections += put(&mut out, heading, &body);
    }
    // What was asked for is not there: what is there instead.
    if sections == 1 {
        put(&mut out, "What repeats", &frequent(brief, findings));
    }
    out + FOOTER
}

/// Writes a section, if it holds anything; gives back how many were written.
fn put(out: &mut String, heading: &str, body: &[String]) -> usize {
    if body.is_empty() {
        return 0;
    }
    let _ = writeln!(out, "## {heading}\n\n{}\n", body.join("\n"));
    1
}

type Wanted = fn(&Brief) -> bool;
type Section = fn(&Brief, &Findings<'_>) -> Vec<String>;

/// Every section: its heading, when it is wanted, and what is in it. Empty ones are left out.
const SECTIONS: &[(&str, Wanted, Section)] = &[
    (
        "Summary",
        |_| true,
        |brief, findings| vec![summary(brief, findings)],
    ),
    (
        "Key points",
        |brief| any(brief, &[Topic::Report, Topic::Summary]),
        key_points,
    ),
    (
        "Errors and warnings",
        |brief| any(brief, &[Topic::Report, Topic::Errors]),
        errors,
    ),
    (
        "Timeline",
        |brief| any(brief, &[Topic::Report, Topic::Timeline]),
        timeline,
    ),
    (
        "What repeats",
        |brief| any(brief, &[Topic::Report, Topic::Frequency]),
        frequent,
    ),
    (
        "Who and where",
        |brief| any(brief, &[Topic::Sources, Topic::Report]),
        sources,
    ),
    ("Rare", |brief| any(brief, &[Topic::Rare]), rare),
    (
        "Facts",
        |brief| any(brief, &[Topic::Report, Topic::Frequency]),
        facts,
    ),
    (
        "Next steps",
        |brief| any(brief, &[Topic::Report, Topic::Steps]),
        steps,
    ),
];

/// Asked for, or nothing in particular was.
fn any(brief: &Brief, topics: &[Topic]) -> bool {
    brief.asks_nothing() || topics.iter().any(|topic| brief.asks(*topic))
}

/// What a report is called.
pub(super) fn title(findings: &Findings<'_>) -> String {
    let name = findings.readings.first().map_or("nothing", Reading::name);
    match findings.readings.len() {
        0 | 1 => format!("Report on {name}"),
        n => format!("Report on {name} and {} more", n - 1),
    }
}

/// One paragraph: what was read, and how much of it is bad.
pub(super) fn summary(brief: &Brief, findings: &Findings<'_>) -> String {
    let mut sentences: Vec<String> = findings
        .readings
        .iter()
        .take(MAX_POINTS)
        .map(read_sentence)
        .collect();
    if findings.readings.is_empty() && brief.facts.is_empty() {
        sentences.push("There was nothing to read.".into());
    }
    if let Some(worst) = findings.troubles().first() {
        sentences.push(format!(
            "Worst: {} {}.",
            quote(worst.example.message, 120),
            times(worst)
        ));
    } else if findings.entries() > 0 && findings.readings.iter().any(|r| r.kind != Kind::History) {
        sentences.push("Nothing in it says that something went wrong.".into());
    }
    if brief.unread > 0 {
        sentences.push(format!("{} bytes more were not read.", brief.unread));
    }
    sentences.join(" ")
}

fn read_sentence(reading: &Reading<'_>) -> String {
    let mut text = format!(
        "Read {} of {}",
        many(reading.entries.len(), reading.noun()),
        reading.name()
    );
    if let Some((first, last)) = reading.span() {
        let _ = write!(text, " from {first} to {last}");
    }
    let (errors, all) = (reading.count(Severity::Error), reading.count(Severity::Warning));
    let [urgent, mild] = reading.trouble_nouns();
    let _ = match (errors, all, reading.kind) {
        (_, _, Kind::Notes) => Ok(()),
        (0, 0, Kind::History) => write!(text, ": no fixes among them"),
        (0, 0, _) => write!(text, ": no errors or warnings"),
        _ => write!(text, ": {}, {}", many(errors, urgent), many(all - errors, mild)),
    };
    if !reading.sources.is_empty() {
        let _ = write!(text, ", {}", many(reading.sources.len(), reading.source_noun()));
    }
    // Within an hour the hour says nothing.
    if let Some((when, count)) = reading
        .busiest()
        .filter(|(_, count)| *count > 1 && *count * 2 < reading.entries.len())
    {
        let _ = write!(text, "; most on {when} ({count})");
    }
    if let Some(totals) = package_totals(reading) {
        let _ = write!(text, ". Packages: {totals}");
    }
    text + "."
}

/// How many packages were changed, for the log of a package manager.
fn package_totals(reading: &Reading<'_>) -> Option<String> {
    let known = reading.kind == Kind::Log && packages::is_package_log(&reading.entries);
    known.then(|| packages::totals(&reading.entries)).flatten()
}

/// `1 fix`, `2 fixes`, `0 errors`.
fn many(count: usize, noun: &str) -> String {
    match (count, noun.ends_with('x')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{count} {noun}es"),
        (_, false) => format!("{count} {noun}s"),
    }
}

fn key_points(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let prose = findings
        .readings
        .iter()
        .filter(|reading| matches!(reading.kind, Kind::Notes | Kind::Prose));
    let mut lines = Vec::new();
    for reading in prose.take(MAX_POINTS) {
        if findings.readings.len() > 1 {
            lines.push(format!("### {}", reading.name()));
        }
        let entries = reading.key.iter().filter_map(|index| reading.entries.get(*index));
        lines.extend(
            entries
                .take(MAX_POINTS)
                .map(|entry| format!("- {}", quote(entry.message, MAX_QUOTE))),
        );
    }
    lines
}

fn errors(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let troubles = findings.troubles();
    let mut lines: Vec<String> = troubles.iter().take(MAX_POINTS).map(trouble_point).collect();
    if troubles.len() > MAX_POINTS {
        lines.push(format!("- and {} more kinds", troubles.len() - MAX_POINTS));
    }
    lines
}

fn trouble_point(trouble: &Trouble<'_>) -> String {
    format!(
        "- {} {}:\n  > {}",
        trouble.noun,
        times(trouble),
        quote(trouble.example.raw, MAX_QUOTE)
    )
}

/// `(3 times, 10:00 to 11:00)`
pub(super) fn times(trouble: &Trouble<'_>) -> String {
    let count = if trouble.count == 1 {
        "once".to_owned()
    } else {
        format!("{} times", trouble.count)
    };
    match (trouble.example.time, trouble.last.time) {
        (Some(first), Some(last)) if first != last => format!("({count}, {first} to {last})"),
        (Some(first), _) => format!("({count}, {first})"),
        _ => format!("({count})"),
    }
}

/// Entries for a timeline: first, last and the telling ones between, in order.
pub(super) fn milestones<'a>(reading: &'a Reading<'a>) -> Vec<&'a Entry<'a>> {
    let last = reading.entries.len().saturating_sub(1);
    let mut indexes: Vec<usize> = reading.key.iter().copied().chain([0, last]).collect();
    indexes.sort_unstable();
    indexes.dedup();
    // `git log` begins with the newest.
    if reading.kind == Kind::History && reading.is_newest_first() {
        indexes.reverse();
    }
    let entries = indexes.into_iter().filter_map(|index| reading.entries.get(index));
    entries
        .filter(|entry| entry.time.is_some() || reading.kind == Kind::History)
        .collect()
}

fn timeline(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for reading in &findings.readings {
        if package_totals(reading).is_some() {
            lines.extend(package_events(reading));
        } else {
            let several = reading.kind == Kind::Log || reading.sources.len() > 1;
            lines.extend(milestones(reading).into_iter().map(|entry| event(entry, several)));
        }
    }
    lines.truncate(2 * MAX_POINTS);
    lines
}

/// Changes of packages, and what went wrong between them.
fn package_events(reading: &Reading<'_>) -> Vec<String> {
    let groups = packages::groups(&reading.entries);
    let mut lines: Vec<String> = groups
        .iter()
        .map(|group| format!("- {} {}", group.time, group.text()))
        .collect();
    let bad = milestones(reading)
        .into_iter()
        .filter(|entry| entry.severity > Severity::Plain);
    lines.extend(bad.map(|entry| event(entry, true)));
    // All begin with a time of one shape; what is of one second stays as it was.
    lines.sort_by(|a, b| a.get(..21).cmp(&b.get(..21)));
    lines
}

fn event(entry: &Entry<'_>, several: bool) -> String {
    let who = entry
        .source
        .filter(|_| several)
        .map(|source| format!("{source}: "))
        .unwrap_or_default();
    match entry.time {
        Some(time) => format!("- {time} {who}{}", quote(entry.message, MAX_QUOTE)),
        None => format!("- {who}{}", quote(entry.raw, MAX_QUOTE)),
    }
}

/// The readings whose lines repeat by nature: in prose and notes they are the form, not the subject.
fn records<'f, 'a>(findings: &'f Findings<'a>) -> impl Iterator<Item = &'f Reading<'a>> {
    let is_record = |reading: &&Reading<'_>| matches!(reading.kind, Kind::Log | Kind::History);
    findings.readings.iter().filter(is_record)
}

fn frequent(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for reading in records(findings) {
        if reading.kind == Kind::History {
            lines.extend(areas(reading));
            continue;
        }
        if package_totals(reading).is_some() {
            let (steps, all) = (packages::steps(&reading.entries), reading.entries.len());
            lines.push(format!(
                "- {steps} of {all} lines are steps of package changes (unpacking, configuring, triggers)"
            ));
            continue;
        }
        let repeated = reading.clusters.iter().filter(|cluster| cluster.count > 1);
        // What is bad is quoted among the errors already.
        let entry = |cluster: &Cluster| {
            reading
                .entries
                .get(cluster.first)
                .filter(|e| e.severity == Severity::Plain)
        };
        for (cluster, entry) in repeated.filter_map(|c| Some((c, entry(c)?))).take(MAX_POINTS) {
            let template = quote(&cluster.template, 120);
            lines.push(format!(
                "- {} times `{template}`, first:\n  > {}",
                cluster.count,
                quote(entry.raw, MAX_QUOTE)
            ));
        }
    }
    lines
}

/// The areas that commits name, most named first.
fn areas(reading: &Reading<'_>) -> Vec<String> {
    let areas = extract::tally(
        reading
            .entries
            .iter()
            .filter_map(|entry| git::area(entry.message)),
    );
    let repeated = areas.into_iter().filter(|(_, count)| *count > 1);
    repeated
        .take(MAX_POINTS)
        .map(|(area, count)| format!("- {count} commits on `{}`", quote(area, 60)))
        .collect()
}

/// Lines that stand alone; of a history every commit does.
fn rare(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for reading in records(findings).filter(|r| r.kind == Kind::Log && !packages::is_package_log(&r.entries))
    {
        let single = reading.clusters.iter().filter(|cluster| cluster.count == 1);
        let entries = single
            .filter_map(|cluster| reading.entries.get(cluster.first))
            .filter(|entry| entry.severity == Severity::Plain);
        lines.extend(
            entries
                .take(MAX_POINTS)
                .map(|entry| format!("- > {}", quote(entry.raw, MAX_QUOTE))),
        );
    }
    lines
}

fn sources(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for reading in findings
        .readings
        .iter()
        .filter(|reading| !reading.sources.is_empty())
    {
        let most: Vec<String> = reading
            .sources
            .iter()
            .take(MAX_POINTS)
            .map(|(name, count)| format!("{} ({count})", quote(name, 60)))
            .collect();
        lines.push(format!(
            "- {} of {}: {}",
            many(reading.sources.len(), reading.source_noun()),
            reading.name(),
            most.join(", ")
        ));
    }
    lines
}

fn facts(brief: &Brief, _: &Findings<'_>) -> Vec<String> {
    brief
        .facts
        .iter()
        .take(20)
        .map(|(key, value)| format!("- {key}: {}", quote(value, MAX_QUOTE)))
        .collect()
}

/// What to look at, worst first.
pub(super) fn step_texts(findings: &Findings<'_>) -> Vec<String> {
    let troubles = findings.troubles();
    let of = |trouble: &Trouble<'_>| {
        let source = trouble
            .example
            .source
            .map(|source| format!(" in {source}"))
            .unwrap_or_default();
        format!(
            "Look into{source}: {} {}",
            quote(trouble.example.message, 120),
            times(trouble)
        )
    };
    let mut steps: Vec<String> = troubles.iter().take(4).map(of).collect();
    if steps.is_empty() {
        steps.push("Nothing stands out: no step follows from the input alone.".into());
    }
    steps
}

fn steps(_: &Brief, findings: &Findings<'_>) -> Vec<String> {
    step_texts(findings)
        .iter()
        .enumerate()
        .map(|(index, step)| format!("{}. {step}", index + 1))
        .collect()
}

/// Text of the input as one line, without control characters, at most `max` characters.
pub(super) fn quote(text: &str, max: usize) -> String {
    let mut out = String::new();
    for (index, c) in text.trim().chars().enumerate() {
        if index == max {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}
