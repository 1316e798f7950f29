//! Reports out of prepared material: numbers are those of the facts, every source line is quoted once, no heading is
//! taken for a finding.

use serde_json::json;

use crate::{ask, log, request};

const PROMPT: &str = "Draft the incident review of /var/log/App.log as a report: summary, facts, findings, timeline, \
    recommended next steps. Report no more than you are given.";

fn answer(system: &str, user: &str) -> String {
    ask(request(system, user, None)).text()
}

fn errors(log: &str) -> String {
    answer(
        "You find errors. State only what the lines show.",
        &format!("List the errors and warnings, what is unusual, and what repeats.\n\n<log>\n{log}\n</log>"),
    )
}

fn timeline(log: &str) -> String {
    answer(
        "You say what happened.",
        &format!("Give the timeline, in order, and name who made the changes.\n\n<log>\n{log}\n</log>"),
    )
}

/// The report on a log whose notes were written by the rehearsal itself.
fn report(log: &str, errors_named: usize) -> String {
    let lines = log.lines().count();
    let facts = json!({"lines": lines, "lines_naming_errors": errors_named, "lines_naming_warnings": 0});
    answer(
        "You write short incident reviews.",
        &format!(
            "{PROMPT}\n\n<facts>\n{facts}\n</facts>\n\n<findings>\n{}\n</findings>\n\n<timeline>\n{}\n</timeline>",
            errors(log),
            timeline(log)
        ),
    )
}

fn headings(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('#')).collect()
}

#[test]
fn the_sections_asked_for_under_the_name_asked_for() {
    let text = report(&log(), 4);
    assert_eq!(
        headings(&text),
        [
            "# Incident review of /var/log/App.log",
            "## Summary",
            "## Facts",
            "## Findings",
            "## Timeline",
            "## Recommended next steps"
        ],
        "{text}"
    );
    assert_eq!(text.matches("no model was asked").count(), 1, "{text}");
}

#[test]
fn numbers_agree_with_the_facts() {
    let text = report(&log(), 4);
    assert!(
        text.contains(
            "46 lines of /var/log/App.log were read, from 2026-03-01 10:00:00 to 2026-03-01 10:59:59."
        ),
        "{text}"
    );
    assert!(
        text.contains("4 lines name an error") && text.contains("| Lines naming errors | 4 |"),
        "{text}"
    );
    assert!(
        text.contains("**error**, 3 times, 2026-03-01 10:05:30 to 2026-03-01 10:35:30"),
        "{text}"
    );
    assert!(
        !text.contains("lines of findings") && !text.contains("lines of timeline"),
        "{text}"
    );
}

#[test]
fn every_line_of_the_source_is_quoted_at_most_once_and_no_heading_is() {
    let log = log();
    let text = report(&log, 4);
    let quotes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("> "))
        .collect();
    assert!(quotes.len() >= 3, "{text}");
    for quote in &quotes {
        assert!(
            log.lines().any(|line| line == *quote),
            "not of the source: {quote}\n{text}"
        );
    }
    for line in log.lines() {
        assert!(text.matches(line).count() <= 1, "twice: {line}\n{text}");
    }
    assert!(!text.contains("> #") && !text.contains("- #"), "{text}");
}

#[test]
fn what_follows_is_said_for_bad_and_for_good() {
    let bad = report(&log(), 4);
    assert!(
        bad.contains("1. Look into db: ") && bad.contains("Keep an eye on cache: "),
        "{bad}"
    );
    let quiet: String = (10..40)
        .map(|minute| format!("2026-03-01 10:{minute}:00 INFO web: served request {minute}\n"))
        .collect();
    let good = report(&quiet, 0);
    assert!(
        good.contains("Nothing urgent in these lines.") && !good.contains("Look into"),
        "{good}"
    );
    assert!(good.contains("no line names an error or a warning"), "{good}");
}

#[test]
fn a_history_is_reported_in_commits_oldest_first() {
    let history = "a6819d3|2026-01-03 10:00:00 +0100|Ada|cache: revert the limit\n\
        1234567|2026-01-02 09:00:00 +0100|Bob|web: refused connections are counted\n\
        b2fcd96|2026-01-01 08:00:00 +0100|Ada|cache: limit\n";
    let text = report(history, 1);
    assert!(text.contains("3 commits of /var/log/App.log were read"), "{text}");
    assert!(
        text.contains("1. **urgent fix**, once") && !text.contains("2. **"),
        "{text}"
    );
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words} in {text}"));
    assert!(
        at("- 2026-01-01 08:00:00 +0100") < at("- 2026-01-03 10:00:00 +0100"),
        "{text}"
    );
}

#[test]
fn notes_as_members_of_json_and_by_another_hand() {
    let findings = "## Errors\n\n- ERROR disk full on /var at 10:00\n\n## Remarks\n\n- the backup ran late\n";
    let input =
        json!({"findings": findings, "changes": timeline(&log()), "facts": {"lines": 46, "host": "web-1"}});
    let text = answer("Draft an incident report from the findings.", &input.to_string());
    assert!(
        text.contains("| Lines | 46 |") && text.contains("| Host | web-1 |"),
        "{text}"
    );
    assert_eq!(
        text.matches("> ERROR disk full on /var at 10:00").count(),
        1,
        "{text}"
    );
    assert!(text.contains("- the backup ran late"), "{text}");
}

#[test]
fn the_same_material_gives_the_same_report() {
    assert_eq!(report(&log(), 4), report(&log(), 4));
}

#[test]
fn hostile_notes_are_read_within_bounds() {
    let mut notes = String::from("## Timeline\n");
    for n in 0..60_000 {
        notes.push_str(&format!("- 2026-03-01 ERROR number {n} \u{1b}[2J\n"));
    }
    for label in ["timeline", "findings"] {
        let text = answer(
            "You review.",
            &format!("{PROMPT}\n<{label}>\n{notes}\n</{label}>"),
        );
        assert!(text.len() < 20_000 && !text.contains('\u{1b}'), "{}", text.len());
    }
}
