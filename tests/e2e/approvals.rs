//! Approvals from the command line: bound to what was shown, decided once, kept across a crash.

use dirigent_tests::{Home, asking};
use serde_json::Value;

use crate::agent_steps::settled;

/// What is published, and by whom.
const PUBLISH: &str =
    "  - publish:\n      set:\n        published: ${ .payload.text }\n        by: ${ .by }\n";

fn started(home: &Home) -> (String, Value) {
    let run = home.ask(&asking(&[], PUBLISH), "draft");
    (run, pending(home))
}

fn pending(home: &Home) -> Value {
    let list = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    items[0].clone()
}

fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}

#[test]
fn an_approval_survives_a_kill_and_lets_the_run_go_on_unchanged() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let (run, before) = started(&home);
    daemon.kill();
    let _daemon = home.start();
    let after = pending(&home);
    assert_eq!(before, after);
    let (id, digest) = (text(&after, "id"), text(&after, "digest"));
    drop(
        home.client(&["approvals", "approve", &id, "--digest", &digest])
            .expect_code(0),
    );
    let run = settled(&home, &run);
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output"]["published"], "draft", "{run}");
    let again = home.client(&["approvals", "deny", &id, "--digest", &digest, "--reason", "late"]);
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert!(again.stderr.contains("already_decided"), "{again:#?}");
}

#[test]
fn a_decision_on_something_else_than_what_was_shown_is_stale() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let (_, approval) = started(&home);
    let wrong = "0".repeat(64);
    let refused = home.client(&["approvals", "approve", &text(&approval, "id"), "--digest", &wrong]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("stale"), "{refused:#?}");
    assert_eq!(pending(&home)["id"], approval["id"]);
}

#[test]
fn an_edited_payload_is_what_runs() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let (run, approval) = started(&home);
    let (id, digest) = (text(&approval, "id"), text(&approval, "digest"));
    let arguments = [
        "approvals",
        "approve",
        &id,
        "--digest",
        &digest,
        "--edit",
        "{\"text\":\"better\"}",
    ];
    drop(home.client(&arguments).expect_code(0));
    assert_eq!(settled(&home, &run)["output"]["published"], "better");
}

#[test]
fn a_denial_with_its_reason_faults_the_run_that_does_not_catch_it() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let (run, approval) = started(&home);
    let (id, digest) = (text(&approval, "id"), text(&approval, "digest"));
    drop(
        home.client(&[
            "approvals",
            "deny",
            &id,
            "--digest",
            &digest,
            "--reason",
            "too early",
        ])
        .expect_code(0),
    );
    let run = settled(&home, &run);
    assert_eq!(run["status"], "faulted", "{run}");
    assert!(run["error"].to_string().contains("too early"), "{run}");
}
