//! Runs that wait for their turn, end to end: in their order, over kills, seen and cancelled; a paused workflow; a run
//! that is set aside and released.

use std::collections::BTreeMap;

use dirigent_tests::{Home, LONG, Seed, until};
use serde_json::{Value, json};

fn apply(home: &Home, name: &str, settings: &str, tasks: &str) {
    let text = format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: {name}\n  version: '1.0.0'\n  metadata: {{ dirigent: \
         {{ {settings} }} }}\n{tasks}\n"
    );
    let file = home.write(&format!("{name}.yaml"), &text);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
}

fn start(home: &Home, name: &str, more: &[&str]) -> String {
    let mut words = vec!["run", name, "--detach", "--json"];
    words.extend(more);
    let run = home.client(&words).expect_code(0).json();
    run["run"].as_str().unwrap().to_owned()
}

fn shown(home: &Home, run: &str) -> Value {
    home.client(&["runs", "show", run, "--json"])
        .expect_code(0)
        .json()
}

fn status(home: &Home, run: &str) -> String {
    shown(home, run)["status"].as_str().unwrap().to_owned()
}

fn listed(home: &Home, words: &[&str]) -> Vec<Value> {
    let mut all = vec!["runs", "list", "--limit", "500", "--json"];
    all.extend(words);
    let list = home.client(&all).expect_code(0).json();
    list["items"].as_array().unwrap().clone()
}

const PAUSE: &str = "do: [ { a: { wait: PT1H } } ]";

/// A moment of a run, so that moments sort as texts: fractions of a second are written as short as they can be.
fn moment(run: &Value, field: &str) -> String {
    let text = run[field].as_str().unwrap().trim_end_matches('Z');
    let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{second}.{fraction:0<9}")
}

/// The most that went at once, by the runs' own moments.
fn most_at_once(runs: &[Value]) -> usize {
    let mut moments: BTreeMap<(String, bool), i64> = BTreeMap::new();
    for run in runs {
        // An end comes before a beginning at the same moment.
        *moments.entry((moment(run, "started_at"), true)).or_default() += 1;
        *moments.entry((moment(run, "ended_at"), false)).or_default() -= 1;
    }
    let mut going = 0;
    let counts = moments.values().map(|change| {
        going += change;
        going
    });
    usize::try_from(counts.max().unwrap()).unwrap()
}

#[test]
fn a_limit_holds_over_kills_and_every_run_begins_once_in_its_order() {
    let mut seed = Seed::announced("limits");
    let home = Home::new(&[]);
    home.write("daemon.toml", "[run]\nshell = \"allow\"\nmax_crashes = 1000000\n");
    let mut daemon = Some(home.start());
    let tasks = "do: [ { a: { call: noop } }, { b: { wait: { milliseconds: 40 } } } ]";
    apply(
        &home,
        "narrow",
        "runs: { limit: 2, key: '${ .of }', per_key: 1 }",
        tasks,
    );
    let mut runs = Vec::new();
    for n in 0..24 {
        let input = json!({ "of": format!("k{}", n % 3), "n": n }).to_string();
        let key = format!("start-{n}");
        runs.push(start(
            &home,
            "narrow",
            &["--input", &input, "--idempotency-key", &key],
        ));
        if seed.below(4) == 0 {
            daemon.take().unwrap().kill();
            daemon = Some(home.start());
        }
    }
    until("the end of all of them", LONG, || {
        if seed.below(6) == 0 {
            daemon.take().unwrap().kill();
            daemon = Some(home.start());
        }
        let pending = listed(&home, &["--where", "status != \"completed\""]);
        pending.is_empty().then_some(())
    });
    let ended: Vec<Value> = runs.iter().map(|run| shown(&home, run)).collect();
    assert!(most_at_once(&ended) <= 2, "{ended:#?}");
    for group in 0..3 {
        let of: Vec<&Value> = ended.iter().skip(group).step_by(3).collect();
        let begun: Vec<String> = of.iter().map(|run| moment(run, "started_at")).collect();
        assert!(begun.is_sorted(), "group {group}: {begun:?}");
    }
    for run in &runs {
        let events = home
            .client(&["runs", "events", run, "--json"])
            .expect_code(0)
            .json_lines();
        let begun = events
            .iter()
            .filter(|event| event["type"] == "workflow.started")
            .count();
        assert_eq!(begun, 1);
    }
}

#[test]
fn who_waits_is_seen_with_place_and_reason_and_can_be_cancelled() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    apply(&home, "one", "runs: { limit: 1 }", PAUSE);
    let first = start(&home, "one", &[]);
    until("its beginning", LONG, || {
        (status(&home, &first) == "waiting").then_some(())
    });
    let second = start(&home, "one", &[]);
    let third = start(&home, "one", &["--priority", "9"]);
    let seen = shown(&home, &second);
    assert_eq!(
        (&seen["status"], &seen["queue"]["place"]),
        (&json!("pending"), &json!(2))
    );
    assert_eq!(seen["queue"]["why"], "1 of 1 runs of it go");
    assert_eq!(shown(&home, &third)["queue"]["place"], 1);
    let pending = listed(&home, &["--status", "pending"]);
    assert_eq!(pending.len(), 2);
    let text = home.client(&["runs", "list"]).expect_code(0).stdout;
    assert!(text.contains("place 2: 1 of 1 runs of it go"), "{text}");
    drop(home.client(&["runs", "cancel", &third]).expect_code(0));
    until("its end", LONG, || {
        (status(&home, &third) == "cancelled").then_some(())
    });
    assert_eq!(shown(&home, &second)["queue"]["place"], 1);
    let refused = home.client(&["runs", "pause", &second]).expect_code(1);
    assert!(refused.stderr.contains("has not begun"), "{}", refused.stderr);
    drop(home.client(&["runs", "cancel", &first]).expect_code(0));
    until("the second's turn", LONG, || {
        (status(&home, &second) == "waiting").then_some(())
    });
}

#[test]
fn a_paused_workflow_queues_its_runs_and_its_schedule_over_a_restart() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let tasks = "schedule: { every: PT1S }\ndo: [ { a: { set: { x: 1 } } } ]";
    apply(&home, "ticking", "", tasks);
    apply(&home, "slow", "", PAUSE);
    let goes = start(&home, "slow", &[]);
    until("its beginning", LONG, || {
        (status(&home, &goes) == "waiting").then_some(())
    });
    drop(home.client(&["workflows", "pause", "ticking"]).expect_code(0));
    drop(
        home.client(&["workflows", "pause", "slow", "--runs"])
            .expect_code(0),
    );
    assert_eq!(status(&home, &goes), "suspended");
    drop(home.client(&["workflows", "pause", "slow"]).expect_code(1));
    daemon.kill();
    let _daemon = home.start();
    let list = home
        .client(&["workflows", "list", "--json"])
        .expect_code(0)
        .json();
    let paused = |list: &Value| {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["paused"].is_object())
            .count()
    };
    assert_eq!(paused(&list), 2, "{list:#}");
    let queued = until("a due time that waits", LONG, || {
        listed(&home, &["--workflow", "ticking", "--status", "pending"])
            .first()
            .cloned()
    });
    assert_eq!(queued["queue"]["why"], "the workflow is paused");
    drop(home.client(&["schedules", "pause", "ticking"]).expect_code(0));
    drop(home.client(&["workflows", "resume", "ticking"]).expect_code(0));
    let run = queued["run"].as_str().unwrap();
    until("its end", LONG, || {
        (status(&home, run) == "completed").then_some(())
    });
    drop(
        home.client(&["workflows", "resume", "slow", "--runs"])
            .expect_code(0),
    );
    until("that it goes on", LONG, || {
        (status(&home, &goes) == "waiting").then_some(())
    });
}

#[test]
fn a_run_that_keeps_killing_the_daemon_is_set_aside_and_released_by_a_person() {
    let home = Home::new(&[]);
    home.write("daemon.toml", "[run]\nshell = \"allow\"\nmax_crashes = 2\n");
    let mut daemon = home.start();
    let go = home.path("go");
    let command = format!("while [ ! -e {} ]; do sleep 0.05; done; echo done", go.display());
    apply(
        &home,
        "poison",
        "",
        &format!("do: [ {{ a: {{ run: {{ shell: {{ command: '{command}' }} }} }} }} ]"),
    );
    let run = start(&home, "poison", &[]);
    until("its command", LONG, || {
        let events = home
            .client(&["runs", "events", &run, "--json"])
            .expect_code(0)
            .json_lines();
        events
            .iter()
            .any(|event| event["type"] == "effect.intended")
            .then_some(())
    });
    for _ in 0..3 {
        daemon.kill();
        daemon = home.start();
    }
    let aside = until("that it is set aside", LONG, || {
        listed(&home, &["--status", "quarantined"]).first().cloned()
    });
    assert_eq!(
        (&aside["run"], &aside["status"]),
        (&json!(run), &json!("suspended"))
    );
    assert_eq!(aside["quarantine"]["deaths"], 2);
    let text = home
        .client(&["runs", "list", "--status", "quarantined"])
        .expect_code(0)
        .stdout;
    assert!(text.contains("release or cancel it"), "{text}");
    home.write("go", "");
    drop(home.client(&["runs", "release", &run]).expect_code(0));
    until("its end", LONG, || {
        (status(&home, &run) == "completed").then_some(())
    });
    assert!(listed(&home, &["--status", "quarantined"]).is_empty());
    let over = home.client(&["runs", "release", &run]).expect_code(1);
    assert!(!over.stderr.is_empty());
}
