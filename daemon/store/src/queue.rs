//! From callers to the writer: a bounded queue that refuses rather than waits.

use crate::error::{CommitError, Failure, LeaseError};
use crate::sync::lock;
use crate::types::{Fence, Lease, LeaseRequest, Receipt, Txn};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Most transactions waiting.
const COUNT: usize = 16_384;
/// Most bytes waiting.
const BYTES: u64 = 64 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// What the writer is asked to do.
pub(crate) enum Job {
    Commit {
        txn: Box<Txn>,
        size: u64,
        answer: oneshot::Sender<Result<Receipt, CommitError>>,
    },
    Lease {
        request: LeaseRequest,
        answer: oneshot::Sender<Result<Lease, LeaseError>>,
    },
    Release {
        fence: Fence,
        answer: oneshot::Sender<Result<(), LeaseError>>,
    },
    Forget {
        before_ms: u64,
        answer: oneshot::Sender<Result<Receipt, CommitError>>,
    },
}

impl Job {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Commit { size, .. } => *size,
            Self::Lease { request, .. } => (request.name.len() + request.owner.len() + 256) as u64,
            Self::Release { .. } | Self::Forget { .. } => 256,
        }
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: u64,
    closed: bool,
}

impl State {
    fn take(&mut self, bytes: u64) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut sum = 0;
        while let Some(job) = self.jobs.front()
            && (jobs.is_empty() || sum + job.size() <= bytes)
        {
            sum += job.size();
            self.bytes -= job.size();
            jobs.extend(self.jobs.pop_front());
        }
        jobs
    }
}

pub(crate) enum Next {
    Jobs(Vec<Job>),
    Idle,
    Closed,
}

pub(crate) fn overloaded() -> CommitError {
    CommitError::Overloaded {
        retry_after: RETRY_AFTER,
    }
}

impl Queue {
    /// Refuses rather than waits.
    pub(crate) fn push(&self, job: Job) -> Result<(), CommitError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(CommitError::Failed(Failure::Closed));
        }
        if state.jobs.len() >= COUNT || state.bytes + job.size() > BYTES {
            return Err(overloaded());
        }
        state.bytes += job.size();
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// All jobs waiting, up to `bytes` of them; `Idle` if none came within `patience`.
    pub(crate) fn next(&self, bytes: u64, patience: Option<Duration>) -> Next {
        let mut state = lock(&self.state);
        while state.jobs.is_empty() {
            if state.closed {
                return Next::Closed;
            }
            match patience {
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.changed.wait_timeout(state, patience);
                    let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    state = woken;
                    if timeout.timed_out() && state.jobs.is_empty() && !state.closed {
                        return Next::Idle;
                    }
                }
            }
        }
        Next::Jobs(state.take(bytes))
    }

    /// What waits now, up to `bytes` of it.
    pub(crate) fn waiting(&self, bytes: u64) -> Vec<Job> {
        lock(&self.state).take(bytes)
    }

    pub(crate) fn len(&self) -> u64 {
        lock(&self.state).jobs.len() as u64
    }

    /// Takes nothing new and drops what waits: its callers hear `Unknown`.
    pub(crate) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let dropped = std::mem::take(&mut state.jobs);
        drop(state);
        drop(dropped);
    }

    /// What waits is still written; nothing new is taken.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}
