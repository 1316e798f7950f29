//! Prose: the sections that were asked for, with counts that are right and quotes that are in the input.

use crate::{ask, log, request};

fn answer(system: &str, user: &str) -> String {
    ask(request(system, user, None)).text()
}

#[test]
fn counts_are_right_and_every_quote_is_a_line_of_the_input() {
    let log = log();
    let text = answer(
        "You find errors and count how often they occur.",
        &format!("Read this log:\n\n{log}"),
    );
    assert!(text.contains("Read 46 lines of the log from 2026-03-01 10:00:00 to 2026-03-01 10:59:59: 4 errors, 2 warnings, 4 sources"), "{text}");
    assert!(
        text.contains("- error (3 times, 2026-03-01 10:05:30 to 2026-03-01 10:35:30):"),
        "{text}"
    );
    assert!(
        text.contains("- 40 times `INFO web: served request *`")
            || text.contains("- 40 times `served request *`"),
        "{text}"
    );
    let quotes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("> "))
        .collect();
    assert!(quotes.len() >= 4, "{text}");
    for quote in quotes {
        assert!(log.lines().any(|line| line == quote), "not in the input: {quote}");
    }
    assert!(
        text.ends_with("_Rehearsal: extracted from the input by rule; no model was asked._"),
        "{text}"
    );
}

#[test]
fn the_words_of_the_instructions_choose_the_sections() {
    let log = log();
    let headings = |system: &str| -> Vec<String> {
        let text = answer(system, &log);
        text.lines()
            .filter(|line| line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        headings("List the errors."),
        ["## Summary", "## Errors and warnings"]
    );
    assert_eq!(headings("Give a timeline."), ["## Summary", "## Timeline"]);
    let report = headings("Draft a report.");
    assert_eq!(report[0], "# Report on the log");
    for heading in ["## Errors and warnings", "## Timeline", "## Next steps"] {
        assert!(report.iter().any(|h| h == heading), "{heading} not in {report:?}");
    }
}

#[test]
fn another_input_gives_another_answer() {
    let quiet = answer(
        "List the errors.",
        "2026-03-01 10:00:00 INFO web: started\n2026-03-01 10:00:01 INFO web: ready\n",
    );
    assert!(
        quiet.contains("no errors or warnings") && !quiet.contains("## Errors"),
        "{quiet}"
    );
    assert!(
        quiet.contains("Nothing in it says that something went wrong."),
        "{quiet}"
    );
}

#[test]
fn a_history_is_read_as_commits_with_authors() {
    let history = "a6819d3|2026-01-03 10:00:00 +0100|Ada Lovelace|Revert \"cache\"\n\
        01c4468|2026-01-02 09:00:00 +0100|Bob|Fix crash on empty input\n\
        b2fcd96|2026-01-01 08:00:00 +0100|Ada Lovelace|Add cache\n";
    let text = answer(
        "Who changed what, and what are the risks? Give a timeline.",
        history,
    );
    assert!(
        text.contains(
            "Read 3 commits of the history from 2026-01-01 08:00:00 +0100 to 2026-01-03 10:00:00 +0100"
        ),
        "{text}"
    );
    assert!(
        text.contains("2 authors of the history: Ada Lovelace (2), Bob (1)"),
        "{text}"
    );
    assert!(text.contains("1 urgent fix, 1 fix, 2 authors"), "{text}");
}

#[test]
fn hostile_input_is_read_within_bounds() {
    let long_line = "x".repeat(9 * 1024 * 1024);
    let text = answer("Summarise.", &format!("Read:\n```\n{long_line}\n```"));
    assert!(text.contains("1048576 bytes more were not read."), "{text}");
    let escapes = answer(
        "Find errors.",
        "2026-03-01 10:00:00 ERROR \u{1b}[2Jcleared\u{7}\n",
    );
    assert!(!escapes.contains(['\u{1b}', '\u{7}']), "{escapes:?}");
    for junk in [
        "",
        "\n\n",
        "{",
        "[[[[",
        "```",
        "<a>",
        "\u{FEFF}",
        "\r\n\r\n",
        "ä2026-03-01 ö",
    ] {
        assert!(answer("", junk).contains("Rehearsal"), "{junk:?}");
    }
    let brackets = "[x\n{y\n".repeat(50_000);
    assert!(answer("Count.", &brackets).contains("Rehearsal"));
    let json_log = "{\"level\":\"error\",\"msg\":\"lost\"}\n".repeat(20_000);
    assert!(answer("Count the errors.", &json_log).contains("20000 errors"));
}

#[test]
fn a_package_log_is_told_as_changes_with_what_went_wrong_between_them() {
    let mut log = String::new();
    for second in 10..30 {
        log += &format!("2026-03-01 10:00:{second} install lib{second}:all <none> 1\n");
        log += &format!("2026-03-01 10:00:{second} status unpacked lib{second}:all 1\n");
    }
    log += "2026-03-01 10:00:31 error: checksum mismatch for libbar\n2026-03-01 10:00:32 remove lib10:all 1 <none>\n";
    let text = answer("Give the timeline.", &log);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].contains("installed 20 packages") && lines[1].contains("checksum mismatch"),
        "{text}"
    );
    assert!(lines[2].contains("removed 1 package: lib10:all"), "{text}");
}
