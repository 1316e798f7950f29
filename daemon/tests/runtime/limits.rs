//! Runs that wait for their turn: limits of a definition, of a group, of a time, of the daemon; pause; crashes between.

use std::time::Duration;

use dirigent_daemon::runtime::{RuntimeError, StartRun, Terms};
use dirigent_protocol::entity::Document;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Decision, Status};
use serde_json::{Value, json};

use crate::bed::{Bed, dana};
use crate::server::{Reply, Script};

/// A run that goes until somebody says yes.
const ASKS: &str = "do:\n  - ask: { call: approval, with: { title: 'Go on?', action: go } }\n";
const QUICK: &str = "do:\n  - a: { call: noop }\n";

impl Bed {
    async fn begin_as(&self, version: &Document, input: Value, priority: i32) -> RunId {
        let start = StartRun {
            version: version.clone(),
            input,
            idempotency_key: None,
            labels: Default::default(),
            parent: None,
        };
        let terms = Terms {
            priority: Some(priority),
            ..Terms::default()
        };
        self.runtime.start_on(start, terms, dana()).await.unwrap().run
    }

    async fn start_now(&self, version: &Document, input: Value) -> RunId {
        self.begin(version.clone(), input, None).await.unwrap().run
    }

    fn stands(&self, run: RunId) -> Status {
        self.execution(run).status
    }

    /// Runs that have begun and are not over.
    fn going(&self, runs: &[RunId]) -> Vec<RunId> {
        let goes = |run: &&RunId| {
            let status = self.stands(**run);
            status != Status::Pending && !status.is_final()
        };
        runs.iter().filter(goes).copied().collect()
    }

    async fn finish(&self, run: RunId) {
        let (id, approval) = self.asked(run).await;
        self.decide(id, &approval, Decision::Approve { edited: None })
            .await
            .unwrap();
        self.completed(run).await;
    }

    async fn begun(&self, run: RunId) {
        self.until("its beginning", |bed| {
            (bed.stands(run) != Status::Pending).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_beyond_the_limit_wait_in_their_order() {
    let bed = Bed::new().await;
    let version = bed.publish_with("runs: { limit: 2 }", ASKS).await;
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(bed.start_now(&version, json!({ "n": n })).await);
    }
    bed.begun(runs[1]).await;
    assert_eq!(bed.going(&runs), runs[..2]);
    let queued = bed.runtime.queued(runs[4]).unwrap();
    assert_eq!(
        (queued.place, queued.why.as_str()),
        (Some(3), "2 of 2 runs of it go")
    );
    assert!(bed.execution(runs[4]).queue.unwrap().since.is_some());
    assert_eq!(bed.runtime.counts().runs[&Status::Pending], 3);
    assert_eq!(bed.names(runs[4]), Vec::<&str>::new(), "nothing of it began");
    for n in 0..5 {
        bed.finish(runs[n]).await;
        if let Some(next) = runs.get(n + 2) {
            bed.begun(*next).await;
            assert!(bed.going(&runs).len() <= 2);
        }
    }
    let started: Vec<_> = runs.iter().map(|run| bed.execution(*run).started_at).collect();
    assert!(started.is_sorted(), "{started:?}");
    assert_eq!(bed.execution(runs[4]).queue, None);
    assert_eq!(bed.events(runs[4])[0].body.name(), "workflow.started");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_for_each_key_at_a_time() {
    let bed = Bed::new().await;
    let version = bed.publish_with("runs: { key: '${ .customer }' }", ASKS).await;
    let acme = bed.start_now(&version, json!({ "customer": "acme" })).await;
    let second = bed.start_now(&version, json!({ "customer": "acme" })).await;
    let other = bed.start_now(&version, json!({ "customer": "other" })).await;
    let nobody = bed.start_now(&version, json!({})).await;
    for run in [acme, other, nobody] {
        bed.begun(run).await;
    }
    let queued = bed.runtime.queued(second).unwrap();
    assert_eq!((queued.place, queued.key.as_deref()), (Some(1), Some("acme")));
    bed.finish(acme).await;
    bed.begun(second).await;
    let refused = bed.begin(version.clone(), json!({ "customer": [1] }), None).await;
    assert!(
        matches!(refused, Err(RuntimeError::BadInput { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_lets_so_many_begin_within_its_period_over_restarts_too() {
    let mut bed = Bed::new().await;
    let version = bed
        .publish_with("runs: { rate: { limit: 2, period: PT1H } }", QUICK)
        .await;
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(bed.start_now(&version, json!({ "n": n })).await);
    }
    bed.completed(runs[1]).await;
    bed = bed.crash().await;
    assert_eq!(bed.stands(runs[2]), Status::Pending);
    assert!(
        bed.runtime
            .queued(runs[2])
            .unwrap()
            .why
            .contains("2 runs have begun")
    );
    bed.forward(Duration::from_secs(3_601));
    bed.completed(runs[3]).await;
    assert_eq!(bed.stands(runs[4]), Status::Pending);
    bed = bed.restart().await;
    assert_eq!(bed.stands(runs[4]), Status::Pending);
    bed.forward(Duration::from_secs(3_601));
    bed.completed(runs[4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_priority_goes_first() {
    let bed = Bed::new().await;
    let version = bed.publish_with("priority: 3, runs: { limit: 1 }", ASKS).await;
    let first = bed.start_now(&version, json!({})).await;
    let usual = bed.start_now(&version, json!({})).await;
    let low = bed.begin_as(&version, json!({}), -1).await;
    let high = bed.begin_as(&version, json!({}), 50).await;
    assert_eq!(bed.execution(usual).priority, 3);
    for (over, next) in [(first, high), (high, usual), (usual, low)] {
        bed.finish(over).await;
        bed.begun(next).await;
        assert_eq!(bed.going(&[first, usual, low, high]), [next]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_can_be_cancelled_and_never_begins() {
    let bed = Bed::new().await;
    let version = bed.publish_with("runs: { limit: 1 }", ASKS).await;
    let first = bed.start_now(&version, json!({})).await;
    let gone = bed.start_now(&version, json!({})).await;
    let next = bed.start_now(&version, json!({})).await;
    let paused = bed.runtime.pause(gone, dana()).await;
    assert!(
        matches!(paused, Err(RuntimeError::WrongState { .. })),
        "{paused:?}"
    );
    bed.runtime
        .cancel(gone, Some("not wanted".into()), dana())
        .await
        .unwrap();
    assert_eq!(bed.ended(gone).await.status, Status::Cancelled);
    assert_eq!(bed.names(gone), ["workflow.cancelling", "workflow.cancelled"]);
    let start_row = bed.store.get(&[&b"W"[..], &gone.bytes()].concat()).unwrap();
    assert_eq!(
        start_row.map(|found| found.value),
        None,
        "what it was given is not kept"
    );
    let again = bed
        .runtime
        .again(gone, dirigent_daemon::runtime::From::Start, dana())
        .await;
    assert!(matches!(again, Err(RuntimeError::NotFrom { .. })), "{again:?}");
    bed.finish(first).await;
    bed.begun(next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_forgets_nobody_and_starts_nothing_twice() {
    let mut bed = Bed::new().await;
    let version = bed.publish_with("runs: { limit: 2 }", ASKS).await;
    let mut runs = Vec::new();
    for n in 0..6 {
        runs.push(
            bed.begin(version.clone(), json!({ "n": n }), Some(&format!("key-{n}")))
                .await
                .unwrap()
                .run,
        );
    }
    for n in 0..6 {
        bed = bed.crash().await;
        bed.begun(runs[n]).await;
        assert!(bed.going(&runs).len() <= 2, "{n}");
        let same = bed
            .begin(version.clone(), json!({ "n": n }), Some(&format!("key-{n}")))
            .await
            .unwrap();
        assert!(same.existing && same.run == runs[n]);
        bed.finish(runs[n]).await;
    }
    for run in &runs {
        assert_eq!(bed.count(*run, "workflow.started"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_own_limit_holds_all_workflows_but_not_runs_of_runs() {
    let bed = Bed::with(
        std::sync::Arc::new(|_, _| crate::server::Reply::Json(200, "{}")),
        |settings| (settings.max_running, settings.max_queued) = (Some(1), 1),
    )
    .await;
    let version = bed.publish(ASKS).await;
    let first = bed.start_now(&version, json!({})).await;
    let retried = bed
        .runtime
        .again(
            first,
            dirigent_daemon::runtime::From::Event { at: 1, input: None },
            dana(),
        )
        .await;
    assert!(matches!(retried, Err(RuntimeError::NoTurn { .. })), "{retried:?}");
    let second = bed.start_now(&version, json!({})).await;
    assert_eq!(
        bed.runtime.queued(second).unwrap().why,
        "1 of 1 runs of the daemon go"
    );
    let third = bed.begin(version.clone(), json!({}), None).await;
    assert!(
        matches!(third, Err(RuntimeError::QueueFull { most: 1 })),
        "{third:?}"
    );
    bed.finish(first).await;
    bed.finish(second).await;
    let third = bed.start_now(&version, json!({})).await;
    bed.finish(third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_definition_begins_nothing_until_it_is_resumed() {
    let mut bed = Bed::new().await;
    let version = bed.publish(ASKS).await;
    let goes = bed.start_now(&version, json!({})).await;
    bed.begun(goes).await;
    bed.runtime
        .pause_definition("sample", true, &dana())
        .await
        .unwrap();
    let twice = bed.runtime.pause_definition("sample", true, &dana()).await;
    assert!(
        matches!(twice, Err(RuntimeError::WrongDefinition { .. })),
        "{twice:?}"
    );
    let waits = bed.start_now(&version, json!({})).await;
    bed = bed.crash().await;
    assert_eq!(bed.stands(waits), Status::Pending);
    assert_eq!(bed.runtime.queued(waits).unwrap().why, "the workflow is paused");
    assert_eq!(
        bed.runtime
            .paused(dana().subject.org, "sample")
            .unwrap()
            .unwrap()
            .by,
        "dana"
    );
    bed.finish(goes).await;
    assert_eq!(bed.stands(waits), Status::Pending);
    bed.runtime
        .pause_definition("sample", false, &dana())
        .await
        .unwrap();
    bed.begun(waits).await;
    assert_eq!(
        bed.runtime.pause_runs_of("sample", true, &dana()).await.unwrap(),
        1
    );
    assert_eq!(bed.stands(waits), Status::Suspended);
    assert_eq!(
        bed.runtime.pause_runs_of("sample", false, &dana()).await.unwrap(),
        1
    );
    bed.finish(waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_input_waits_like_a_small_one() {
    let bed = Bed::new().await;
    let version = bed.publish_with("runs: { limit: 1 }", ASKS).await;
    let first = bed.start_now(&version, json!({})).await;
    let text = "x".repeat(300 << 10);
    let second = bed.start_now(&version, json!({ "text": text })).await;
    bed.finish(first).await;
    bed.finish(second).await;
    let started = &bed.events(second)[0];
    assert_eq!(
        serde_json::to_value(&started.body).unwrap()["workflow.started"]["input"]["text"],
        text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_set_aside_lets_others_go_and_comes_back_where_there_is_room() {
    let script: Script = std::sync::Arc::new(|path, _| match path {
        "/dies" => Reply::Hang,
        _ => Reply::Json(200, "1"),
    });
    let bed = Bed::with(script, |settings| settings.max_crashes = 1).await;
    let tasks = format!(
        "do:\n  - a:\n      if: '${{ .dies }}'\n      call: http\n      with: {{ method: post, endpoint: '{}' }}\n  - b: {{ call: approval, with: {{ title: 'Go on?', action: go }} }}\n",
        bed.server.url("/dies")
    );
    let version = bed.publish_with("runs: { limit: 1 }", &tasks).await;
    let poison = bed.start_now(&version, json!({ "dies": true })).await;
    let next = bed.start_now(&version, json!({ "dies": false })).await;
    bed.server.until("/dies", 1).await;
    let bed = bed.crash().await;
    bed.until("the quarantine", |bed| bed.execution(poison).quarantine)
        .await;
    bed.begun(next).await;
    // A start of the daemon does not count it either.
    let bed = bed.restart().await;
    let third = bed.start_now(&version, json!({ "dies": false })).await;
    let refused = bed.runtime.resume(poison, dana()).await;
    assert!(matches!(refused, Err(RuntimeError::NoTurn { .. })), "{refused:?}");
    assert!(bed.execution(poison).quarantine.is_some(), "it stays where it is");
    bed.runtime.pause(next, dana()).await.unwrap();
    assert_eq!(
        bed.stands(third),
        Status::Pending,
        "one that is paused keeps its place"
    );
    bed.runtime.resume(next, dana()).await.unwrap();
    bed.finish(next).await;
    bed.finish(third).await;
    // The place of a run that ended is given back right after its end is known, not with it.
    while let Err(refused) = bed.runtime.resume(poison, dana()).await {
        assert!(matches!(refused, RuntimeError::NoTurn { .. }), "{refused:?}");
        tokio::task::yield_now().await;
    }
    bed.server.until("/dies", 2).await;
    let last = bed.start_now(&version, json!({ "dies": false })).await;
    assert_eq!(bed.stands(last), Status::Pending, "it counts again");
    bed.runtime.cancel(poison, None, dana()).await.unwrap();
    bed.finish(last).await;
}
