//! Sequence, fork, race, retry, timeout, wait, expressions, starting twice.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::runtime::StartRun;
use dirigent_protocol::run::Status;
use serde_json::json;

use crate::bed::{Bed, dana};
use crate::server::Reply;

fn noops(count: usize) -> String {
    (0..count).fold("do:\n".to_owned(), |mut text, at| {
        writeln!(text, "  - s{at}: {{ call: noop }}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn n_steps_in_a_row_cost_n_plus_one_commits() {
    let bed = Bed::new().await;
    let version = bed.publish(&noops(25)).await;
    let before = bed.store.stats().commits;
    let run = bed.begin(version, json!({"a": 1}), None).await.unwrap().run;
    assert_eq!(bed.completed(run).await, json!({"a": 1}));
    assert_eq!(bed.store.stats().commits - before, 26);
    let execution = bed.execution(run);
    assert_eq!((execution.progress.done, execution.progress.total), (25, 25));
    assert!(execution.started_at.is_some() && execution.ended_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_of_a_thousand_branches_joins() {
    let bed = Bed::new().await;
    let mut tasks = "do:\n  - all:\n      fork:\n        branches:\n".to_owned();
    for at in 0..1_000 {
        writeln!(tasks, "          - b{at}: {{ call: noop, with: {{ n: {at} }} }}").unwrap();
    }
    let version = bed.publish(&tasks).await;
    let before = bed.store.stats().commits;
    let run = bed.begin(version, json!({}), None).await.unwrap().run;
    let output = bed.completed(run).await;
    assert_eq!(output.as_array().unwrap().len(), 1_000);
    assert_eq!(output[999], json!({"n": 999}));
    let commits = bed.store.stats().commits - before;
    assert!(commits < 100, "outcomes share commits, {commits} were made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_fork_takes_turns_within_the_limit() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Json(200, "1")), |settings| {
        settings
            .permits
            .insert(dirigent_protocol::run::EffectKind::Http, 3);
    })
    .await;
    let url = bed.server.url("/x");
    let mut tasks = "do:\n  - all:\n      fork:\n        branches:\n".to_owned();
    for at in 0..40 {
        writeln!(
            tasks,
            "          - b{at}: {{ call: http, with: {{ method: get, endpoint: '{url}' }} }}"
        )
        .unwrap();
    }
    let run = bed.start(&tasks).await;
    assert_eq!(bed.completed(run).await.as_array().unwrap().len(), 40);
    assert_eq!(
        bed.count(run, "effect.queued"),
        37,
        "only what holds a permit is intended"
    );
    assert_eq!(bed.server.keys("/x").len(), 40);
    assert_eq!(bed.runtime.counts().in_flight.values().sum::<u64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_its_own_limit() {
    let bed = Bed::new().await;
    let url = bed.server.url("/one");
    let mut tasks = "do:\n  - all:\n      fork:\n        branches:\n".to_owned();
    for at in 0..6 {
        writeln!(
            tasks,
            "          - b{at}: {{ call: http, with: {{ method: get, endpoint: '{url}' }} }}"
        )
        .unwrap();
    }
    let version = bed.publish_with("concurrency: 1", &tasks).await;
    let run = bed.begin(version, json!({}), None).await.unwrap().run;
    bed.completed(run).await;
    let mut open = 0_i32;
    for name in bed.names(run) {
        open += i32::from(name == "effect.intended") - i32::from(name == "effect.settled");
        assert!(open <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_has_one_winner_and_its_losers_are_stopped() {
    let bed = Bed::new().await;
    let run = bed
        .start(
            "do:
  - race:
      fork:
        compete: true
        branches:
          - slow: { run: { shell: { command: sleep 600 } } }
          - fast: { run: { shell: { command: printf won } } }
",
        )
        .await;
    assert_eq!(bed.completed(run).await, json!("won"));
    bed.until("the loser's end", |bed| {
        bed.runtime
            .counts()
            .in_flight
            .values()
            .all(|n| *n == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_tried_again_under_a_new_key_and_its_wait_is_kept() {
    let script = |_: &str, count| {
        if count < 3 {
            Reply::With(503, "{}", "retry-after: 0\r\n".into())
        } else {
            Reply::Json(200, r#"{"n":3}"#)
        }
    };
    let bed = Bed::with(Arc::new(script), |_| {}).await;
    let url = bed.server.url("/busy");
    let run = bed
        .start(&format!(
            "do:
  - careful:
      try:
        - ask: {{ call: http, with: {{ method: get, endpoint: '{url}' }} }}
      catch:
        errors: {{ with: {{ status: 503 }} }}
        retry: {{ delay: {{ milliseconds: 20 }}, backoff: {{ exponential: {{}} }}, limit: {{ attempt: {{ count: 5 }} }} }}
"
        ))
        .await;
    assert_eq!(bed.completed(run).await, json!({"n": 3}));
    let mut keys = bed.server.keys("/busy");
    assert_eq!(keys.len(), 3);
    keys.dedup();
    assert_eq!(keys.len(), 3, "a known failure gets a new key: {keys:?}");
    assert_eq!(bed.count(run, "task.retried"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_stops_what_runs() {
    let bed = Bed::new().await;
    let run = bed
        .start("do:\n  - long: { run: { shell: { command: sleep 600 } }, timeout: { after: { milliseconds: 100 } } }\n")
        .await;
    let error = bed.faulted(run).await;
    assert_eq!(error["status"], 408);
    bed.until("its end", |bed| {
        bed.runtime
            .counts()
            .in_flight
            .values()
            .all(|n| *n == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_it_is_due_and_not_before() {
    let bed = Bed::new().await;
    let run = bed
        .start("do:\n  - rest: { wait: PT2H }\n  - then: { set: { done: true } }\n")
        .await;
    bed.until("parking", |bed| (bed.runtime.counts().loaded == 0).then_some(()))
        .await;
    assert_eq!(bed.runtime.counts().runs.get(&Status::Waiting), Some(&1));
    bed.forward(Duration::from_secs(7_100));
    bed.store
        .wait(bed.store.head(), Duration::from_millis(1_500))
        .await;
    assert_eq!(bed.execution(run).status, Status::Waiting);
    bed.forward(Duration::from_secs(200));
    assert_eq!(bed.completed(run).await, json!({"done": true}));
    assert_eq!(bed.count(run, "timer.fired"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_survives_a_restart_and_fires_once() {
    let bed = Bed::new().await;
    let run = bed.start("do:\n  - rest: { wait: PT2H }\n").await;
    bed.until("parking", |bed| (bed.runtime.counts().loaded == 0).then_some(()))
        .await;
    let bed = bed.crash().await;
    assert_eq!(
        bed.runtime.counts().loaded,
        0,
        "nothing is loaded for a run that waits"
    );
    bed.forward(Duration::from_secs(8_000));
    bed.completed(run).await;
    assert_eq!(bed.count(run, "timer.fired"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_expressions_become_errors_and_the_daemon_lives() {
    let bed = Bed::new().await;
    for expression in [
        "def f: 1 + f; f",
        "def f: f; f",
        "[range(1000000000)]",
        "\"x\" * 1000000000",
        "[limit(100000000; repeat(1))] | length",
        "last(range(1e12))",
        "reduce range(100000) as $i (null; [.])",
    ] {
        let run = bed
            .start(&format!(
                "do:\n  - bad: {{ set: {{ x: '${{ {expression} }}' }} }}\n"
            ))
            .await;
        let error = bed.faulted(run).await;
        assert!(
            error["type"].as_str().unwrap().ends_with("/expression"),
            "{expression}: {error:#}"
        );
    }
    let run = bed
        .start("do:\n  - good: { set: { x: '${ [range(5)] | add }' } }\n")
        .await;
    assert_eq!(bed.completed(run).await, json!({"x": 10}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_starts_one_run() {
    let bed = Bed::new().await;
    let version = bed.publish("do:\n  - rest: { wait: PT2H }\n").await;
    let begin = || bed.begin(version.clone(), json!({}), Some("once"));
    let all = futures::future::join_all((0..8).map(|_| begin())).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert!(all.iter().all(|started| started.run == all[0].run));
    assert_eq!(all.iter().filter(|started| !started.existing).count(), 1);
    assert!(begin().await.unwrap().existing);
    assert_eq!(bed.runtime.counts().runs.values().sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_starts_one_run() {
    let bed = Bed::new().await;
    let version = bed.publish("do:\n  - rest: { wait: PT2H }\n").await;
    let actor = dana();
    let start = || StartRun {
        version: version.clone(),
        input: json!({}),
        idempotency_key: None,
        labels: Default::default(),
        parent: None,
    };
    let first = bed.runtime.start(start(), actor.clone()).await.unwrap();
    let again = bed.runtime.start(start(), actor).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(bed.runtime.counts().runs.values().sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_runs_end_begins_nothing_new_and_the_rest_goes_on() {
    let bed = Bed::new().await;
    let run = bed
        .start(
            "do:\n  - one: { run: { shell: { command: 'sleep 1; printf 1' } } }\n  - two: { call: noop }\n",
        )
        .await;
    bed.happens(run, "effect.intended", 1).await;
    bed.runtime.shutdown(Duration::from_secs(30)).await;
    assert_eq!(
        (
            bed.count(run, "effect.settled"),
            bed.count(run, "effect.intended")
        ),
        (1, 1)
    );
    let bed = bed.crash().await;
    assert_eq!(bed.completed(run).await, json!("1"));
    assert_eq!(bed.count(run, "effect.unknown"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_takes_effect_once() {
    let bed = Bed::new().await;
    let run = bed.start("do:\n  - rest: { wait: PT2H }\n").await;
    let actor = dana();
    bed.runtime.pause(run, actor.clone()).await.unwrap();
    bed.runtime.resume(run, dana()).await.unwrap();
    bed.runtime.pause(run, actor).await.unwrap();
    assert_eq!(bed.count(run, "workflow.suspended"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_many_events_is_taken_up_from_its_snapshot() {
    let bed = Bed::new().await;
    let filler = "x".repeat(4_000);
    let mut tasks = noops(120);
    writeln!(
        tasks,
        "  - rest: {{ wait: PT2H }}\n  - last: {{ set: {{ length: '${{ .filler | length }}' }} }}"
    )
    .unwrap();
    let run = bed.start_with(&tasks, json!({ "filler": filler })).await;
    bed.until("parking", |bed| (bed.runtime.counts().loaded == 0).then_some(()))
        .await;
    assert!(
        bed.store
            .get(&[b"S".as_slice(), &run.bytes()].concat())
            .unwrap()
            .is_some()
    );
    let bed = bed.crash().await;
    bed.forward(Duration::from_secs(8_000));
    assert_eq!(bed.completed(run).await, json!({"length": 4_000}));
    assert_eq!(bed.execution(run).progress.done, 122);
}
