//! Events from the shell, between runs, of what runs do; a kill of the daemon in between loses and doubles none.

use dirigent_tests::{Home, LONG, until};
use serde_json::{Value, json};

fn workflow(home: &Home, name: &str, tasks: &str) -> String {
    let head =
        format!("document: {{ dsl: '1.0.3', namespace: tests, name: {name}, version: '1.0.0' }}\n{tasks}");
    home.write(&format!("{name}.yaml"), &head)
        .to_str()
        .unwrap()
        .to_owned()
}

fn begin(home: &Home, file: &str, input: &str) -> String {
    let run = home
        .client(&["run", "-f", file, "--input", input, "--detach", "--json"])
        .expect_code(0)
        .json();
    run["run"].as_str().unwrap().to_owned()
}

fn shown(home: &Home, run: &str) -> Value {
    home.client(&["runs", "show", run, "--json"])
        .expect_code(0)
        .json()
}

fn in_status(home: &Home, run: &str, word: &str) -> Value {
    until(&format!("the run to be {word}"), LONG, || {
        let run = shown(home, run);
        (run["status"] == word).then_some(run)
    })
}

fn publish(home: &Home, kind: &str, data: &str, more: &[&str]) -> Value {
    let mut words = vec!["events", "publish", "--type", kind, "--data", data, "--json"];
    words.extend(more);
    home.client(&words).expect_code(0).json()
}

#[test]
fn a_publication_from_the_shell_wakes_the_run_that_waits_for_it_and_no_other() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = workflow(
        &home,
        "order",
        "do:\n  - paid:\n      listen:\n        to: { one: { with: { type: order.paid }, correlate: { order: \
         { from: .data.order, expect: '${ $workflow.input.order }' } } } }\n      output: { as: '.[0].amount' }\n",
    );
    let runs: Vec<String> = (0..3)
        .map(|n| begin(&home, &file, &json!({ "order": n }).to_string()))
        .collect();
    for run in &runs {
        in_status(&home, run, "waiting");
    }
    let published = publish(
        &home,
        "order.paid",
        r#"{"order":1,"amount":70}"#,
        &["--id", "pay-1", "--source", "/shop"],
    );
    assert_eq!(published["existing"], false);
    assert_eq!(in_status(&home, &runs[1], "completed")["output"], 70);
    assert_eq!(shown(&home, &runs[0])["status"], "waiting");
    let again = publish(
        &home,
        "order.paid",
        r#"{"order":0,"amount":1}"#,
        &["--id", "pay-1", "--source", "/shop"],
    );
    assert_eq!(again["existing"], true, "the same source and id are one event");
    let listed = home.client(&["events", "list", "--json"]).expect_code(0).json();
    let kinds: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["event"]["id"])
        .collect();
    assert_eq!(kinds, ["pay-1"]);
    drop(
        home.client(&["events", "publish", "--type", "io.serverlessworkflow.x"])
            .expect_code(65),
    );
    drop(home.client(&["runs", "cancel", &runs[0]]).expect_code(0));
    drop(home.client(&["runs", "cancel", &runs[2]]).expect_code(0));
}

#[test]
fn kills_between_publications_lose_none_and_double_none() {
    let home = Home::new(&[]);
    let mut daemon = home.start();
    let file = workflow(
        &home,
        "collect",
        "do:\n  - hear: { listen: { to: { any: [ { with: { type: tick } } ], until: { one: { with: { type: stop } } } } } }\n",
    );
    let runs = [begin(&home, &file, "{}"), begin(&home, &file, "{}")];
    for run in &runs {
        in_status(&home, run, "waiting");
    }
    let mut sent = Vec::new();
    for round in 0..4 {
        for n in 0..5 {
            let value = round * 5 + n;
            publish(&home, "tick", &value.to_string(), &[]);
            sent.push(json!(value));
        }
        daemon.kill();
        daemon = home.start();
    }
    publish(&home, "stop", "null", &[]);
    for run in &runs {
        assert_eq!(in_status(&home, run, "completed")["output"], json!(sent));
    }
}

#[test]
fn one_run_emits_what_another_awaits_and_a_third_hears_that_it_is_over() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let hear = workflow(
        &home,
        "hear",
        "do:\n  - hear: { listen: { to: { one: { with: { type: greeting } } }, read: envelope } }\n",
    );
    let over = workflow(
        &home,
        "over",
        "do:\n  - hear:\n      listen: { to: { one: { with: { type: io.serverlessworkflow.workflow.completed.v1, \
         data: '${ .name | startswith(\"hear-\") }' } } } }\n      output: { as: '.[0].name' }\n",
    );
    let greet = workflow(
        &home,
        "greet",
        "do:\n  - greet: { emit: { event: { with: { type: greeting, data: { hello: '${ .name }' } } } } }\n",
    );
    let (hear, over) = (begin(&home, &hear, "{}"), begin(&home, &over, "{}"));
    in_status(&home, &hear, "waiting");
    in_status(&home, &over, "waiting");
    let emitted = home
        .client(&["run", "-f", &greet, "--input", r#"{"name":"ada"}"#, "--json"])
        .expect_code(0)
        .json();
    let heard = in_status(&home, &hear, "completed");
    assert_eq!(heard["output"], json!([emitted["output"]]));
    assert_eq!(heard["output"][0]["source"], "/tests/greet/1.0.0");
    let name = in_status(&home, &over, "completed")["output"].clone();
    assert_eq!(name, json!(format!("hear-{hear}.tests")));

    let told = home
        .client(&["events", "list", "--run", &hear, "--json"])
        .expect_code(0)
        .json();
    let kinds: Vec<&str> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.first(), Some(&"io.serverlessworkflow.workflow.started.v1"));
    assert_eq!(kinds.last(), Some(&"io.serverlessworkflow.workflow.completed.v1"));
    assert!(
        kinds.contains(&"io.serverlessworkflow.task.started.v1"),
        "{kinds:?}"
    );
}

#[test]
fn a_task_is_suspended_and_resumed_with_its_run_and_whoever_listens_hears_it() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let hear = |name: &str, word: &str| {
        let text = format!(
            "do:\n  - hear:\n      listen: {{ to: {{ one: {{ with: {{ type: io.serverlessworkflow.task.{word}.v1, \
             data: '${{ .task == \"/do/0/inner/do/0/rest\" }}' }} }} }} }}\n      output: {{ as: '.[0].task' }}\n"
        );
        begin(&home, &workflow(&home, name, &text), "{}")
    };
    let (suspended, resumed) = (hear("one", "suspended"), hear("two", "resumed"));
    in_status(&home, &suspended, "waiting");
    in_status(&home, &resumed, "waiting");
    let text = "do:\n  - inner: { do: [ { rest: { wait: PT8H } } ] }\n";
    let rests = begin(&home, &workflow(&home, "rests", text), "{}");
    in_status(&home, &rests, "waiting");
    drop(home.client(&["runs", "pause", &rests]).expect_code(0));
    let heard = in_status(&home, &suspended, "completed")["output"].clone();
    assert_eq!(heard, json!("/do/0/inner/do/0/rest"));
    drop(home.client(&["runs", "resume", &rests]).expect_code(0));
    let heard = in_status(&home, &resumed, "completed")["output"].clone();
    assert_eq!(heard, json!("/do/0/inner/do/0/rest"));
    let listed = ["events", "list", "--run", &rests, "--json"];
    let told = home.client(&listed).expect_code(0).json();
    let kinds: Vec<&str> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["event"]["type"].as_str().unwrap())
        .collect();
    for word in ["suspended", "resumed"] {
        let of = |what: &str| format!("io.serverlessworkflow.{what}.{word}.v1");
        let count = |kind: String| kinds.iter().filter(|other| **other == kind).count();
        assert_eq!((count(of("workflow")), count(of("task"))), (1, 2), "{kinds:?}");
    }
}

#[test]
fn events_are_watched_as_they_come_and_from_a_cursor() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let start = home
        .client(&["events", "watch", "--count", "0", "--json"])
        .expect_code(0)
        .json_lines();
    let cursor = start[0]["cursor"].as_str().unwrap().to_owned();
    for n in 0..3 {
        publish(
            &home,
            if n == 1 { "other" } else { "wanted.kind" },
            &n.to_string(),
            &[],
        );
    }
    let words = [
        "events", "watch", "--cursor", &cursor, "--type", "wanted.*", "--count", "2", "--json",
    ];
    let seen = home.client(&words).expect_code(0).json_lines();
    let data: Vec<&Value> = seen[1..].iter().map(|line| &line["event"]["data"]).collect();
    assert_eq!(data, [&json!(0), &json!(2)]);
    let file = workflow(&home, "tiny", "do:\n  - a: { set: { x: 1 } }\n");
    drop(home.client(&["run", "-f", &file]).expect_code(0));
    let kind = "io.serverlessworkflow.workflow.completed.v1";
    let words = [
        "events", "watch", "--cursor", &cursor, "--type", kind, "--count", "1", "--json",
    ];
    let seen = home.client(&words).expect_code(0).json_lines();
    assert_eq!(seen[1]["event"]["type"], kind);
}
