//! The daemon dies at each commit of a story, one after the other: just before it, and just behind it before anybody
//! heard. The same calls are then made again under the same keys, as a client does. Without Cargo features: through the
//! store's own trait, and the clock's: the machine's clock leaps at each reading of the story, and the daemon dies then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Decision, EventBody, Status, TimerPurpose};
use dirigent_store::{CommitError, Receipt, Store, Txn};
use futures::future::{FutureExt, pending};
use serde_json::json;
use tokio::sync::Notify;

use crate::bed::Bed;
use crate::server::Reply;
use crate::through::Through;

/// Where in a commit the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    Behind,
}

/// A store that answers nobody any more from one commit on.
pub(crate) struct Dying {
    left: AtomicI64,
    moment: Moment,
    pub(crate) died: Notify,
}

impl Dying {
    /// Dies at the commit of that number, from 0.
    pub(crate) fn at(commit: i64, moment: Moment) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicI64::new(commit),
            moment,
            died: Notify::new(),
        })
    }

    fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

/// What becomes of a commit.
pub(crate) async fn commit(
    dying: Arc<Dying>,
    store: Arc<dyn Store>,
    txn: Txn,
) -> Result<Receipt, CommitError> {
    let left = dying.left.fetch_sub(1, Ordering::SeqCst) - 1;
    if left >= 0 {
        return store.commit(txn).await;
    }
    if left == -1 && dying.moment == Moment::Behind {
        drop(store.commit(txn).await);
    }
    dying.died.notify_one();
    pending().await
}

const STEPS: usize = 7;

/// Two runs of a definition that has one at a time: steps that are counted outside, branches, a question, a timer.
async fn story(bed: &Bed) -> [RunId; 2] {
    let url = bed.server.url("/n");
    let tasks = format!(
        "do:
  - out: {{ call: http, with: {{ method: post, endpoint: '{url}' }} }}
  - both: {{ fork: {{ branches: [ {{ left: {{ call: noop }} }}, {{ right: {{ set: {{ x: 1 }} }} }} ] }} }}
  - ask: {{ call: approval, with: {{ title: 'Go on?', action: go }} }}
  - rest: {{ wait: {{ milliseconds: 5 }} }}
  - end: {{ call: noop }}
"
    );
    let version = bed.publish_with("runs: { limit: 1 }", &tasks).await;
    let mut runs = [RunId::nil(); 2];
    for (n, run) in runs.iter_mut().enumerate() {
        let started = bed
            .begin(version.clone(), json!({}), Some(&format!("story-{n}")))
            .await;
        *run = started.unwrap().run;
    }
    for run in runs {
        if bed.execution(run).status.is_final() {
            continue;
        }
        let asked = bed
            .until("the question, or the end", |bed| {
                let events = bed.names(run);
                let asked = events.contains(&"approval.requested");
                (asked || bed.execution(run).status.is_final()).then_some(asked)
            })
            .await;
        if asked && !bed.names(run).contains(&"approval.decided") {
            let (id, approval) = bed.asked(run).await;
            // Somebody was first where the decision before the death had become durable.
            drop(
                bed.decide(id, &approval, Decision::Approve { edited: None })
                    .await,
            );
        }
        bed.ended(run).await;
    }
    runs
}

fn check(bed: &Bed, runs: [RunId; 2], at: &str) {
    for run in runs {
        assert_eq!(bed.execution(run).status, Status::Completed, "{at}");
        assert_eq!(bed.count(run, "workflow.started"), 1, "{at}");
        assert_eq!(
            bed.count(run, "task.started"),
            STEPS,
            "{at}: {:?}",
            bed.names(run)
        );
        assert_eq!(bed.count(run, "effect.settled"), 3, "{at}: {:?}", bed.names(run));
        assert_eq!(bed.count(run, "approval.decided"), 1, "{at}");
        let keys = bed.server.keys("/n");
        let own: Vec<&String> = keys
            .iter()
            .filter(|key| key.starts_with(&run.to_string()))
            .collect();
        assert!(
            !own.is_empty() && own.iter().all(|key| *key == own[0]),
            "{at}: {own:?}"
        );
    }
    let [first, second] = runs.map(|run| bed.execution(run));
    assert!(first.ended_at <= second.started_at, "{at}: two at once");
    for run in runs {
        let (mut before, mut due) = (jiff::Timestamp::MIN, None);
        for event in bed.events(run) {
            assert!(event.time >= before, "{at}: the clock goes back");
            before = event.time;
            match &event.body {
                EventBody::TimerSet {
                    due: at,
                    purpose: TimerPurpose::Wait,
                    ..
                } => due = Some(*at),
                EventBody::TimerFired { .. } => {
                    let early = due.take().is_some_and(|due| event.time < due);
                    assert!(!early, "{at}: a timer fires before it is due");
                }
                _ => {}
            }
        }
    }
}

async fn dies_at(at: i64, moment: Moment) -> bool {
    let script = Arc::new(|_: &str, _: usize| Reply::Json(200, "{}"));
    let mut bed = Bed::with(script, |settings| settings.max_crashes = 1_000).await;
    let dying = Dying::at(at, moment);
    let through = dying.clone();
    let hand = Box::new(move |store, txn| commit(through.clone(), store, txn).boxed());
    bed = bed.through(|inner| Arc::new(Through { inner, hand })).await;
    tokio::select! {
        runs = story(&bed) => {
            check(&bed, runs, "without a death");
            return false;
        }
        () = dying.died.notified() => {}
    }
    assert!(dying.is_dead());
    drop(dying);
    let bed = bed.crash().await;
    let runs = story(&bed).await;
    check(&bed, runs, &format!("dead {moment:?} commit {at}"));
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_commit_loses_nothing_and_does_nothing_twice() {
    for moment in [Moment::Before, Moment::Behind] {
        let mut at = 0;
        while dies_at(at, moment).await {
            at += 1;
        }
        assert!(at >= 12, "{at} commits are too few for this story");
        println!("{at} deaths {moment:?} a commit");
    }
}

const HOUR: i64 = 3_600_000;

/// The clock leaps at a reading of the story, and the daemon dies at its next commit where it is to.
async fn leaps_at(at: i64, by: i64, dies: bool) -> bool {
    let script = Arc::new(|_: &str, _: usize| Reply::Json(200, "{}"));
    let mut bed = Bed::with(script, |settings| settings.max_crashes = 1_000).await;
    let dying = Arc::new(Dying {
        left: AtomicI64::new(i64::MAX),
        moment: Moment::Behind,
        died: Notify::new(),
    });
    let (through, wall) = (dying.clone(), bed.wall.clone());
    let hand = Box::new(move |store, txn| {
        if dies && wall.has_leapt() && !through.is_dead() {
            through.left.store(0, Ordering::SeqCst);
        }
        commit(through.clone(), store, txn).boxed()
    });
    bed.wall.leap_at(i64::MAX, by);
    bed = bed.through(|inner| Arc::new(Through { inner, hand })).await;
    bed.wall.leap_at(at, by);
    let told = format!("{by} ms at reading {at}, dies: {dies}");
    tokio::select! {
        runs = story(&bed) => {
            let leapt = bed.wall.has_leapt();
            check(&bed, runs, &told);
            return leapt;
        }
        () = dying.died.notified() => {}
    }
    let bed = bed.crash().await;
    let runs = story(&bed).await;
    check(&bed, runs, &told);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leap_of_the_clock_at_any_reading_loses_nothing_and_fires_nothing_early() {
    let every = if std::env::var_os("DIRIGENT_LONG").is_some() {
        1
    } else {
        9
    };
    let mut leaps = 0;
    for (first, (by, dies)) in [(HOUR, true), (-HOUR, true), (-9_600 * HOUR, false)]
        .into_iter()
        .enumerate()
    {
        let mut at = 1 + i64::try_from(first).unwrap();
        while leaps_at(at, by, dies).await {
            at += every;
            leaps += 1;
        }
    }
    assert!(leaps >= 9, "{leaps} leaps are too few for this story");
    println!("{leaps} leaps of the clock");
}
