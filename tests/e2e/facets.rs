//! Facets with the real client in a real terminal: counts of everything the daemon holds, rows fetched from beyond
//! what the client mirrors, and how requests like one were decided before.

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::id::RequestId;
use dirigent_tests::{Home, LONG, Link, Terminal, asking, until};
use serde_json::json;

fn workflow(name: &str) -> String {
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: {name}\n  version: '1.0.0'\ndo:\n  - one:\n      set:\n        done: true\n"
    )
}

fn starts(link: &Link, source: &str, many: usize) {
    for _ in 0..many {
        let start = Command::RunStart {
            target: RunTarget::Source {
                file: "w.yaml".into(),
                text: source.into(),
            },
            input: json!({}),
            idempotency_key: None,
            budget: None,
            priority: None,
        };
        let reply = link.command(RequestId::new(), start).unwrap();
        assert!(matches!(reply, CommandReply::RunStarted { .. }), "{reply:?}");
    }
}

#[test]
fn a_run_the_client_never_heard_of_is_counted_chosen_and_opened() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let link = Link::open(&home).unwrap();
    starts(&link, &workflow("first"), 1);
    starts(&link, &workflow("many"), 240);
    until("all runs to end", LONG, || {
        let counted = home.client(&["status", "--json"]).expect_code(0).json();
        (counted["runs"]["completed"] == 241).then_some(())
    });
    let mut terminal = Terminal::run(&home.client_command(&["open", "runs"]), 120, 40);
    terminal.wait_for("1 of 200", LONG);
    assert!(!terminal.text().contains("first"), "{}", terminal.text());
    terminal.keys("f");
    let counted = |word: &str, many: &str| {
        until("the daemon's counts", LONG, || {
            let text = terminal.text();
            let line = text.lines().find(|line| line.contains(&format!("[ ] {word}")))?;
            line.trim_end_matches('┃').ends_with(many).then_some(())
        });
    };
    counted("completed", " 241");
    counted("many", " 240");
    counted("first", " 1");
    // Everything, completed, many, first.
    terminal.keys("jjj ");
    terminal.wait_for("[x] first", LONG);
    terminal.wait_for("Runs › workflow: first", LONG);
    terminal.keys("f");
    terminal.wait_for("1 of 1 ", LONG);
    terminal.keys("\r");
    terminal.wait_for("one", LONG);
    terminal.wait_for("completed", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
}

#[test]
fn a_request_says_how_its_like_were_decided_and_by_whom() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let document = asking(&["risk: low", "on_deny: continue"], "");
    for text in ["one", "two", "three"] {
        let _run = home.ask(&document, text);
    }
    let listed = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let id = |at: usize| listed["items"][at]["id"].as_str().unwrap().to_owned();
    drop(
        home.client(&["approvals", "approve", &id(0), "--yes"])
            .expect_code(0),
    );
    drop(
        home.client(&["approvals", "deny", &id(1), "--reason", "not on a Friday"])
            .expect_code(0),
    );
    let mut terminal = Terminal::run(&home.client_command(&["open", "approvals"]), 120, 40);
    terminal.wait_for("Inbox (1)", LONG);
    terminal.wait_for("1 approved, 0 edited, 1 denied in 30 d; last: denied by", LONG);
    terminal.wait_for("1 of: anybody in the organisation", LONG);
    terminal.keys("H");
    terminal.wait_for("not on a Friday", LONG);
    terminal.keys("H");
    terminal.wait_for("WHAT (exact", LONG);
    terminal.keys("\tf");
    terminal.wait_for("[ ] pending", LONG);
    terminal.keys("j ");
    terminal.wait_for("Approvals › state: ", LONG);
    terminal.keys("f");
    until("the panel to close", LONG, || {
        (!terminal.text().contains("Facets")).then_some(())
    });
    terminal.keys("q");
    terminal.wait_end(LONG);
}
