//! The bus: who is woken by an event and who is not, over crashes in between.

use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::bed::{Bed, dana};

const PAID: &str = "do: [ { hear: { listen: { to: { one: { with: { type: paid }, correlate: { n: { from: .data.n, expect: \
                    '${ $workflow.input.n }' } } } } } } } ]";

async fn publish(bed: &Bed, kind: &str, data: Value) {
    let event = json!({ "type": kind, "data": data });
    bed.runtime.publish(event, dana()).await.unwrap();
}

/// All runs wait and none of them is in memory.
async fn parked(bed: &Bed, count: u64) {
    bed.until("all runs to be parked", |bed| {
        let counts = bed.runtime.counts();
        let waiting = counts.runs.get(&Status::Waiting).copied().unwrap_or(0);
        (waiting == count && counts.loaded == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_wait_the_one_meant_is_woken_and_nobody_else_is_looked_at() {
    let bed = Bed::new().await;
    let version = bed.publish(PAID).await;
    let mut runs = Vec::new();
    for n in 0..300 {
        let started = bed.begin(version.clone(), json!({ "n": n }), None).await.unwrap();
        runs.push(started.run);
    }
    parked(&bed, 300).await;
    let head = bed.store.head().0;
    publish(&bed, "paid", json!({ "n": 299 })).await;
    assert_eq!(bed.completed(runs[299]).await, json!([{ "n": 299 }]));
    parked(&bed, 299).await;
    // The event, what the run makes of it, and the desk's note.
    assert!(
        bed.store.head().0 - head <= 4,
        "{} commits",
        bed.store.head().0 - head
    );
    let bed = bed.crash().await;
    assert_eq!(bed.runtime.counts().loaded, 0);
    publish(&bed, "paid", json!({ "n": 0 })).await;
    assert_eq!(bed.completed(runs[0]).await, json!([{ "n": 0 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_a_crash_arrives_once_after_it() {
    const COLLECT: &str = "do: [ { hear: { listen: { to: { any: [ { with: { type: tick } } ], until: { one: { with: { \
                           type: stop } } } } } } } ]";
    let mut bed = Bed::new().await;
    let run = bed.start(COLLECT).await;
    parked(&bed, 1).await;
    let mut sent = Vec::new();
    for round in 0..5 {
        for n in 0..4 {
            publish(&bed, "tick", json!([round, n])).await;
            sent.push(json!([round, n]));
        }
        bed = bed.crash().await;
    }
    publish(&bed, "stop", json!(null)).await;
    assert_eq!(bed.completed(run).await, Value::Array(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_listens_hears_what_its_sister_emits_in_the_same_breath() {
    let bed = Bed::new().await;
    let tasks = "do:\n  - both:\n      fork:\n        branches:\n          - hear: { listen: { to: { one: { with: { type: \
                 hello } } } } }\n          - say: { emit: { event: { with: { type: hello, data: 7 } } } }\n      output: { \
                 as: '.[0]' }\n";
    let run = bed.start(tasks).await;
    assert_eq!(bed.completed(run).await, json!([7]));
    let deaf = bed
        .start("do:\n  - say: { emit: { event: { with: { type: hello } } } }\n  - hear: { listen: { to: { one: { with: { type: hello } } } } }\n")
        .await;
    parked(&bed, 1).await;
    publish(&bed, "hello", json!("later")).await;
    assert_eq!(
        bed.completed(deaf).await,
        json!(["later"]),
        "what it said before it listened is not heard"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_keeps_what_came_and_a_cancelled_one_leaves_no_listener() {
    let bed = Bed::new().await;
    let run = bed
        .start("do: [ { hear: { listen: { to: { any: [] } } } } ]")
        .await;
    parked(&bed, 1).await;
    bed.runtime.pause(run, dana()).await.unwrap();
    publish(&bed, "x", json!(1)).await;
    bed.until("the event to be kept", |bed| {
        (bed.count(run, "event.received") == 1).then_some(())
    })
    .await;
    assert_eq!(bed.execution(run).status, Status::Suspended);
    bed.runtime.resume(run, dana()).await.unwrap();
    assert_eq!(bed.completed(run).await, json!([1]));
    let other = bed
        .start("do: [ { hear: { listen: { to: { any: [] } } } } ]")
        .await;
    parked(&bed, 1).await;
    bed.runtime.cancel(other, None, dana()).await.unwrap();
    assert_eq!(bed.ended(other).await.status, Status::Cancelled);
    let range = dirigent_store::ScanRange::prefix(dirigent_daemon::events::LISTENS);
    assert!(bed.store.scan(range).unwrap().items.is_empty());
}
