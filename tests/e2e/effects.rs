//! Effects whose outcome a kill of the daemon left open: the inbox, settled one by one and in bulk, and the lookup
//! that spares a person the question.

use std::time::Duration;

use dirigent_tests::{Daemon, Home, LONG, Server, until};
use serde_json::Value;

fn document(place: &str, name: &str, settings: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: tests, name: {name}, version: '1.0.0' }}\n\
         use:\n  functions:\n    find:\n      call: http\n      \
         with: {{ method: get, endpoint: 'http://{place}/effect/find-{name}' }}\n      \
         output: {{ as: {{ happened: '${{ .count == 1 }}', output: {{ receipt: '${{ .name }}' }} }} }}\n\
         do:\n  - pay:\n      call: http\n      \
         with: {{ method: post, endpoint: 'http://{place}/effect/{name}' }}\n      \
         metadata: {{ dirigent: {{ class: payment, {settings} }} }}\n"
    )
}

fn begin(home: &Home, place: &str, name: &str, settings: &str) -> String {
    let file = home.write(&format!("{name}.yaml"), &document(place, name, settings));
    let words = ["run", "-f", file.to_str().unwrap(), "--detach", "--json"];
    let run = home.client(&words).expect_code(0).json();
    run["run"].as_str().unwrap().to_owned()
}

fn asked_for(server: &Server, name: &str) -> usize {
    let what = format!("effect/{name}");
    server.seen().iter().filter(|seen| seen.what == what).count()
}

fn open(home: &Home, count: usize) -> Vec<Value> {
    until("effects nobody knows of", LONG, || {
        let list = home.client(&["effects", "list", "--json"]).expect_code(0).json();
        let items = list["items"].as_array().unwrap().clone();
        (items.len() == count).then_some(items)
    })
}

fn output(home: &Home, run: &str) -> Value {
    until("the run to end", LONG, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        ["completed", "faulted"]
            .iter()
            .any(|word| shown["status"] == *word)
            .then_some(shown)
    })
}

/// Runs whose payments are in flight when the daemon is killed, and the daemon after that.
fn left_open(home: &Home, server: &Server, names: [&str; 3]) -> (Vec<String>, Daemon) {
    let daemon = home.start();
    let runs = names
        .iter()
        .map(|name| begin(home, &server.place(), name, ""))
        .collect();
    until("the payments to be in flight", LONG, || {
        names
            .iter()
            .all(|name| asked_for(server, name) == 1)
            .then_some(())
    });
    daemon.kill();
    (runs, home.start())
}

#[test]
fn payments_that_a_kill_left_open_are_settled_by_people_one_by_one_and_in_bulk() {
    // Long enough for three starts from the shell on a busy machine.
    let server = Server::start(Duration::from_secs(6));
    let home = Home::new(&[server.place()]);
    let (runs, _daemon) = left_open(&home, &server, ["first", "second", "third"]);
    let items = open(&home, 3);
    assert!(
        items
            .iter()
            .all(|item| item["key"].is_string() && item["status"] == "pending"),
        "{items:?}"
    );
    let first = items.iter().find(|item| item["run"] == *runs[0]).unwrap();
    let id = first["id"].as_str().unwrap();
    let _settled = home
        .client(&["effects", "settle", id, "--again", "--json"])
        .expect_code(0);
    assert_eq!(output(&home, &runs[0])["output"]["count"], 2, "it was done again");
    let words = [
        "effects",
        "settle",
        "--all",
        "--yes",
        "--happened",
        r#"{"receipt":"by hand"}"#,
        "--json",
    ];
    let bulk = home.client(&words).expect_code(0).json();
    assert_eq!(
        (&bulk["settled"], &bulk["refused"]),
        (&2.into(), &0.into()),
        "{bulk}"
    );
    for run in &runs[1..] {
        assert_eq!(output(&home, run)["output"]["receipt"], "by hand");
    }
    assert_eq!(
        asked_for(&server, "second") + asked_for(&server, "third"),
        2,
        "neither was paid twice"
    );
    let _refused = home.client(&["effects", "settle", id, "--again"]).expect_code(1);
    let audit = home.client(&[
        "get",
        "audit-logs",
        "--where",
        "action == \"effect.resolve\"",
        "--json",
    ]);
    assert_eq!(
        audit.expect_code(0).json()["items"].as_array().unwrap().len(),
        3,
        "each is in the audit"
    );
    open(&home, 0);
}

#[test]
fn a_lookup_tells_what_a_kill_left_open_and_nobody_is_asked() {
    // Long enough for three starts from the shell on a busy machine.
    let server = Server::start(Duration::from_secs(6));
    let home = Home::new(&[server.place()]);
    let daemon = home.start();
    let run = begin(&home, &server.place(), "looked-up", "verify: find");
    until("the payment to be in flight", LONG, || {
        (asked_for(&server, "looked-up") == 1).then_some(())
    });
    daemon.kill();
    let daemon = home.start();
    until("the lookup to be in flight", LONG, || {
        (asked_for(&server, "find-looked-up") >= 1).then_some(())
    });
    daemon.kill();
    let _daemon = home.start();
    let ended = output(&home, &run);
    // The lookup itself was killed once; by its count it says then that nothing happened, and the payment is repeated.
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(asked_for(&server, "looked-up"), 2);
    assert_eq!(ended["output"]["count"], 2, "{ended}");
    let keys: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.what == "effect/looked-up")
        .map(|seen| seen.key)
        .collect();
    assert_eq!(keys[0], keys[1], "with the same key");
    open(&home, 0);
}
