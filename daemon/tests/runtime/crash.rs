//! Crashes with intents open: what the policy says, the same key, at most one, nothing left running.

use std::sync::Arc;

use dirigent_protocol::entity::{Kind, Notification};
use dirigent_protocol::run::{Decision, Status};
use serde_json::json;

use crate::bed::{Bed, dana};
use crate::server::{Reply, Script};

/// Hangs at first, answers later.
fn hang_first() -> Script {
    Arc::new(|_, count| {
        if count == 1 {
            Reply::Hang
        } else {
            Reply::Json(200, r#"{"n":2}"#)
        }
    })
}

fn call(bed: &Bed, policy: &str) -> String {
    let url = bed.server.url("/pay");
    format!(
        "do:
  - pay:
      call: http
      with: {{ method: post, endpoint: '{url}' }}
      metadata: {{ dirigent: {{ on_unknown: {policy} }} }}
  - after: {{ call: noop }}
"
    )
}

async fn crashed_in_flight(policy: &str) -> (Bed, dirigent_protocol::id::RunId) {
    let bed = Bed::with(hang_first(), |_| {}).await;
    let run = bed.start(&call(&bed, policy)).await;
    bed.server.until("/pay", 1).await;
    (bed.crash().await, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_retry_it_is_performed_again_with_the_same_key() {
    let (bed, run) = crashed_in_flight("retry").await;
    assert_eq!(bed.completed(run).await, json!({"n": 2}));
    let keys = bed.server.keys("/pay");
    assert_eq!(keys.len(), 2);
    assert!(!keys[0].is_empty() && keys[0] == keys[1], "{keys:?}");
    assert_eq!(bed.count(run, "effect.unknown"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_repeats_nothing_before_it_is_resumed() {
    let bed = Bed::with(hang_first(), |_| {}).await;
    let run = bed.start(&call(&bed, "retry")).await;
    bed.server.until("/pay", 1).await;
    bed.runtime.pause(run, dana()).await.unwrap();
    let bed = bed.crash().await.crash().await;
    let other = bed.start("do:\n  - fine: { call: noop }\n").await;
    bed.completed(other).await;
    assert_eq!(bed.server.keys("/pay").len(), 1);
    bed.runtime.resume(run, dana()).await.unwrap();
    assert_eq!(bed.completed(run).await, json!({"n": 2}));
    let keys = bed.server.keys("/pay");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_it_is_never_performed_again() {
    let (bed, run) = crashed_in_flight("fail").await;
    bed.faulted(run).await;
    assert_eq!(bed.server.keys("/pay").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_ask_a_person_says_again() {
    let (bed, run) = crashed_in_flight("ask").await;
    let (id, asked) = bed.asked(run).await;
    assert!(asked.unknown_effect.is_some());
    assert_eq!(bed.execution(run).status, Status::Waiting);
    let bed = bed.crash().await;
    assert_eq!(
        bed.server.keys("/pay").len(),
        1,
        "nothing is done without a person"
    );
    bed.decide(id, &asked, Decision::Approve { edited: None })
        .await
        .unwrap();
    assert_eq!(bed.completed(run).await, json!({"n": 2}));
    let keys = bed.server.keys("/pay");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    assert!(bed.decide(id, &asked, Decision::Deny).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_ask_a_person_says_what_happened_or_that_it_failed() {
    let (bed, run) = crashed_in_flight("ask").await;
    let (id, asked) = bed.asked(run).await;
    let happened = Decision::Approve {
        edited: Some(json!({"n": 9})),
    };
    bed.decide(id, &asked, happened).await.unwrap();
    assert_eq!(bed.completed(run).await, json!({"n": 9}));
    assert_eq!(bed.server.keys("/pay").len(), 1);
    let (bed, run) = crashed_in_flight("ask").await;
    let (id, asked) = bed.asked(run).await;
    bed.decide(id, &asked, Decision::Deny).await.unwrap();
    bed.faulted(run).await;
    assert_eq!(bed.server.keys("/pay").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_effect_is_closed_with_its_run() {
    let (bed, run) = crashed_in_flight("ask").await;
    let (id, asked) = bed.asked(run).await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    assert!(
        bed.decide(id, &asked, Decision::Approve { edited: None })
            .await
            .is_err()
    );
    assert_eq!(bed.server.keys("/pay").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_the_dead_daemon_ends_before_its_repeat_begins() {
    let bed = Bed::new().await;
    let log = bed.dir.path().join("log");
    let command = format!(
        "echo \"begin $$ $DIRIGENT_IDEMPOTENCY_KEY\" >> {l}; n=$(grep -c begin {l}); \
         [ $n -gt 1 ] || {{ setsid sleep 600 & sleep 600; }}; printf done",
        l = log.display()
    );
    let run = bed
        .start(&format!(
            "do:\n  - once: {{ run: {{ shell: {{ command: '{command}' }} }} }}\n"
        ))
        .await;
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    bed.until("the command", |_| (lines().lines().count() == 1).then_some(()))
        .await;
    let bed = bed.crash().await;
    assert_eq!(bed.completed(run).await, json!("done"));
    let text = lines();
    let begun: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(begun.len(), 2);
    assert_eq!(begun[0][2], begun[1][2], "the same key");
    let first = std::fs::read_to_string(format!("/proc/{}/stat", begun[0][1])).unwrap_or_default();
    assert!(
        first.is_empty() || first.contains(") Z "),
        "the first one is gone: {first}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_deaths_without_progress_set_a_run_aside_and_a_person_lets_it_go_on() {
    let bed = Bed::with(
        Arc::new(|_, count| {
            if count < 4 {
                Reply::Hang
            } else {
                Reply::Json(200, "1")
            }
        }),
        |_| {},
    )
    .await;
    let run = bed.start(&call(&bed, "retry")).await;
    let mut bed = bed;
    for round in 1..=3 {
        bed.server.until("/pay", round).await;
        bed = bed.crash().await;
    }
    bed.until("the quarantine", |bed| {
        (bed.execution(run).status == Status::Suspended).then_some(())
    })
    .await;
    bed.until("the figure", |bed| {
        (bed.runtime.counts().quarantined == 1).then_some(())
    })
    .await;
    let told: Vec<Notification> = bed.all(Kind::Notification);
    assert!(told.iter().any(|note| note.title.contains("set aside")));
    let other = bed.start("do:\n  - fine: { call: noop, with: 5 }\n").await;
    assert_eq!(bed.completed(other).await, json!(5), "all others go on");
    assert_eq!(bed.server.keys("/pay").len(), 3);
    bed.runtime.resume(run, dana()).await.unwrap();
    assert_eq!(bed.completed(run).await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_is_no_death() {
    let bed = Bed::with(
        Arc::new(|_, count| {
            if count < 6 {
                Reply::Hang
            } else {
                Reply::Json(200, "1")
            }
        }),
        |_| {},
    )
    .await;
    let run = bed.start(&call(&bed, "retry")).await;
    let mut bed = bed;
    for round in 1..=4 {
        bed.server.until("/pay", round).await;
        bed = bed.restart().await;
    }
    bed.server.until("/pay", 5).await;
    assert_eq!(bed.runtime.counts().quarantined, 0);
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_at_any_moment_lose_and_double_nothing() {
    let seed: u64 = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| dirigent_protocol::id::RunId::new().0.as_u64_pair().1);
    println!("seed {seed} (DIRIGENT_SEED repeats it)");
    let mut random = seed;
    let mut next = move |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut bed = Bed::with(Arc::new(|_, _| Reply::Json(200, "{}")), |settings| {
        settings.max_crashes = 1_000
    })
    .await;
    let url = bed.server.url("/n");
    let tasks = format!(
        "do:
  - a: {{ call: http, with: {{ method: post, endpoint: '{url}' }} }}
  - b: {{ call: noop }}
  - c: {{ run: {{ shell: {{ command: 'true' }} }} }}
  - d: {{ call: http, with: {{ method: post, endpoint: '{url}' }}, metadata: {{ dirigent: {{ on_unknown: fail }} }} }}
"
    );
    let mut runs = Vec::new();
    for _ in 0..10 {
        for _ in 0..3 {
            runs.push(bed.start(&tasks).await);
        }
        bed.store
            .wait(bed.store.head(), std::time::Duration::from_millis(next(30)))
            .await;
        for _ in 0..next(12) {
            bed.store
                .wait(bed.store.head(), std::time::Duration::from_millis(5))
                .await;
        }
        bed = bed.crash().await;
    }
    for run in &runs {
        whole(&bed, *run).await;
    }
    // At most one request for each step that must not be repeated; repeats of the others carry their key.
    let keys = bed.server.keys("/n");
    for run in &runs {
        let of_run: Vec<_> = keys
            .iter()
            .filter(|key| key.starts_with(&run.to_string()))
            .collect();
        let mut distinct = of_run.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() <= 2, "{of_run:?}");
        let last = distinct
            .iter()
            .max_by_key(|key| key.split('-').rev().nth(1).and_then(|n| n.parse::<u64>().ok()));
        if let (2, Some(last)) = (distinct.len(), last) {
            assert_eq!(of_run.iter().filter(|key| key == &last).count(), 1, "{of_run:?}");
        }
    }
}

/// The run ended, every step of it began once, and every effect has its outcome.
async fn whole(bed: &Bed, run: dirigent_protocol::id::RunId) {
    let ended = bed.ended(run).await;
    let settled = bed.count(run, "effect.settled");
    let wanted = if ended.status == Status::Completed { 4 } else { 3 };
    // An effect that was in flight at six crashes in a row is given up by the engine.
    let given_up = bed.count(run, "effect.unknown") >= 6;
    let story = bed.names(run);
    assert!(
        settled >= wanted || given_up,
        "{} {:#} {story:?}",
        ended.status,
        ended.error
    );
    let started = bed.count(run, "task.started");
    assert!(started == 4 || given_up && started < 4, "every step began once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_set_aside_can_be_cancelled() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Hang), |settings| settings.max_crashes = 1).await;
    let run = bed.start(&call(&bed, "retry")).await;
    bed.server.until("/pay", 1).await;
    let bed = bed.crash().await;
    bed.until("the quarantine", |bed| bed.execution(run).quarantine)
        .await;
    let bed = bed.crash().await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    assert_eq!(bed.server.keys("/pay").len(), 1, "nothing was repeated");
    assert_eq!(bed.runtime.counts().quarantined, 0);
}
