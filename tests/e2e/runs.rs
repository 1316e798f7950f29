//! Runs from the command line: what they print, how they end, what their journal says.

use std::time::Duration;

use dirigent_tests::{Home, LONG, Server, until};

const HEAD: &str = "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: NAME\n  version: '1.0.0'\n";

fn workflow(home: &Home, name: &str, tasks: &str) -> String {
    let path = home.write(
        &format!("{name}.yaml"),
        &format!("{}{tasks}", HEAD.replace("NAME", name)),
    );
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_run_reads_its_input_does_its_steps_and_prints_its_output() {
    let server = Server::start(Duration::ZERO);
    let home = Home::new(&[server.place()]);
    let _daemon = home.start();
    let file = workflow(
        &home,
        "three",
        &format!(
            "do:\n  - count:\n      run:\n        shell:\n          command: 'printf \"%s\" \"$1\" | wc -c'\n          \
             arguments: ['${{ .word }}']\n      output:\n        as: '${{ {{chars: (. | tonumber)}} }}'\n  - ask:\n      \
             call: http\n      with:\n        method: get\n        endpoint:\n          uri: http://{}/effect/x\n      \
             output:\n        as: '${{ {{chars: $input.chars, count: .count}} }}'\n",
            server.place()
        ),
    );
    let run = home
        .client(&["run", "-f", &file, "--input", "{\"word\": \"daemon\"}", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output"]["chars"], 6, "{run}");
    assert_eq!(run["output"]["count"], 1, "{run}");
    let id = run["run"].as_str().unwrap();
    let events = home
        .client(&["runs", "events", id, "--json"])
        .expect_code(0)
        .json_lines();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], place + 1);
    }
    assert_eq!(events.first().unwrap()["type"], "workflow.started");
    assert_eq!(events.last().unwrap()["type"], "workflow.completed");
    assert!(
        events
            .iter()
            .any(|event| event["step"] == "/do/0/count" && event["type"] == "task.completed")
    );
}

#[test]
fn an_error_nobody_catches_faults_the_run_with_problem_details() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = workflow(
        &home,
        "raising",
        "do:\n  - stop:\n      raise:\n        error:\n          type: https://example.org/errors/full\n          \
         status: 507\n          title: The shelf is full\n",
    );
    let run = home.client(&["run", "-f", &file, "--json"]).expect_code(1).json();
    assert_eq!(
        (run["status"].as_str(), run["error"]["status"].as_u64()),
        (Some("faulted"), Some(507)),
        "{run}"
    );
    assert_eq!(run["error"]["instance"], "/do/0/stop", "{run}");
}

#[test]
fn a_retry_waits_and_tries_again_with_a_new_key_after_a_known_failure() {
    let server = Server::start(Duration::ZERO);
    server.fail_first("effect/flaky", &[503, 503]);
    let home = Home::new(&[server.place()]);
    let _daemon = home.start();
    let file = workflow(
        &home,
        "flaky",
        &format!(
            "do:\n  - guarded:\n      try:\n        - ask:\n            call: http\n            with:\n              method: \
             get\n              endpoint:\n                uri: http://{}/effect/flaky\n      catch:\n        retry:\n          \
             delay:\n            milliseconds: 20\n          limit:\n            attempt:\n              count: 5\n",
            server.place()
        ),
    );
    let run = home.client(&["run", "-f", &file, "--json"]).expect_code(0).json();
    assert_eq!(run["output"]["name"], "flaky", "{run}");
    let keys: Vec<_> = server.seen().into_iter().map(|seen| seen.key.unwrap()).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
}

#[test]
fn the_same_idempotency_key_starts_one_run() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = workflow(&home, "once", "do:\n  - say:\n      set:\n        done: true\n");
    let arguments = ["run", "-f", &file, "--idempotency-key", "k-1", "--json"];
    let first = home.client(&arguments).expect_code(0).json();
    let second = home.client(&arguments).expect_code(0).json();
    assert_eq!(first["run"], second["run"]);
    let other = home.client(&[
        "run",
        "-f",
        &file,
        "--idempotency-key",
        "k-1",
        "--input",
        "{\"other\": 1}",
        "--json",
    ]);
    assert!(other.stderr.contains("conflict"), "{other:#?}");
}

#[test]
fn cancelling_stops_the_command_that_runs() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let mark = home.path("mark");
    let file = workflow(
        &home,
        "sleeper",
        &format!(
            "do:\n  - nap:\n      run:\n        shell:\n          command: 'echo $$ > {}; sleep 600'\n",
            mark.display()
        ),
    );
    let run = home
        .client(&["run", "-f", &file, "--detach", "--json"])
        .expect_code(0)
        .json();
    let pid = until("the command to begin", LONG, || {
        std::fs::read_to_string(&mark)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    let id = run["run"].as_str().unwrap();
    drop(home.client(&["runs", "cancel", id]).expect_code(0));
    until("the command to be gone", LONG, || {
        (!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists()).then_some(())
    });
    let status = until("the run to be cancelled", LONG, || {
        let run = home.client(&["runs", "show", id, "--json"]).expect_code(0).json();
        (run["status"] == "cancelled").then_some(run)
    });
    assert_eq!(status["status"], "cancelled");
}

#[test]
fn runs_that_are_not_wanted_any_more_are_shown_first_and_then_deleted() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = workflow(&home, "many", "do:\n  - say:\n      set:\n        done: true\n");
    for _ in 0..3 {
        drop(home.client(&["run", "-f", &file, "--json"]).expect_code(0));
    }
    let prune = |more: &[&str]| {
        let arguments = [&["prune", "--keep", "1", "--json"], more].concat();
        home.client(&arguments).expect_code(0).json()
    };
    assert_eq!(
        prune(&[]),
        serde_json::json!({ "runs": 2, "kept": 0, "deleted": false })
    );
    let listed = || home.client(&["runs", "list", "--json"]).expect_code(0).json();
    assert_eq!(listed()["items"].as_array().unwrap().len(), 3);
    assert_eq!(
        prune(&["--yes", "--older-than", "0s"]),
        serde_json::json!({ "runs": 2, "kept": 0, "deleted": true })
    );
    assert_eq!(listed()["items"].as_array().unwrap().len(), 1);
    let status = home.client(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["runs"]["completed"], 1, "{status}");
    let refused = home.client(&["prune"]);
    assert!(refused.stderr.contains("--older-than 30d"), "{refused:#?}");
}
