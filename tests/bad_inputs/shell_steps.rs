//! X20 and X22: commands that misbehave, and what they print.

use serde_json::Value;

use crate::rules::{Bed, Leaves};

fn run(bed: &Bed, id: &str, command: &str, more: &str) -> Value {
    let text = format!(
        "document: {{dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}}\n\
         do:\n  - a:\n      run:\n        shell:\n          command: |\n            {command}\n{more}"
    );
    let file = bed.home.write("row.yaml", &text);
    let file = file.to_str().unwrap().to_owned();
    bed.row(id, Leaves::ARun, || {
        bed.home.client(&["run", "-f", &file, "--json"])
    })
    .json()
}

#[test]
fn a_command_that_misbehaves_ends_its_step_and_nothing_else() {
    let bed = Bed::start(&[], "");
    let limit = "      timeout: {after: PT1S}\n";
    for (what, command, more) in [
        (
            "ignores SIGTERM",
            "trap '' TERM; while :; do sleep 1; done",
            limit,
        ),
        (
            "forks twice and stays",
            "(setsid sleep 300 >/dev/null 2>&1 &); sleep 300",
            limit,
        ),
        ("reads the terminal", "read x </dev/tty; exit 7", ""),
        ("writes elsewhere", "echo x >&9; exit 7", ""),
    ] {
        let report = run(&bed, "X20", command, more);
        assert_eq!(report["status"], "faulted", "X20 {what}: {report}");
        assert_eq!(report["error"]["instance"], "/do/0/a", "X20 {what}: {report}");
    }
}

#[test]
fn output_without_end_is_cut_and_strange_output_is_shown_escaped() {
    let bed = Bed::start(&[], "");
    let report = run(&bed, "X20", "yes | head -c 200000000", "");
    assert!(
        report["status"] == "completed" || report["status"] == "faulted",
        "X20: {report}"
    );
    let report = run(&bed, "X22", r"printf '\377\376 ok \033[31m \r x'", "");
    assert_eq!(report["status"], "completed", "X22: {report}");
    let shown = bed
        .home
        .client(&["runs", "show", report["run"].as_str().unwrap()]);
    bed.shows_nothing("X22", &shown.stdout);
    assert!(shown.stdout.contains("ok"), "X22: {}", shown.stdout);
}
