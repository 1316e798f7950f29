//! L: keys that a server of models refuses, replaces or would like to see elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dirigent_tests::{LONG, until};
use serde_json::Value;

use crate::liar::{Liar, PLAIN, answer, ask, http, laid, report};
use crate::rules::CANARY;

#[test]
fn a_key_that_is_refused_is_waited_for_and_marked() {
    let server = Liar::answering(key_wanted);
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    let started = bed.home.client(&["run", "row", "--detach", "--json"]).json();
    let run = started["run"].as_str().unwrap();
    let marks = until("L13: the key to be marked", LONG, || {
        let marks = bed.audited("model.key_refused");
        (!marks.is_empty()).then_some(marks)
    });
    assert_eq!(
        (&marks[0]["object"], &marks[0]["verdict"]),
        (&Value::from("liar/any"), &Value::from("denied")),
        "L13: {marks:?}"
    );
    assert!(!marks[0].to_string().contains(CANARY), "L13: {marks:?}");
    let show = || bed.home.client(&["runs", "show", run, "--json"]).json();
    until("L13: it to wait", LONG, || {
        (show()["waits"]["what"] == "another key of liar").then_some(())
    });
    // The same key is not asked with again, however often it is looked at; another one is.
    let again = std::time::Instant::now();
    until("L13: a few looks", LONG, || {
        (again.elapsed() > std::time::Duration::from_secs(5)).then_some(())
    });
    assert_eq!(server.asked.load(Ordering::SeqCst), 1, "L13: asked again");
    bed.home.write("key", "sk-better-0123456789");
    let ended = until("L13: it to go on", LONG, || {
        let run = show();
        (run["ended_at"] != Value::Null).then_some(run)
    });
    assert_eq!(
        (&ended["status"], &ended["output"]),
        (&Value::from("completed"), &Value::from("yes")),
        "L13: {ended}"
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "L13");
}

/// What a server says of every key but one.
fn key_wanted(head: &str) -> Vec<u8> {
    if head.contains("Bearer sk-better-0123456789") {
        return answer("{\"content\":\"yes\"}");
    }
    let wrong = br#"{"error":{"message":"no such key","code":"invalid_api_key"}}"#;
    http("401 Unauthorized", "content-type: application/json\r\n", wrong)
}

#[test]
fn a_key_that_comes_while_the_old_one_is_refused_is_noticed() {
    let place = Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let key = Arc::clone(&place);
    let server = Liar::answering(move |head| {
        let said = key_wanted(head);
        std::fs::write(key.get().unwrap(), "sk-better-0123456789").unwrap();
        said
    });
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    place.set(bed.home.path("key")).unwrap();
    let report = report(&bed, "L13");
    assert_eq!(report["output"], "yes", "L13: {report}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "L13");
}

#[test]
fn a_refused_key_holds_up_no_agent() {
    let server = Liar::answering(key_wanted);
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    // More than may be at work at once.
    let start = |_| bed.home.client(&["run", "row", "--detach", "--json"]).json();
    let runs: Vec<String> = (0..10)
        .map(start)
        .map(|started| started["run"].as_str().unwrap().to_owned())
        .collect();
    let show = |run: &String| bed.home.client(&["runs", "show", run, "--json"]).json();
    until("L13: all of them to wait", LONG, || {
        let waits = |run: &String| show(run)["waits"]["what"] == "another key of liar";
        runs.iter().all(waits).then_some(())
    });
    let status = bed.home.client(&["status", "--json"]).json();
    assert_eq!(status["waits"][0]["what"], "another key of liar", "L13: {status}");
    assert_eq!(status["waits"][0]["runs"], 10, "L13: {status}");
    assert_eq!(status["effects_in_flight"], 0, "L13: {status}");
    bed.home.write("key", "sk-better-0123456789");
    until("L13: all of them to go on", LONG, || {
        runs.iter()
            .all(|run| show(run)["status"] == "completed")
            .then_some(())
    });
}

#[test]
fn a_key_is_not_carried_to_another_host() {
    let other = Liar::start(http("200 OK", "", b"{}"));
    let location = format!("location: http://{}/v1/chat/completions\r\n", other.place);
    let report = ask(
        "L17",
        &Liar::start(http("307 Temporary Redirect", &location, b"")),
    );
    assert_eq!(report["status"], "faulted", "L17: {report}");
    assert_eq!(
        other.asked.load(Ordering::SeqCst),
        0,
        "L17: the other host was asked"
    );
}
