//! Runs that come from others, from the command line, with the daemon killed in between.

use std::time::Duration;

use dirigent_tests::{Home, Server};
use serde_json::Value;

const HEAD: &str = "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: again\n  version: '1.0.0'\n";

fn file(home: &Home, server: &Server) -> String {
    let call = |name: &str, path: &str| {
        format!(
            "  - {name}:\n      call: http\n      with:\n        method: post\n        endpoint:\n          uri: http://{}/{path}\n",
            server.place()
        )
    };
    let text = format!(
        "{HEAD}do:\n{}{}  - say:\n      set:\n        word: '${{ $workflow.input.word }}'\n",
        call("one", "effect/one"),
        call("two", "effect/two"),
    );
    home.write("again.yaml", &text).to_str().unwrap().to_owned()
}

fn json(home: &Home, arguments: &[&str], code: i32) -> Value {
    home.client(arguments).expect_code(code).json()
}

fn seen(server: &Server, path: &str) -> Vec<String> {
    let seen = server.seen().into_iter().filter(|seen| seen.what.ends_with(path));
    seen.map(|seen| seen.key.unwrap_or_default()).collect()
}

#[test]
fn retry_and_fork_go_on_from_a_run_over_kills_and_repeat_nothing_that_was_done() {
    let server = Server::start(Duration::ZERO);
    server.fail_first("effect/two", &[400]);
    let home = Home::new(&[server.place()]);
    let daemon = home.start();
    let file = file(&home, &server);
    let failed = json(
        &home,
        &["run", "-f", &file, "--input", "{\"word\": \"first\"}", "--json"],
        1,
    );
    let failed_id = failed["run"].as_str().unwrap().to_owned();
    daemon.kill();
    let daemon = home.start();
    let retried = json(&home, &["runs", "retry", &failed_id, "--wait", "--json"], 0);
    assert_eq!(retried["output"]["word"], "first", "{retried}");
    assert_eq!(retried["origin"]["run"], failed["run"], "{retried}");
    assert_eq!(retried["origin"]["how"], "retried", "{retried}");
    assert_eq!(seen(&server, "one").len(), 1, "it had finished");
    let two = seen(&server, "two");
    assert!(two.len() == 2 && two[0] != two[1], "{two:?}");
    let shown = json(&home, &["runs", "show", &failed_id, "--json"], 0);
    assert_eq!(shown["offspring"][0]["run"], retried["run"], "{shown}");
    let text = home.client(&["runs", "show", &failed_id]).expect_code(0).stdout;
    assert!(text.contains("retried   as"), "{text}");

    daemon.kill();
    forks(&home, &server, retried["run"].as_str().unwrap());
}

/// Of a run that completed: a fork before its last step, anew, from its second step.
fn forks(home: &Home, server: &Server, id: &str) {
    let _daemon = home.start();
    let events = home
        .client(&["runs", "events", id, "--json"])
        .expect_code(0)
        .json_lines();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], place + 1, "one gapless journal");
    }
    let at = |kind: &str, task: &str| {
        let event = events
            .iter()
            .find(|event| event["type"] == kind && event["task"] == task);
        event.unwrap()["seq"].to_string()
    };
    let before_say = at("task.started", "say");
    let arguments = [
        "runs",
        "fork",
        id,
        "--at",
        &before_say,
        "--input",
        "{\"word\": \"other\"}",
        "--wait",
        "--json",
    ];
    let forked = json(home, &arguments, 0);
    assert_eq!(forked["output"]["word"], "other", "{forked}");
    assert_eq!(
        (seen(server, "one").len(), seen(server, "two").len()),
        (1, 2),
        "nothing is done twice"
    );
    let anew = json(
        home,
        &["runs", "retry", id, "--from-start", "--wait", "--json"],
        0,
    );
    assert_eq!(anew["output"]["word"], "first", "{anew}");
    assert_eq!((seen(server, "one").len(), seen(server, "two").len()), (2, 3));
    let from_two = json(
        home,
        &["runs", "retry", id, "--from", "two", "--wait", "--json"],
        0,
    );
    assert_eq!(from_two["output"]["word"], "first", "{from_two}");
    assert_eq!((seen(server, "one").len(), seen(server, "two").len()), (2, 4));
    let refused = home.client(&["runs", "retry", id]).expect_code(1);
    assert!(refused.stderr.contains("nothing of it failed") && refused.stderr.contains("--from STEP"));
}

#[test]
fn a_cancel_undoes_what_was_done_over_a_kill() {
    let server = Server::start(Duration::ZERO);
    let home = Home::new(&[server.place()]);
    let daemon = home.start();
    let call = |path: &str| {
        format!(
            "call: http, with: {{ method: post, endpoint: 'http://{}/effect/{path}' }}",
            server.place()
        )
    };
    let text = format!(
        "{HEAD}use:\n  functions:\n    refund: {{ {} }}\ndo:\n  - pay: {{ {}, metadata: {{ dirigent: {{ compensate: refund }} }} }}\n  \
         - long: {{ wait: PT8H }}\n",
        call("refund"),
        call("pay"),
    );
    let file = home.write("undo.yaml", &text);
    let run = json(
        &home,
        &["run", "-f", file.to_str().unwrap(), "--detach", "--json"],
        0,
    );
    let id = run["run"].as_str().unwrap();
    dirigent_tests::until("the payment", Duration::from_secs(60), || {
        let shown = json(&home, &["runs", "show", id, "--json"], 0);
        (shown["status"] == "waiting").then_some(())
    });
    let _accepted = json(&home, &["runs", "cancel", id, "--json"], 0);
    daemon.kill();
    let _daemon = home.start();
    dirigent_tests::until("the end", Duration::from_secs(60), || {
        let shown = json(&home, &["runs", "show", id, "--json"], 0);
        (shown["status"] == "cancelled").then_some(())
    });
    let keys: std::collections::BTreeSet<String> = seen(&server, "refund").into_iter().collect();
    assert_eq!(keys.len(), 1, "undone once, or again under the same key");
    assert_eq!(seen(&server, "pay").len(), 1);
    let events = home
        .client(&["runs", "events", id, "--json"])
        .expect_code(0)
        .json_lines();
    let names: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(
        names.contains(&"task.compensating") && names.last() == Some(&"workflow.cancelled"),
        "{names:?}"
    );
}
