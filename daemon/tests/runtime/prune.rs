//! Runs that are over and not wanted any more: what goes, what stays, and that nothing comes back.

use dirigent_daemon::runtime::{From, Pruned};
use dirigent_protocol::command::Prune;
use dirigent_protocol::entity::{AuditLog, Kind};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::Status;

use crate::bed::{Bed, dana};

const QUICK: &str = "do: [ { a: { set: { x: 1 } } } ]";
const ASKS: &str = "do: [ { gate: { call: approval, with: { title: Go?, show: {} } } } ]";

async fn prune(bed: &Bed, which: &Prune, dry_run: bool) -> Pruned {
    bed.runtime.prune(which, None, dry_run, &dana()).await.unwrap()
}

fn old() -> Prune {
    Prune {
        older_than_ms: Some(0),
        ..Prune::default()
    }
}

fn is_there(bed: &Bed, run: RunId) -> bool {
    let found = bed.records().get(Kind::WorkflowExecution, run.into());
    found.unwrap().is_some()
}

async fn gone(bed: &Bed, run: RunId) {
    assert!(!is_there(bed, run));
    bed.until("the end of the events", |bed| {
        bed.own_events(run).is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_with_its_events_and_what_is_needed_stays() {
    let bed = Bed::new().await;
    let first = bed.start(QUICK).await;
    bed.completed(first).await;
    let fork = From::Event { at: 1, input: None };
    let second = bed.runtime.again(first, fork, dana()).await.unwrap().run;
    bed.completed(second).await;
    let third = bed.start(QUICK).await;
    bed.completed(third).await;
    let waits = bed.start(ASKS).await;
    let (_, approval) = bed.asked(waits).await;
    assert_eq!(RunId::from(approval.run), waits);

    let would = prune(&bed, &old(), true).await;
    assert_eq!((would.runs, would.kept, would.next), (2, 1, None));
    assert!(
        [first, second, third, waits]
            .iter()
            .all(|run| is_there(&bed, *run))
    );
    let ended = |bed: &Bed| bed.runtime.counts().ended.get(&Status::Completed).copied();
    assert_eq!(ended(&bed), Some(3));

    assert_eq!(prune(&bed, &old(), false).await, would);
    gone(&bed, second).await;
    gone(&bed, third).await;
    assert!(is_there(&bed, first), "another one went on from it");
    assert_eq!(ended(&bed), Some(1));
    // Now nobody does.
    assert_eq!(prune(&bed, &old(), false).await.runs, 1);
    gone(&bed, first).await;
    let refused = bed.runtime.again(first, From::Start, dana()).await;
    assert!(refused.is_err(), "{refused:?}");
    let records: Vec<AuditLog> = bed.all(Kind::AuditLog);
    let counts = records.iter().filter(|record| record.action == "run.prune");
    assert_eq!(counts.map(|record| record.count).collect::<Vec<_>>(), [2, 1]);

    let bed = bed.crash().await;
    // The journal may have brought their events back; they are asked for again.
    for run in [first, second, third] {
        gone(&bed, run).await;
    }
    assert_eq!(bed.execution(waits).status, Status::Waiting);
    assert_eq!(prune(&bed, &old(), false).await, Pruned::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_stay_and_a_crash_behind_the_deletion_leaves_no_events() {
    let bed = Bed::new().await;
    let version = bed.publish(QUICK).await;
    let mut runs = Vec::new();
    for _ in 0..130 {
        let started = bed
            .begin(version.clone(), serde_json::json!({}), None)
            .await
            .unwrap();
        bed.completed(started.run).await;
        runs.push(started.run);
    }
    let keep = Prune {
        keep: Some(7),
        ..Prune::default()
    };
    let (mut after, mut parts) = (None, Vec::new());
    loop {
        let pruned = bed.runtime.prune(&keep, after, false, &dana()).await.unwrap();
        parts.push(pruned.runs);
        after = pruned.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(parts, [50, 50, 23], "some at a time");
    let bed = bed.crash().await;
    let (old, new) = runs.split_at(123);
    for run in old {
        gone(&bed, *run).await;
    }
    for run in new {
        assert!(is_there(&bed, *run) && !bed.own_events(*run).is_empty());
    }
    let other = Prune {
        workflow: Some("another".to_owned()),
        older_than_ms: Some(0),
        keep: None,
    };
    assert_eq!(prune(&bed, &other, false).await, Pruned::default());
}
