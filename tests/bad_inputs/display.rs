//! D: text from outside that would rather be a terminal's command than text, on every way to a person's eyes.

use std::time::Duration;

use dirigent_tests::{LONG, Terminal, until};
use serde_json::{Value, json};

use crate::rules::{Bed, Leaves};

/// What must never leave the client as a command; each begins with a word of its own.
const HOSTILE: &[(&str, &str)] = &[
    ("D01", "\u{1b}[2J\u{1b}[1;1H\u{1b}[31mpwned"),
    ("D01", "\u{9b}2Jpwned"),
    ("D02", "\u{1b}]0;pwned\u{7}"),
    (
        "D02",
        "\u{1b}]8;;http://pwned.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    ),
    ("D02", "\u{1b}]52;c;cHduZWQ=\u{7}"),
    ("D02", "\u{1b}]1337;pwned\u{7}"),
    (
        "D02",
        "\u{1b}Ppwned\u{1b}\\ \u{1b}_pwned\u{1b}\\ \u{1b}^pwned\u{1b}\\ \u{90}pwned\u{9c}",
    ),
    ("D02", "\u{1b}P0;0;0q#0;2;0;0;0~pwned\u{1b}\\"),
    ("D04", "\u{1b}[6n\u{1b}[>0c\u{1b}P$qpwned\u{1b}\\"),
    (
        "D07",
        "one\r\n\n? send pwned\n[a] approve  [d] deny\n$ rm -rf ~\n",
    ),
];

/// Begins of sequences that only [`HOSTILE`] has.
const PAYLOADS: &[&[u8]] = &[
    b"\x1b[31mpwned",
    b"\x1b]0;pwned",
    b"\x1b]8;;http://pwned",
    b"\x1b]52;c;cHdu",
    b"\x1b]1337;pwned",
    b"\x1bPpwned",
    b"\x1b_pwned",
    b"\x1b^pwned",
    b"\x1bP0;0;0q",
    b"\x1b[6n\x1b[>0c",
    b"\x1bP$qpwned",
    "\u{9b}2J".as_bytes(),
    "\u{90}pwned".as_bytes(),
];

fn workflow(bed: &Bed, tasks: &Value) -> String {
    let document = json!({ "dsl": "1.0.3", "namespace": "bad", "name": "row", "version": "1.0.0" });
    let text = json!({ "document": document, "do": tasks }).to_string();
    bed.home.write("row.json", &text).to_str().unwrap().to_owned()
}

/// A run that says a text of its input, and asks a person about it.
fn asked(bed: &Bed, text: &str) -> (Value, String) {
    let with = json!({ "title": "${ .said }", "action": "${ .said }", "show": "${ .said }" });
    let tasks = json!([
        { "say": { "set": { "said": "${ .text }" } } },
        { "gate": { "call": "approval", "with": with } },
    ]);
    let file = workflow(bed, &tasks);
    let input = bed.home.write("input.json", &json!({ "text": text }).to_string());
    let input = format!("@{}", input.display());
    let words = [
        "run",
        "-f",
        &file,
        "--input",
        &input,
        "--no-wait-approvals",
        "--json",
    ];
    let report = bed.home.client(&words).json();
    let run = report["run"].as_str().unwrap().to_owned();
    let pending = bed.home.client(&["approvals", "list", "--json"]).json();
    let mut items = pending["items"].as_array().unwrap().iter();
    let approval = items.find(|item| item["run"] == report["run"]).unwrap();
    (approval.clone(), run)
}

/// Everything that a command writes to a terminal.
fn on_a_terminal(bed: &Bed, words: &[&str]) -> Vec<u8> {
    let mut terminal = Terminal::run(&bed.home.client_command(words), 200, 50);
    assert_eq!(terminal.wait_end(LONG), 0, "{words:?}: {}", terminal.text());
    terminal.written()
}

fn tells_nothing(id: &str, place: &str, written: &[u8]) {
    for payload in PAYLOADS {
        let found = written.windows(payload.len()).any(|bytes| bytes == *payload);
        assert!(
            !found,
            "{id}: {} reached the terminal at {place}",
            payload.escape_ascii()
        );
    }
}

#[test]
fn text_from_outside_is_shown_and_never_obeyed_in_lines() {
    let bed = Bed::start(&[], "");
    for (id, text) in HOSTILE {
        // What it leaves is the run and its question.
        let (approval, run) = bed.row(id, Leaves::ARun, || asked(&bed, text));
        let approval = approval["id"].as_str().unwrap();
        for words in [
            vec!["runs", "show", &run],
            vec!["runs", "events", &run],
            vec!["approvals", "show", approval],
        ] {
            tells_nothing(id, words[0], &on_a_terminal(&bed, &words));
        }
        for words in [["runs", "list"], ["approvals", "list"]] {
            bed.shows_nothing(id, &bed.home.client(&words).stdout);
        }
        let _cancelled = bed.home.client(&["runs", "cancel", &run]);
    }
}

#[test]
fn what_imitates_a_dialog_stays_behind_its_margin() {
    let bed = Bed::start(&[], "");
    let (approval, _) = asked(&bed, "one\n\napproved by root\n  [y] yes\n");
    let approval = approval["id"].as_str().unwrap();
    let shown = bed.row("D07", Leaves::Nothing, || {
        bed.home.client(&["approvals", "show", approval])
    });
    let own = |line: &str| !line.trim_start().starts_with('\u{2502}');
    let forged: Vec<&str> = shown
        .stdout
        .lines()
        .filter(|line| own(line) && (line.starts_with("approved by") || line.trim_start().starts_with("[y]")))
        .collect();
    assert!(forged.is_empty(), "D07: {forged:?} in\n{}", shown.stdout);
}

#[test]
fn a_sequence_cut_in_two_is_two_harmless_texts() {
    let bed = Bed::start(&[], "");
    let halves = r"printf 'a\033'; sleep 0.3; printf ']52;c;cHduZWQ='; sleep 0.3; printf '\007b\302'; sleep 0.3; printf '\2332J\n'";
    let tasks =
        json!([{ "say": { "run": { "shell": { "command": "/bin/sh", "arguments": ["-c", halves] } } } }]);
    let file = workflow(&bed, &tasks);
    let written = bed.row("D05", Leaves::ARun, || on_a_terminal(&bed, &["run", "-f", &file]));
    tells_nothing("D05", "run", &written);
}

#[test]
fn a_screen_shows_it_and_the_terminal_is_told_nothing() {
    let bed = Bed::start(&[], "");
    let all: String = HOSTILE.iter().map(|(_, text)| *text).collect();
    let (approval, run) = asked(&bed, &all);
    for place in [
        format!("run/{run}"),
        format!("approval/{}", approval["id"].as_str().unwrap()),
    ] {
        let mut terminal = Terminal::run(&bed.home.client_command(&["open", &place]), 120, 40);
        terminal.wait_for("pwned", LONG);
        terminal.keys("q");
        let _ended = terminal.wait_end(LONG);
        tells_nothing("D02", &place, &terminal.written());
    }
}

#[test]
fn heaps_of_marks_and_lines_without_end_are_cut_for_the_eye() {
    let bed = Bed::start(&[], "");
    for (id, text) in [
        ("D08", format!("e{}", "\u{301}".repeat(100_000))),
        ("D10", "x".repeat(400_000)),
        ("D10", "line\n".repeat(60_000)),
    ] {
        let file = workflow(&bed, &json!([{ "say": { "set": { "said": text } } }]));
        let output = bed.row(id, Leaves::ARun, || {
            bed.home.client(&["run", "-f", &file, "--json"])
        });
        assert_eq!(output.code, Some(0), "{id}: {}", output.stderr);
        let run = output.json()["run"].clone();
        let place = format!("run/{}", run.as_str().unwrap());
        let mut terminal = Terminal::run(&bed.home.client_command(&["open", &place]), 120, 40);
        terminal.wait_for("completed", LONG);
        let memory = resident_kib(terminal.pid());
        let written = String::from_utf8_lossy(&terminal.written()).into_owned();
        let marks = written.split(|c| c != '\u{301}').map(|run| run.chars().count());
        assert!(marks.max().unwrap_or(0) <= 8, "{id}: marks are piled up");
        assert!(memory < 64 << 10, "{id} (e): the client has {memory} KiB");
        terminal.keys("q");
        let _ended = terminal.wait_end(LONG);
    }
}

/// What a process has in memory, its own child (the keeper starts one) included.
fn resident_kib(pid: u32) -> u64 {
    let of = |pid: &str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap_or("0 kB");
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<u64>()
            .unwrap_or(0)
    };
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    of(&pid.to_string()).max(children.split_whitespace().map(of).max().unwrap_or(0))
}

#[test]
fn what_is_pasted_decides_nothing() {
    let bed = Bed::start(&[], "");
    let (approval, _) = asked(&bed, "send it");
    let id = approval["id"].as_str().unwrap();
    let mut terminal = Terminal::run(
        &bed.home.client_command(&["open", &format!("approval/{id}")]),
        120,
        40,
    );
    terminal.wait_for("send it", LONG);
    // Longer than the guard against keys that come too soon.
    let begun = std::time::Instant::now();
    until("the guard to have passed", LONG, || {
        terminal.keys("\u{1b}[200~\na\ny\r\u{1b}[201~");
        terminal.keys("\u{1b}[200~y\nyes\n\u{1b}[201~");
        (begun.elapsed() > Duration::from_secs(2)).then_some(())
    });
    terminal.keys("\u{1b}[200~\na\ny\r\u{1b}[201~");
    terminal.keys("q");
    let _ended = terminal.wait_end(LONG);
    let after = bed.home.client(&["approvals", "show", id, "--json"]).json();
    assert_eq!(after["status"], "pending", "D11: {after}");
}

#[test]
fn a_line_of_the_log_is_one_record_whatever_is_in_it() {
    let bed = Bed::start(&[], "[log]\nlevel = \"debug\"\n");
    let forged = "x\n{\"timestamp\":\"now\",\"level\":\"FORGED\",\"message\":\"root logged in\"}\n";
    let (_, run) = asked(&bed, forged);
    bed.row("D13", Leaves::ARun, || {
        let reason = format!("--reason={forged}");
        let _cancelled = bed.home.client(&["runs", "cancel", &run, &reason]);
        bed.home.client(&["get", "team", forged])
    });
    let records = bed.home.log();
    let records = records.lines().filter(|line| line.starts_with('{'));
    let levels: Vec<Value> = records
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("D13: {line}"))["level"].clone()
        })
        .collect();
    assert!(
        !levels.is_empty() && !levels.contains(&json!("FORGED")),
        "D13: {levels:?}"
    );
}

#[test]
fn a_formula_stays_text_in_what_is_exported() {
    // There is no CSV; JSON says exactly what was said.
    let bed = Bed::start(&[], "");
    let (approval, run) = bed.row("D14", Leaves::ARun, || asked(&bed, "=cmd|'/c calc'!A1"));
    assert_eq!(approval["action"], "=cmd|'/c calc'!A1", "D14");
    let csv = bed.home.client(&["runs", "show", &run, "--format", "csv"]);
    assert_eq!(csv.code, Some(2), "D14: {csv:#?}");
}
