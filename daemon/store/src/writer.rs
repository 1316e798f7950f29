//! The writer's thread: takes what is queued, decides, writes one group, publishes, answers.
//!
//! Invariant: nobody hears of a commit, nor of a refusal that rests on it, before the sync of its group.

use crate::counters;
use crate::error::{CommitError, Failure, LeaseError};
use crate::journal::Journal;
use crate::plan::Plan;
use crate::queue::{Job, Next};
use crate::shared::Shared;
use crate::spare::Refused;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// This long after the last group its confirmation is written.
const CONFIRM_AFTER: Duration = Duration::from_millis(20);

type Answer = Box<dyn FnOnce(Result<(), CommitError>) + Send>;

/// Body of the writer's thread. Ends when the queue is closed and empty.
pub(crate) fn run(shared: &Shared, mut journal: Journal) {
    let _ended = Ended(shared);
    let group_bytes = shared.options.txn_limit();
    loop {
        let patience = (!journal.confirmed && shared.failure().is_none()).then_some(CONFIRM_AFTER);
        match shared.queue.next(group_bytes, patience) {
            Next::Jobs(jobs) => write(shared, &mut journal, jobs),
            Next::Idle => confirm(shared, &mut journal),
            Next::Closed => break,
        }
    }
    if shared.failure().is_none() {
        confirm(shared, &mut journal);
    }
}

/// However the thread ends, nobody waits for it for ever.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(Failure::Closed);
        }
        self.0.queue.abandon();
    }
}

pub(crate) fn confirm(shared: &Shared, journal: &mut Journal) {
    if let Err(Refused::Broken { fault, .. }) = journal.confirm(shared.head().next()) {
        shared.fail(Failure::from(&fault));
    }
}

pub(crate) fn write(shared: &Shared, journal: &mut Journal, jobs: Vec<Job>) {
    let mut plan = Plan::new(shared, shared.head());
    let answers: Vec<Answer> = jobs
        .into_iter()
        .map(|job| decide(shared, &mut plan, job))
        .collect();
    let outcome = if plan.commits.is_empty() {
        Ok(())
    } else {
        append(shared, journal, &plan)
    };
    if outcome.is_ok() {
        shared.publish(&plan.commits);
    }
    for answer in answers {
        answer(outcome.clone());
    }
}

fn append(shared: &Shared, journal: &mut Journal, plan: &Plan<'_>) -> Result<(), CommitError> {
    match journal.append(&plan.commits, plan.reserve) {
        Ok(took) => {
            counters::store(
                &shared.counters.sync_us,
                u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            );
            Ok(())
        }
        Err(Refused::Full | Refused::ReserveOnly) => Err(CommitError::Full),
        Err(Refused::Broken { fault, written }) => {
            let failure = Failure::from(&fault);
            shared.fail(failure.clone());
            Err(if written {
                CommitError::Unknown
            } else {
                CommitError::Failed(failure)
            })
        }
    }
}

/// Decides one job and returns how to answer it once the group's fate is known.
fn decide(shared: &Shared, plan: &mut Plan<'_>, job: Job) -> Answer {
    let failed = shared.failure().map(CommitError::Failed);
    match job {
        Job::Commit { txn, size, answer } => {
            let full = shared.counters.full.load(Ordering::Relaxed) && !txn.reserve;
            let decided = match failed {
                Some(failed) => Err(failed),
                None if full => Err(CommitError::Full),
                None => plan.commit(*txn, size),
            };
            Box::new(move |outcome| drop(answer.send(settle(decided, outcome))))
        }
        Job::Forget { before_ms, answer } => {
            let decided = failed.map_or_else(|| Ok(plan.forget(before_ms)), Err);
            Box::new(move |outcome| drop(answer.send(settle(decided, outcome))))
        }
        Job::Release { fence, answer } => {
            let decided = match failed {
                Some(failed) => Err(LeaseError::Commit(failed)),
                None => plan.release(&fence),
            };
            Box::new(move |outcome| {
                drop(answer.send(decided.and_then(|()| outcome.map_err(LeaseError::Commit))));
            })
        }
        Job::Lease { request, answer } => {
            let decided = match failed {
                Some(failed) => Err(LeaseError::Commit(failed)),
                None => plan.lease(&request),
            };
            Box::new(move |outcome| {
                drop(
                    answer
                        .send(decided.and_then(|lease| outcome.map(|()| lease).map_err(LeaseError::Commit))),
                );
            })
        }
    }
}

/// A refusal stands only if what it rests on became durable.
fn settle<T>(decided: Result<T, CommitError>, outcome: Result<(), CommitError>) -> Result<T, CommitError> {
    match (decided, outcome) {
        (Ok(receipt), Ok(())) => Ok(receipt),
        (Ok(_), Err(e)) => Err(e),
        (Err(refusal), _) => Err(refusal),
    }
}

/// Starts a named thread of the store.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("store-{name}"))
        .spawn(work)
}

/// Keeps `Shared` alive for a thread's body.
pub(crate) fn with(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    let shared = shared.clone();
    move || work(&shared)
}
