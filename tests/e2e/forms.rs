//! An orchestration built in its form by keyboard alone, in a real terminal of 80 columns: a strategy, members and what
//! they are given, limits; what is wrong is said meanwhile; published and run.

use dirigent_tests::{Home, LONG, Terminal};
use serde_json::json;

const AGENTS: &str = "\
kind: Agent
metadata: { name: reader }
spec: { description: Reads., model: rehearsal/rehearsal, prompt: 'List what went wrong in: {{ input.text }}' }
---
kind: Agent
metadata: { name: writer }
spec: { description: Writes., model: rehearsal/rehearsal, prompt: 'Summarise: {{ input }}' }
";

#[test]
fn a_form_is_filled_in_published_and_run() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = home.write("agents.yaml", AGENTS);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
    let mut terminal = Terminal::run(&home.client_command(&["open", "orchestrations"]), 80, 24);
    terminal.wait_for("● live", LONG);
    terminal.keys("c");
    terminal.wait_for("strategy: how the members", LONG);
    terminal.wait_for("one after the other", LONG);
    terminal.keys("seq");
    terminal.wait_for("› seq", LONG);
    terminal.keys("\r");
    terminal.wait_for("Form", LONG);
    // The members of the beginning do not exist: it is said while one builds.
    terminal.wait_for("there is no agent `first`", LONG);
    terminal.keys("kk\r");
    terminal.wait_for("name: what it is run by", LONG);
    terminal.keys("\u{15}pair\r");
    terminal.wait_for("pair", LONG);
    members(&mut terminal);
    limits(&mut terminal);
    terminal.keys("P");
    terminal.wait_for("Publish pair?", LONG);
    terminal.keys("a");
    terminal.wait_for("done: publish", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
    let shown = home
        .client(&["get", "orchestration", "pair", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        shown["spec"]["members"],
        json!([{ "agent": "reader", "input": { "text": "${ $context.matter.log }" } }, { "agent": "writer" }]),
        "{shown}"
    );
    assert_eq!(shown["spec"]["limits"], json!({ "timeout": "PT5M" }), "{shown}");
    let done = home
        .client(&[
            "run",
            "pair",
            "--input",
            r#"{"log": "ERROR disk full"}"#,
            "--json",
        ])
        .expect_code(0)
        .json();
    assert_eq!(done["status"], "completed", "{done}");
}

fn members(terminal: &mut Terminal) {
    // Into the first member: who it is, and what it is given.
    terminal.keys("jjjj\r\r");
    terminal.wait_for("who: an agent", LONG);
    terminal.keys("reader\r");
    terminal.wait_for("agent reader", LONG);
    terminal.keys("jjj\r");
    terminal.wait_for("input: mapping", LONG);
    terminal.keys("{\"text\": \"${ $context.matter.log }\"}\r");
    terminal.wait_for("$context.matter.log", LONG);
    // Out of it; the second one goes, and who takes its place is asked.
    terminal.keys("hjx");
    terminal.wait_for("second deleted", LONG);
    terminal.keys("i");
    terminal.wait_for("Who joins?", LONG);
    terminal.keys("writer\r");
    terminal.wait_for("2 writer", LONG);
    terminal.wait_for("nothing is wrong", LONG);
}

fn limits(terminal: &mut Terminal) {
    // A limit that is no duration is refused where it stands, then mended.
    terminal.keys("Gkkkkk");
    terminal.keys("\r");
    terminal.wait_for("rounds", LONG);
    terminal.keys("jjj\r");
    terminal.wait_for("timeout: how long", LONG);
    terminal.keys("soon\r");
    terminal.wait_for("✗", LONG);
    terminal.keys("\r\u{15}PT5M\r");
    terminal.wait_for("nothing is wrong", LONG);
}
