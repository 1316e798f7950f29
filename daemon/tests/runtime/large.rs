//! More than one commit may hold: loops go on in parts, what fits nowhere fails by name, nothing stands still.

use dirigent_daemon::runtime::RuntimeError;
use dirigent_protocol::run::Status;
use dirigent_store::CommitError;
use serde_json::{Value, json};

use crate::bed::Bed;

/// More than a record may have, once it is repeated four times.
fn text(kib: usize) -> String {
    "x".repeat(kib << 10)
}

const LARGE: &str = "set: { all: '${ [.text, .text, .text, .text] }' }";

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_that_fits_no_commit_goes_on_in_parts() {
    let bed = Bed::new().await;
    let tasks = "do:\n  - all:\n      for: { each: item, in: '${ $workflow.input.items }' }\n      do:\n        \
                 - keep: { set: { n: '${ $item }', text: '${ $workflow.input.text }' } }\n";
    let items: Vec<usize> = (0..600).collect();
    let run = bed
        .start_with(tasks, json!({ "items": items, "text": text(20) }))
        .await;
    assert_eq!(bed.completed(run).await["n"], 599);
    assert_eq!(bed.count(run, "task.iterated"), 600);
    let yields = bed.count(run, "timer.set");
    assert!((2..100).contains(&yields), "it went on {yields} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_no_commit_at_all_fails_the_run_by_name() {
    let bed = Bed::new().await;
    let tasks = format!(
        "do:\n  - first: {{ call: noop, with: {{ text: '${{ .text }}' }} }}\n  - all: {{ {LARGE} }}\n"
    );
    let run = bed.start_with(&tasks, json!({ "text": text(300) })).await;
    let over = |bed: &Bed| Some(bed.execution(run)).filter(|execution| execution.status.is_final());
    let execution = bed.until("the run is over", over).await;
    assert_eq!(execution.status, Status::Faulted);
    assert_eq!(
        execution.error["title"], "Too much to record at once",
        "{:?}",
        execution.error
    );
    assert_eq!(bed.count(run, "workflow.faulted"), 1);
    assert_eq!(bed.runtime.counts().in_flight.values().sum::<u64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fits_no_commit_is_refused_and_leaves_nothing() {
    let bed = Bed::new().await;
    let version = bed
        .publish("do:\n  - one: { call: noop, with: { n: 1 } }\n")
        .await;
    let input: Value = json!({ "text": text(2_000) });
    let refused = bed.begin(version, input, None).await.unwrap_err();
    assert!(
        matches!(&refused, RuntimeError::Commit(CommitError::TooLarge { .. })),
        "{refused:?}"
    );
    assert_eq!(bed.runtime.counts().runs.values().sum::<u64>(), 0);
}
