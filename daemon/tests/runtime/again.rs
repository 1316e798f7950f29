//! Runs that come from others: tried again, begun anew, forked; what had finished is not performed a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dirigent_daemon::runtime::{From, RuntimeError};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Decision, EventBody, Lineage, Status};
use dirigent_store::MaintainBudget;
use serde_json::{Value, json};

use crate::bed::{Bed, dana};
use crate::server::{Reply, Script};

/// `/bad` fails until it is healed.
fn failing() -> (Script, Arc<AtomicBool>) {
    let healed = Arc::new(AtomicBool::new(false));
    let well = healed.clone();
    let script: Script = Arc::new(move |path, _| {
        if path == "/bad" && !well.load(Ordering::SeqCst) {
            Reply::Json(400, r#"{"no":true}"#)
        } else {
            Reply::Json(200, r#"{"ok":true}"#)
        }
    });
    (script, healed)
}

fn call(bed: &Bed, path: &str) -> String {
    format!(
        "{{ call: http, with: {{ method: post, endpoint: '{}' }} }}",
        bed.server.url(path)
    )
}

/// The keys of the effects a path was asked for, each once: what was in flight at a crash comes again under its own key.
fn effects(bed: &Bed, path: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in bed.server.keys(path) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

async fn again(bed: &Bed, run: RunId, from: From) -> RunId {
    bed.runtime.again(run, from, dana()).await.unwrap().run
}

fn event(bed: &Bed, run: RunId, fits: impl Fn(&EventBody) -> bool) -> u64 {
    bed.events(run)
        .iter()
        .find(|event| fits(&event.body))
        .unwrap()
        .seq
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_on_where_it_failed_and_repeats_nothing_that_was_done() {
    let (script, healed) = failing();
    let bed = Bed::with(script, |_| {}).await;
    let tasks = format!(
        "do:\n  - one: {}\n  - side:\n      fork:\n        branches:\n          - done: {}\n          - bad:\n              do:\n                - before: {{ call: noop }}\n                - there: {}\n  - last: {}\n",
        call(&bed, "/one"),
        call(&bed, "/done"),
        call(&bed, "/bad"),
        call(&bed, "/last"),
    );
    let run = bed.start_with(&tasks, json!({"n": 1})).await;
    bed.faulted(run).await;
    assert_eq!(effects(&bed, "/one").len(), 1);
    let done_before = effects(&bed, "/done").len();
    let refused = bed.runtime.again(run, From::Step("nowhere".into()), dana()).await;
    assert!(
        matches!(refused, Err(RuntimeError::NotFrom { .. })),
        "{refused:?}"
    );
    healed.store(true, Ordering::SeqCst);
    let bed = bed.crash().await;
    let retried = again(&bed, run, From::Failure).await;
    let bed = bed.crash().await;
    bed.completed(retried).await;
    assert_eq!(effects(&bed, "/one").len(), 1, "it had finished");
    assert!(
        effects(&bed, "/done").len() <= done_before + 1,
        "at most what was in flight"
    );
    let bad = effects(&bed, "/bad");
    assert_eq!(bad.len(), 2);
    assert_ne!(bad[0], bad[1], "another attempt has another key");
    assert_eq!(effects(&bed, "/last").len(), 1);
    let origin = bed.execution(retried).origin.unwrap();
    assert_eq!((origin.run, origin.how), (run, Lineage::Retried));
    let offspring = bed.runtime.offspring(run).unwrap();
    assert_eq!(offspring, [(retried, origin)]);
    assert_eq!(
        bed.execution(run).status,
        Status::Faulted,
        "the old run stays as it is"
    );
    let refused = bed.runtime.again(retried, From::Failure, dana()).await;
    assert!(
        matches!(refused, Err(RuntimeError::NotFrom { .. })),
        "nothing of it failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_step_on_and_from_the_start() {
    let bed = Bed::new().await;
    let tasks = format!(
        "do:\n  - one: {}\n  - two: {}\n  - three: {{ set: {{ n: '${{ $workflow.input.n }}' }} }}\n",
        call(&bed, "/one"),
        call(&bed, "/two"),
    );
    let run = bed.start_with(&tasks, json!({"n": 4})).await;
    assert_eq!(bed.completed(run).await, json!({"n": 4}));
    let from_two = again(&bed, run, From::Step("two".into())).await;
    bed.completed(from_two).await;
    assert_eq!((effects(&bed, "/one").len(), effects(&bed, "/two").len()), (1, 2));
    // A retry of the retry: its journal goes through both.
    let once_more = again(&bed, from_two, From::Step("/do/1/two".into())).await;
    let bed = bed.crash().await;
    bed.completed(once_more).await;
    assert_eq!((effects(&bed, "/one").len(), effects(&bed, "/two").len()), (1, 3));
    let anew = again(&bed, once_more, From::Start).await;
    assert_eq!(bed.completed(anew).await, json!({"n": 4}));
    assert_eq!((effects(&bed, "/one").len(), effects(&bed, "/two").len()), (2, 4));
    let origin = bed.execution(anew).origin.unwrap();
    assert_eq!(
        (origin.run, origin.at, origin.how),
        (once_more, 0, Lineage::Restarted)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_another_input_waits_anew_and_survives_crashes() {
    let bed = Bed::new().await;
    let tasks = format!(
        "do:\n  - one: {}\n  - ask: {{ call: approval, with: {{ title: Go on?, action: go on }} }}\n  - say: {{ set: {{ n: '${{ $workflow.input.n }}' }} }}\n",
        call(&bed, "/one"),
    );
    let run = bed.start_with(&tasks, json!({"n": 1})).await;
    let (first, _) = bed.asked(run).await;
    let at = event(&bed, run, |body| {
        matches!(body, EventBody::ApprovalRequested { .. })
    });
    let fork = again(
        &bed,
        run,
        From::Event {
            at,
            input: Some(json!({"n": 2})),
        },
    )
    .await;
    let bed = bed.crash().await.crash().await;
    let (second, asked) = bed.asked(fork).await;
    assert_ne!(first, second, "the fork asks for itself");
    bed.decide(second, &asked, Decision::Approve { edited: None })
        .await
        .unwrap();
    assert_eq!(bed.completed(fork).await, json!({"n": 2}));
    assert_eq!(
        bed.execution(run).status,
        Status::Waiting,
        "the other run waits on"
    );
    let (first, asked) = bed.asked(run).await;
    bed.decide(first, &asked, Decision::Approve { edited: None })
        .await
        .unwrap();
    assert_eq!(bed.completed(run).await, json!({"n": 1}));
    assert_eq!(effects(&bed, "/one").len(), 1, "it had finished before the fork");
    for at in [0, 1_000] {
        let refused = bed
            .runtime
            .again(run, From::Event { at, input: None }, dana())
            .await;
        assert!(
            matches!(refused, Err(RuntimeError::NotFrom { .. })),
            "{at}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_starts_one_run() {
    let bed = Bed::new().await;
    let run = bed.start("do:\n  - one: { call: noop }\n").await;
    bed.completed(run).await;
    let actor = dana();
    let first = bed
        .runtime
        .again(run, From::Event { at: 2, input: None }, actor.clone())
        .await
        .unwrap();
    let second = bed
        .runtime
        .again(run, From::Event { at: 2, input: None }, actor)
        .await
        .unwrap();
    assert_eq!(first.run, second.run);
    bed.completed(first.run).await;
    assert_eq!(bed.runtime.offspring(run).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_goes_on_where_it_was_stopped() {
    let bed = Bed::new().await;
    let tasks = format!(
        "do:\n  - one: {}\n  - two: {{ wait: PT8H }}\n  - three: {}\n",
        call(&bed, "/one"),
        call(&bed, "/three")
    );
    let run = bed.start(&tasks).await;
    bed.happens(run, "timer.set", 1).await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    let retried = again(&bed, run, From::Failure).await;
    bed.forward(std::time::Duration::from_secs(9 * 3_600));
    bed.completed(retried).await;
    assert_eq!(
        (effects(&bed, "/one").len(), effects(&bed, "/three").len()),
        (1, 1)
    );
}

/// Bytes of everything stored about a run: its own events and its document.
fn stored(bed: &Bed, run: RunId) -> (usize, usize) {
    let events: usize = bed.own_events(run).iter().map(|(_, bytes)| bytes).sum();
    let document = bed
        .records()
        .get(dirigent_protocol::entity::Kind::WorkflowExecution, run.into());
    let document = document.unwrap().unwrap().document;
    (
        events,
        dirigent_daemon::records::encode_document(&document)
            .unwrap()
            .len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_stores_under_a_tenth_of_the_original_plus_what_is_new() {
    let bed = Bed::new().await;
    let steps: String = (0..40)
        .map(|i| {
            format!("  - s{i}: {{ call: noop, with: {{ i: {i}, text: '${{ $workflow.input.text }}' }} }}\n")
        })
        .collect();
    let tasks = format!("do:\n{steps}  - new: {{ call: noop, with: 1 }}\n");
    let run = bed.start_with(&tasks, json!({"text": "x".repeat(4_000)})).await;
    bed.completed(run).await;
    let at = event(
        &bed,
        run,
        |body| matches!(body, EventBody::TaskStarted { task, .. } if &**task == "new"),
    );
    let fork = again(&bed, run, From::Event { at, input: None }).await;
    bed.completed(fork).await;
    let (old, new) = (stored(&bed, run), stored(&bed, fork));
    let new_events = bed
        .own_events(run)
        .iter()
        .filter(|(seq, _)| *seq > at)
        .map(|(_, bytes)| bytes)
        .sum::<usize>();
    let (old, new) = (old.0 + old.1, new.0 + new.1);
    assert!(
        new < old / 10 + new_events,
        "{new} bytes beside {old}, of which {new_events} are new"
    );
    // The other run's stream moves to the archive; the fork still reads it.
    let budget = MaintainBudget {
        settle: Some(std::time::Duration::from_secs(30)),
        archive_bytes: 64 << 20,
        ..MaintainBudget::default()
    };
    bed.store.maintain(budget).await.unwrap();
    let bed = bed.restart().await;
    let journal: Value = json!(bed.events(fork).iter().map(|event| event.seq).collect::<Vec<_>>());
    assert_eq!(journal[0], 1);
    let once_more = again(&bed, fork, From::Step("s39".into())).await;
    assert_eq!(bed.completed(once_more).await, json!(1));
}
