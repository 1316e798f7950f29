//! L: model servers that have no time, or do not finish what they say.

use std::sync::atomic::Ordering;

use dirigent_tests::{LONG, until};
use serde_json::Value;

use crate::liar::{Liar, PLAIN, ask_of, http, laid};

/// 429 with an hour to wait.
fn later(_: &str) -> Vec<u8> {
    let busy = br#"{"error":{"message":"too many requests","code":"rate_limit_exceeded"}}"#;
    http(
        "429 Too Many Requests",
        "content-type: application/json\r\nretry-after: 3600\r\n",
        busy,
    )
}

const OFFLINE: &str = "kind: Agent\nmetadata: {name: offline}\n\
    spec: {model: rehearsal/rehearsal, prompt: 'Summarise: it rains.'}\n---\n\
    document: {dsl: '1.0.3', namespace: bad, name: offline, version: '1.0.0'}\n\
    do: [{a: {call: agent, with: {agent: offline}}}]\n";

#[test]
fn a_limit_of_an_hour_takes_no_place_and_survives_a_restart() {
    let server = Liar::answering(later);
    let bed = laid("openai_chat", "429", &server, PLAIN);
    let file = bed.home.write("offline.yaml", OFFLINE);
    let applied = bed.home.client(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    // As many as may be at work at once, and more.
    let runs: Vec<String> = (0..10)
        .map(|_| bed.home.client(&["run", "row", "--detach", "--json"]).json())
        .map(|started| started["run"].as_str().unwrap().to_owned())
        .collect();
    let waiting = |bed: &crate::rules::Bed| {
        let status = bed.home.client(&["status", "--json"]).json();
        (status["waits"][0]["runs"] == 10).then_some(status)
    };
    let status = until("429: all of them to wait", LONG, || waiting(&bed));
    assert_eq!(status["waits"][0]["what"], "limit of liar", "{status}");
    assert_eq!(status["effects_in_flight"], 0, "{status}");
    let shown = bed.home.client(&["runs", "show", &runs[0]]).stdout;
    assert!(
        shown.contains("waits until") && shown.contains("(limit of liar)"),
        "{shown}"
    );
    let words = bed.home.client(&["status"]).stdout;
    assert!(words.contains("limit of liar"), "{words}");
    // Somebody else's agent goes on meanwhile, before and after a death of the daemon.
    let other = || bed.home.client(&["run", "offline", "--json"]).json();
    assert_eq!(other()["status"], "completed");
    let asked = server.asked.load(Ordering::SeqCst);
    let crate::rules::Bed { home, daemon } = bed;
    daemon.kill();
    let daemon = home.start();
    let bed = crate::rules::Bed { home, daemon };
    let again = until("429: all of them to wait again", LONG, || waiting(&bed));
    assert_eq!(again["waits"][0]["until"], status["waits"][0]["until"], "{again}");
    assert_eq!(server.asked.load(Ordering::SeqCst), asked, "429: asked again");
    // Whoever cancels one does not wait for the hour.
    let cancelled = bed.home.client(&["runs", "cancel", &runs[0]]);
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
}

#[test]
fn a_limit_is_waited_for_as_long_as_the_agent_says() {
    let server = Liar::answering(later);
    for (retry, code) in [
        ("{limit: {duration: PT10M}}", "rate_limited"),
        ("{limit: {attempt: {count: 0}}}", "rate_limited"),
    ] {
        let agent = format!("{{prompt: 'Say it.', retry: {retry}}}");
        let report = ask_of("openai_chat", "429", &server, &agent).0;
        assert_eq!(report["status"], "faulted", "{retry}: {report}");
        assert!(report["error"].to_string().contains(code), "{retry}: {report}");
    }
}

fn ending(reason: &str) -> Vec<u8> {
    let body = format!(
        "{{\"id\":\"a\",\"model\":\"any\",\"choices\":[{{\"index\":0,\"finish_reason\":\"{reason}\",\
         \"message\":{{\"content\":\"Once upon a\"}}}}]}}"
    );
    http("200 OK", "content-type: application/json\r\n", body.as_bytes())
}

#[test]
fn an_answer_that_was_cut_is_no_whole_answer() {
    for (reason, agent, code) in [
        ("length", PLAIN, Some("answer_cut_at_limit")),
        ("length", "{prompt: 'Say it.', on_cut: mark}", None),
        ("content_filter", PLAIN, Some("content_filtered")),
        (
            "content_filter",
            "{prompt: 'Say it.', on_cut: mark}",
            Some("content_filtered"),
        ),
    ] {
        let server = Liar::start(ending(reason));
        let (report, events, _) = ask_of("openai_chat", "cut", &server, agent);
        let case = format!("{reason} {agent}: {report}");
        assert_eq!(server.asked.load(Ordering::SeqCst), 1, "{case}");
        match code {
            Some(code) => {
                assert_eq!(report["status"], "faulted", "{case}");
                assert!(report["error"].to_string().contains(code), "{case}");
            }
            None => {
                assert_eq!(report["output"], Value::from("Once upon a"), "{case}");
                assert!(events.contains("\"cut\":true"), "{events}");
            }
        }
    }
}
