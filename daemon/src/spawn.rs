//! The only place of the daemon that starts tasks: each is counted, named, and ends at the latest when the daemon does.
//!
//! Invariant: no task outlives [`Supervisor::stop`]; a task that panics is reported and takes no other along.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts tasks and ends them. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Supervisor {
    /// Without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when everything must end.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Whether everything must end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// How many tasks run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Starts a task that watches [`Self::stopping`] itself and ends soon after it.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        // Not joined: the tracker counts it, and a panic is caught and reported.
        drop(self.tasks.spawn(reported(name, task)));
    }

    /// Starts a task that is dropped at its next await when everything must end.
    pub fn spawn_until_stop(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stopping();
        self.spawn(name, async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Starts work whose answer is waited for, and which goes on when nobody waits any more. None means that it
    /// panicked.
    pub fn detached<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let (send, receive) = oneshot::channel();
        self.spawn(name, async move {
            // Nobody waits any more: the work is done all the same.
            drop(send.send(work.await));
        });
        receive.map(Result::ok)
    }

    /// Tells every task to end and waits, at most `limit`. Answers whether all have ended.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}

async fn reported(name: &'static str, task: impl Future<Output = ()>) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        tracing::error!(task = name, "a task panicked; this is a defect, please report it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_and_a_panic_is_contained() {
        let tasks = Supervisor::new();
        let (send, receive) = oneshot::channel();
        drop(tasks.detached("kept", async move { send.send(7) }));
        assert_eq!(receive.await, Ok(7));
        let lost = tasks.detached("broken", async { panic!("on purpose") });
        assert_eq!(lost.await, None::<()>);
        tasks.spawn_until_stop("endless", std::future::pending());
        assert!(tasks.stop(Duration::from_secs(5)).await);
        assert_eq!(tasks.running(), 0);
    }
}
