//! When each run is due next: one heap for all, one entry for each run, whether it is in memory or not.
//!
//! Due times are UTC; the waiting itself is by the monotonic clock in short pieces, so that a clock that jumps is
//! noticed within a second. Invariant: no run is woken before it is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dirigent_protocol::id::RunId;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;

/// Longest single wait.
const PIECE: Duration = Duration::from_secs(1);
/// After a restart many may be overdue: at most this many at once, with a pause between.
const BURST: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// A run that is this late waits its turn in the burst.
const LATE: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

/// All due times.
#[derive(Default)]
pub(crate) struct Timers {
    table: Mutex<Table>,
    changed: Notify,
}

#[derive(Default)]
struct Table {
    due: HashMap<RunId, Timestamp>,
    /// May hold entries that are no longer so; `due` decides.
    heap: BinaryHeap<Reverse<(Timestamp, RunId)>>,
}

impl Timers {
    /// A run is due then, or never.
    pub(crate) fn set(&self, run: RunId, due: Option<Timestamp>) {
        let mut table = self.lock();
        let known = match due {
            Some(due) => table.due.insert(run, due),
            None => table.due.remove(&run),
        };
        if let Some(due) = due
            && known != Some(due)
        {
            table.heap.push(Reverse((due, run)));
            drop(table);
            self.changed.notify_one();
        }
    }

    /// Wakes every run when it is due, for ever.
    pub(crate) async fn run(&self, clock: &Clock, wake: impl Fn(RunId)) {
        loop {
            let now = clock();
            let mut late = 0;
            while late < BURST
                && let Some((due, run)) = self.pop(now)
            {
                late += usize::from(now.duration_since(due) > LATE);
                wake(run);
            }
            if late >= BURST {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            match self.next() {
                Some(due) => {
                    let rest = Duration::try_from(due.duration_since(now)).unwrap_or_default();
                    let piece = rest.clamp(Duration::from_millis(1), PIECE);
                    drop(tokio::time::timeout(piece, self.changed.notified()).await);
                }
                None => self.changed.notified().await,
            }
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.lock().heap.peek().map(|Reverse((due, _))| *due)
    }

    fn pop(&self, now: Timestamp) -> Option<(Timestamp, RunId)> {
        let mut table = self.lock();
        while let Some(Reverse((due, run))) = table.heap.peek().copied() {
            if due > now {
                return None;
            }
            table.heap.pop();
            if table.due.get(&run) == Some(&due) {
                table.due.remove(&run);
                return Some((due, run));
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[tokio::test]
    async fn nobody_is_woken_early_and_a_jump_of_the_clock_is_noticed() {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap())
        };
        let timers = Arc::new(Timers::default());
        let run = RunId::new();
        timers.set(run, Some(Timestamp::from_millisecond(60_000).unwrap()));
        let (woken, mut wakes) = tokio::sync::mpsc::unbounded_channel();
        let wheel = timers.run(&clock, |run| assert!(woken.send(run).is_ok()));
        let story = async {
            let early = tokio::time::timeout(Duration::from_millis(50), wakes.recv()).await;
            assert!(early.is_err(), "the clock stood still");
            now.store(60_000, Ordering::SeqCst);
            let woken = tokio::time::timeout(Duration::from_secs(20), wakes.recv()).await;
            assert_eq!(woken.unwrap(), Some(run));
        };
        tokio::select! {
            () = wheel => {}
            () = story => {}
        }
    }
}
