//! Schedules, end to end: runs that begin by themselves, once each, whatever dies in between.

use std::collections::BTreeSet;

use dirigent_tests::{Home, LONG, until};
use serde_json::{Value, json};

fn apply(home: &Home, name: &str, rules: &str, schedule: &str, tasks: &str) {
    apply_version(home, (name, "1.0.0"), rules, schedule, tasks);
}

fn apply_version(home: &Home, (name, version): (&str, &str), rules: &str, schedule: &str, tasks: &str) {
    let text = format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: {name}\n  version: '{version}'\n  metadata: {{ dirigent: \
         {{ schedule: {{ {rules} }} }} }}\nschedule: {{ {schedule} }}\n{tasks}\n"
    );
    let file = home.write(&format!("{name}.yaml"), &text);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
}

const QUICK: &str = "do: [ { a: { set: { x: 1 } } } ]";

fn runs(home: &Home, name: &str) -> Vec<Value> {
    let words = ["runs", "list", "--workflow", name, "--limit", "500", "--json"];
    let list = home.client(&words).expect_code(0).json();
    list["items"].as_array().unwrap().clone()
}

fn dues(home: &Home, name: &str) -> Vec<String> {
    let words = [
        "get",
        "runs",
        "--where",
        &format!("workflow = '{name}'"),
        "--limit",
        "500",
        "--json",
    ];
    let list = home.client(&words).expect_code(0).json();
    let mut dues: Vec<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            run["metadata"]["labels"]["dirigent.due"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    dues.sort();
    dues
}

fn schedule(home: &Home, name: &str) -> Value {
    home.client(&["schedules", "show", name, "--json"])
        .expect_code(0)
        .json()
}

#[test]
fn a_cron_of_every_second_fires_once_each_over_kills_of_the_daemon() {
    let home = Home::new(&[]);
    let mut daemon = home.start();
    apply(&home, "ticking", "", "cron: '* * * * * *'", QUICK);
    for round in 1..=3 {
        until("runs of the schedule", LONG, || {
            (runs(&home, "ticking").len() >= 2 * round).then_some(())
        });
        daemon.kill();
        daemon = home.start();
    }
    until("runs after the last kill", LONG, || {
        (runs(&home, "ticking").len() >= 9).then_some(())
    });
    drop(home.client(&["schedules", "pause", "ticking"]).expect_code(0));
    let dues = dues(&home, "ticking");
    let different: BTreeSet<&String> = dues.iter().collect();
    assert_eq!(different.len(), dues.len(), "a due time had two runs: {dues:?}");
    let seconds: Vec<i64> = dues.iter().map(|due| seconds(due)).collect();
    let gaps: Vec<i64> = seconds
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap != 1)
        .collect();
    // A start that takes more than ten seconds on a busy machine is a miss, which is made up for by one run.
    assert!(gaps.iter().all(|gap| *gap > 0) && gaps.len() <= 3, "{dues:?}");
    let shown = schedule(&home, "ticking");
    assert_eq!(shown["paused"], true);
    assert_eq!(shown["next_due"], Value::Null);
}

/// Seconds of the day of `2026-11-22T18:00:07Z`.
fn seconds(due: &str) -> i64 {
    let clock: Vec<i64> = due[11..19].split(':').map(|part| part.parse().unwrap()).collect();
    clock[0] * 3_600 + clock[1] * 60 + clock[2]
}

#[test]
fn a_paused_schedule_starts_nothing_and_a_new_version_is_followed() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    apply(
        &home,
        "nightly",
        "timezone: Europe/Berlin",
        "cron: '30 2 * * *'",
        QUICK,
    );
    let shown = until("the schedule", LONG, || {
        let list = home
            .client(&["schedules", "list", "--json"])
            .expect_code(0)
            .json();
        list["items"].as_array()?.first().cloned()
    });
    assert_eq!(shown["timezone"], "Europe/Berlin");
    assert_eq!(shown["when"], "cron 30 2 * * *");
    assert!(
        shown["next_due"].is_string() && shown["then"].as_array().unwrap().len() == 3,
        "{shown}"
    );
    drop(home.client(&["schedules", "pause", "nightly"]).expect_code(0));
    apply_version(
        &home,
        ("nightly", "1.1.0"),
        "input: { n: 7 }",
        "every: PT1S",
        "do: [ { a: { set: '${ .n }' } } ]",
    );
    until("the new version", LONG, || {
        (schedule(&home, "nightly")["when"] == "every 1s").then_some(())
    });
    assert_eq!(schedule(&home, "nightly")["paused"], true);
    assert!(runs(&home, "nightly").is_empty());
    drop(home.client(&["schedules", "pause", "nightly"]).expect_code(1));
    drop(home.client(&["schedules", "resume", "nightly"]).expect_code(0));
    let run = until("a run", LONG, || {
        runs(&home, "nightly")
            .into_iter()
            .find(|run| run["status"] == "completed")
    });
    assert_eq!(run["output"], 7, "{run}");
    drop(home.client(&["schedules", "pause", "nightly"]).expect_code(0));
    drop(home.client(&["schedules", "pause", "unknown"]).expect_code(1));
}

#[test]
fn events_start_runs_once_each_and_after_waits_for_the_run_before() {
    let home = Home::new(&[]);
    let daemon = home.start();
    apply(
        &home,
        "on-order",
        "",
        "on: { one: { with: { type: order.placed, data: '${ .total > 10 }' } } }",
        "do: [ { a: { set: '${ .[0].total }' } } ]",
    );
    until("the schedule", LONG, || {
        home.client(&["schedules", "show", "on-order", "--json"])
            .json_if(0)
    });
    let publish = |total: u32| {
        let data = json!({ "total": total }).to_string();
        drop(
            home.client(&["events", "publish", "--type", "order.placed", "--data", &data])
                .expect_code(0),
        );
    };
    publish(20);
    publish(5);
    publish(30);
    daemon.kill();
    let _daemon = home.start();
    publish(40);
    let outputs = until("three runs", LONG, || {
        let runs = runs(&home, "on-order");
        let mut outputs: Vec<u64> = runs.iter().filter_map(|run| run["output"].as_u64()).collect();
        outputs.sort_unstable();
        (outputs.len() == 3).then_some(outputs)
    });
    assert_eq!(outputs, [20, 30, 40]);

    apply(&home, "loop", "", "after: PT1S", "do: [ { a: { wait: PT2S } } ]");
    let ended = until("two runs, one after the other", LONG, || {
        let runs = runs(&home, "loop");
        (runs.len() >= 2).then_some(runs)
    });
    let (first, second) = (&ended[ended.len() - 1], &ended[ended.len() - 2]);
    assert_eq!(first["status"], "completed");
    assert!(
        second["started_at"].as_str() >= first["ended_at"].as_str(),
        "{first} {second}"
    );
    drop(home.client(&["schedules", "pause", "loop"]).expect_code(0));
}

#[test]
fn an_overlapping_run_is_left_out_or_takes_the_place_of_the_one_before() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    apply(
        &home,
        "skipping",
        "overlap: skip",
        "every: PT1S",
        "do: [ { a: { wait: PT1H } } ]",
    );
    apply(
        &home,
        "replacing",
        "overlap: replace",
        "every: PT1S",
        "do: [ { a: { wait: PT1H } } ]",
    );
    until("runs to be left out", LONG, || {
        let shown = schedule_if(&home, "skipping")?;
        (shown["left_out"].as_u64() >= Some(2)).then_some(())
    });
    assert_eq!(runs(&home, "skipping").len(), 1);
    until("runs to be replaced", LONG, || {
        let runs = runs(&home, "replacing");
        let cancelled = runs.iter().filter(|run| run["status"] == "cancelled").count();
        (cancelled >= 2).then_some(())
    });
    for name in ["skipping", "replacing"] {
        drop(home.client(&["schedules", "pause", name]).expect_code(0));
    }
    let open: Vec<Value> = runs(&home, "replacing")
        .into_iter()
        .filter(|run| run["status"] == "waiting")
        .collect();
    assert!(open.len() <= 1, "{open:?}");
}

fn schedule_if(home: &Home, name: &str) -> Option<Value> {
    home.client(&["schedules", "show", name, "--json"]).json_if(0)
}

const AGENT: &str = "kind: Agent\nmetadata: { name: reader }\nspec: { prompt: 'Read {{ input }}', model: rehearsal/rehearsal }\n---\n";

/// Applies an orchestration of one agent.
fn orchestrate(home: &Home, name: &str, rest: &str) {
    let text = format!("{AGENT}kind: Orchestration\nmetadata: {{ name: {name} }}\nspec:\n{rest}");
    let file = home.write(&format!("{name}.yaml"), &text);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
}

#[test]
fn an_orchestration_is_scheduled_paused_resumed_and_a_missed_run_follows_its_policy() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let spec = |missed: &str| {
        format!(
            "  strategy: sequential\n  members: [ {{ agent: reader }} ]\n  \
             schedule: {{ every: PT2S, missed: {missed}, input: {{ text: ERROR disk full }} }}\n"
        )
    };
    orchestrate(&home, "patrol", &spec("skip"));
    orchestrate(&home, "errand", &spec("one"));
    let done = until("a run by itself", LONG, || {
        let runs = runs(&home, "patrol");
        runs.into_iter().find(|run| run["status"] == "completed")
    });
    assert!(done["output"].is_string(), "{done}");
    assert_eq!(schedule(&home, "patrol")["when"], "every 2s");
    drop(home.client(&["schedules", "pause", "patrol"]).expect_code(0));
    let shown = schedule(&home, "patrol");
    assert_eq!(
        (&shown["paused"], &shown["next_due"]),
        (&json!(true), &Value::Null)
    );
    let before = shown["started"].as_u64().unwrap();
    drop(home.client(&["schedules", "resume", "patrol"]).expect_code(0));
    until("a run after it goes on", LONG, || {
        (schedule(&home, "patrol")["started"].as_u64().unwrap() > before).then_some(())
    });
    // Down for longer than what still counts as in time.
    let left_out = |name: &str| schedule(&home, name)["left_out"].as_u64().unwrap();
    let (before, errands) = (left_out("patrol"), left_out("errand"));
    drop(daemon);
    let down = std::time::Instant::now();
    until("due times to be missed", LONG, || {
        (down.elapsed() > std::time::Duration::from_secs(15)).then_some(())
    });
    let _daemon = home.start();
    until("what was missed to be left out", LONG, || {
        (left_out("patrol") >= before + 2).then_some(())
    });
    until("one run in the place of all that were missed", LONG, || {
        (left_out("errand") > errands).then_some(())
    });
    for name in ["patrol", "errand"] {
        let dues = dues(&home, name);
        let different: BTreeSet<&String> = dues.iter().collect();
        assert_eq!(
            different.len(),
            dues.len(),
            "{name}: a due time had two runs: {dues:?}"
        );
        drop(home.client(&["schedules", "pause", name]).expect_code(0));
    }
    // Without it in the newest version there is no schedule any more.
    orchestrate(
        &home,
        "patrol",
        "  strategy: sequential\n  members: [ { agent: reader } ]\n",
    );
    until("the schedule to be gone", LONG, || {
        schedule_if(&home, "patrol").is_none().then_some(())
    });
}

#[test]
fn an_orchestration_begins_and_works_by_events_from_outside() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let spec = "  strategy: event_driven\n  members:\n    - { agent: reader, on: log.arrived }\n  \
                limits: { until: day.over }\n  schedule: { on: { one: { with: { type: day.begun } } } }\n";
    orchestrate(&home, "watchman", spec);
    until("the schedule", LONG, || schedule_if(&home, "watchman"));
    let publish = |kind: &str, data: &str| {
        let words = ["events", "publish", "--type", kind, "--data", data];
        drop(home.client(&words).expect_code(0));
    };
    publish("day.begun", r#"{ "day": 1 }"#);
    let run = until("a run that listens", LONG, || {
        let runs = runs(&home, "watchman");
        let id = runs.first()?["run"]
            .as_str()
            .or(runs[0]["id"].as_str())?
            .to_owned();
        let events = home.client(&["runs", "events", &id, "--json"]).expect_code(0);
        events.stdout.contains("listen.").then_some(id)
    });
    publish("log.arrived", r#"{ "text": "ERROR disk full on /dev/sda1" }"#);
    until("the event to be worked on", LONG, || {
        let events = home.client(&["runs", "events", &run, "--json"]).expect_code(0);
        events.stdout.contains("event.handled").then_some(())
    });
    publish("day.over", "{}");
    let ended = until("the end of the day", LONG, || {
        let shown = home
            .client(&["runs", "show", &run, "--json"])
            .expect_code(0)
            .json();
        (shown["status"] == "completed").then_some(shown)
    });
    let said = ended["output"].to_string();
    assert!(said.contains("disk full"), "{ended}");
    assert_eq!(runs(&home, "watchman").len(), 1);
}
