//! Forms, filled in by keyboard alone in a real terminal of 80 columns: an orchestration with members and limits, an agent
//! with a tool that is limited; what is wrong is said meanwhile; published and used.

use dirigent_tests::{AGENTS, Home, LONG, Terminal};
use serde_json::json;

#[test]
fn a_form_is_filled_in_published_and_run() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    drop(home.apply("agents.yaml", AGENTS));
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

#[test]
fn an_agent_is_made_from_nothing_granted_a_limited_tool_and_published() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let mut terminal = Terminal::run(&home.client_command(&["open", "agents"]), 80, 24);
    terminal.wait_for("● live", LONG);
    terminal.keys("c");
    terminal.wait_for("Form", LONG);
    terminal.keys("\r");
    terminal.wait_for("name: what it is called by", LONG);
    terminal.keys("\u{15}labels\r");
    terminal.wait_for("name                   labels", LONG);
    // The prompt in a window of its own, with its length.
    terminal.keys("jjjj\r");
    terminal.wait_for("27 chars, ~7 tokens", LONG);
    terminal.keys("Shortly: ");
    terminal.wait_for("36 chars, ~9 tokens", LONG);
    terminal.keys("\u{1b}");
    terminal.wait_for("prompt                 36 chars, ~9 tokens", LONG);
    // What is too much is said at its row.
    terminal.keys("jj\r");
    terminal.wait_for("temperature: 0 to 2", LONG);
    terminal.keys("9\r");
    terminal.wait_for("9  ✗ 9 is greater than the maximum of 2", LONG);
    terminal.keys("\r\u{15}0.2\r");
    terminal.wait_for("nothing is wrong", LONG);
    tool(&mut terminal, &home.path("").display().to_string());
    terminal.keys("P");
    terminal.wait_for("Publish labels?", LONG);
    terminal.keys("a");
    terminal.wait_for("done: publish", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
    let shown = home
        .client(&["get", "agent", "labels", "--json"])
        .expect_code(0)
        .json();
    let tool = &shown["spec"]["tools"][0];
    assert_eq!(tool["allow"], json!(["read_file"]), "{shown}");
    assert_eq!(
        tool["arguments"]["read_file"],
        json!({ "properties": { "path": { "pattern": "^docs/" } } }),
        "{shown}"
    );
    assert_eq!(
        shown["spec"]["prompt"], "Shortly: Summarise:\n{{ input.text }}",
        "{shown}"
    );
}

/// Files below a directory: one tool of two, with a limit of its argument.
fn tool(terminal: &mut Terminal, workspace: &str) {
    terminal.keys("i");
    terminal.wait_for("Grant which tool?", LONG);
    terminal.keys("file\r");
    terminal.wait_for("workspace: the directory, absolute", LONG);
    terminal.keys("here\r");
    terminal.wait_for("✗ `workspace` must be an absolute path", LONG);
    terminal.keys(&format!("\r\u{15}{workspace}\r"));
    terminal.wait_for("nothing is wrong", LONG);
    terminal.keys("jjj ");
    terminal.wait_for("list_files         [ ]", LONG);
    terminal.keys("jj\r");
    terminal.wait_for("arguments: limits", LONG);
    // A limit of nothing would limit nothing.
    terminal.keys("{\"red_file\": {}}\r");
    terminal.wait_for("there is no tool `red_file`", LONG);
    terminal.keys("\r\u{15}{\"read_file\": {\"properties\": {\"path\": {\"pattern\": \"^docs/\"}}}}\r");
    terminal.wait_for("nothing is wrong", LONG);
}
