//! A cancel undoes what was done: newest first, each an effect of its own, over crashes, and only then is it cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dirigent_daemon::runtime::{From, RuntimeError};
use dirigent_protocol::entity::{Kind, Notification};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, Status};

use crate::bed::{Bed, dana};
use crate::server::{Reply, Script};

fn tasks(bed: &Bed) -> String {
    let call = |path: &str| {
        format!(
            "call: http, with: {{ method: post, endpoint: '{}' }}",
            bed.server.url(path)
        )
    };
    format!(
        "use:\n  functions:\n    refund: {{ {} }}\n    unbook: {{ {} }}\ndo:\n  - pay: {{ {}, metadata: {{ dirigent: {{ compensate: refund }} }} }}\n  - book: {{ {}, metadata: {{ dirigent: {{ compensate: unbook }} }} }}\n  - long: {{ wait: PT8H }}\n  - never: {{ {} }}\n",
        call("/refund"),
        call("/unbook"),
        call("/pay"),
        call("/book"),
        call("/never"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_undone_once_newest_first_over_a_crash() {
    let script: Script = Arc::new(|path, count| match (path, count) {
        ("/unbook", 1) => Reply::Hang,
        _ => Reply::Json(200, r#"{"ok":true}"#),
    });
    let bed = Bed::with(script, |_| {}).await;
    let run = bed.start(&tasks(&bed)).await;
    bed.happens(run, "timer.set", 1).await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    bed.server.until("/unbook", 1).await;
    assert!(
        !bed.execution(run).status.is_final(),
        "not before everything is undone"
    );
    assert!(bed.server.keys("/refund").is_empty(), "one after the other");
    assert!(
        bed.runtime.cancel(run, None, dana()).await.is_err(),
        "it is being cancelled"
    );
    let bed = bed.crash().await;
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    let unbook = bed.server.keys("/unbook");
    assert!(unbook.len() == 2 && unbook[0] == unbook[1], "{unbook:?}");
    assert_eq!(bed.server.keys("/refund").len(), 1);
    assert!(bed.server.keys("/never").is_empty());
    let undone: Vec<String> = bed
        .events(run)
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::TaskCompensating { step, .. } => Some(step.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(undone, ["/do/1/book", "/do/0/pay"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_told_and_a_run_that_ends_well_undoes_nothing() {
    let script: Script = Arc::new(|path, _| match path {
        "/unbook" => Reply::Json(400, r#"{"no":true}"#),
        _ => Reply::Json(200, r#"{"ok":true}"#),
    });
    let bed = Bed::with(script, |_| {}).await;
    let run = bed.start(&tasks(&bed)).await;
    let other = bed.start(&tasks(&bed)).await;
    bed.happens(run, "timer.set", 1).await;
    bed.happens(other, "timer.set", 1).await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    assert_eq!(bed.server.keys("/refund").len(), 1, "the rest is undone");
    let told: Vec<Notification> = bed.all(Kind::Notification);
    assert!(
        told.iter().any(|note| note.body.contains("/do/1/book")),
        "{told:?}"
    );
    bed.forward(std::time::Duration::from_secs(9 * 3_600));
    assert_eq!(bed.ended(other).await.status, Status::Completed);
    assert_eq!(bed.server.keys("/refund").len(), 1);
}

/// Does what can be undone, fails until it is healed, and waits.
async fn failed_once() -> (Bed, RunId) {
    let healed = Arc::new(AtomicUsize::new(0));
    let script: Script = Arc::new(move |path, _| match path {
        "/bad" if healed.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Json(400, "{}"),
        _ => Reply::Json(200, r#"{"ok":true}"#),
    });
    let bed = Bed::with(script, |_| {}).await;
    let call = |path: &str| {
        format!(
            "call: http, with: {{ method: post, endpoint: '{}' }}",
            bed.server.url(path)
        )
    };
    let tasks = format!(
        "use:\n  functions:\n    refund: {{ {} }}\ndo:\n  - pay: {{ {}, metadata: {{ dirigent: {{ compensate: refund }} }} }}\n  - bad: {{ {} }}\n  - long: {{ wait: PT8H }}\n",
        call("/refund"),
        call("/pay"),
        call("/bad"),
    );
    let run = bed.start(&tasks).await;
    bed.faulted(run).await;
    (bed, run)
}

async fn retried(bed: &Bed, run: RunId) -> RunId {
    let again = bed.runtime.again(run, From::Failure, dana()).await.unwrap().run;
    bed.happens(again, "timer.set", 1).await;
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_did_is_undone_once_by_the_last_of_its_retries_that_is_cancelled() {
    let (bed, run) = failed_once().await;
    let (one, two) = (retried(&bed, run).await, retried(&bed, run).await);
    bed.runtime.cancel(one, None, dana()).await.unwrap();
    assert_eq!(bed.ended(one).await.status, Status::Cancelled);
    assert!(
        bed.server.keys("/refund").is_empty(),
        "the other goes on behind it"
    );
    let bed = bed.crash().await;
    // A retry of a retry that gave up goes on behind the first run's work too.
    let three = bed.runtime.again(one, From::Failure, dana()).await.unwrap().run;
    bed.runtime.cancel(two, None, dana()).await.unwrap();
    assert_eq!(bed.ended(two).await.status, Status::Cancelled);
    assert!(bed.server.keys("/refund").is_empty());
    bed.runtime.cancel(three, None, dana()).await.unwrap();
    assert_eq!(bed.ended(three).await.status, Status::Cancelled);
    assert_eq!(bed.server.keys("/refund").len(), 1);
    for gone in [run, one, two] {
        let refused = bed.runtime.again(gone, From::Failure, dana()).await;
        assert!(
            matches!(refused, Err(RuntimeError::NotFrom { .. })),
            "nothing goes on behind what was undone: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_that_are_cancelled_at_the_same_moment_undo_once_together() {
    let (bed, run) = failed_once().await;
    let mut retries = Vec::new();
    for _ in 0..6 {
        retries.push(retried(&bed, run).await);
    }
    let cancels = retries.iter().map(|run| bed.runtime.cancel(*run, None, dana()));
    for cancelled in futures::future::join_all(cancels).await {
        cancelled.unwrap();
    }
    for run in retries {
        assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    }
    assert_eq!(bed.server.keys("/refund").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_completed_retry_has_built_on_is_never_undone() {
    let (bed, run) = failed_once().await;
    let (one, two) = (retried(&bed, run).await, retried(&bed, run).await);
    bed.runtime.pause(two, dana()).await.unwrap();
    bed.forward(std::time::Duration::from_secs(9 * 3_600));
    assert_eq!(bed.ended(one).await.status, Status::Completed);
    bed.runtime.cancel(two, None, dana()).await.unwrap();
    assert_eq!(bed.ended(two).await.status, Status::Cancelled);
    assert!(bed.server.keys("/refund").is_empty());
}
