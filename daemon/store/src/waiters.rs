//! Long polls: who waits for the head to pass a position, and until when.
//!
//! No wake-up is lost: registering and publishing hold the same lock. Works without any async runtime; deadlines are
//! served by one thread.

use crate::sync::lock;
use crate::types::Position;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Waiters {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    head: Position,
    waiting: Vec<Waiter>,
    closed: bool,
}

struct Waiter {
    after: Position,
    until: Instant,
    answer: oneshot::Sender<Position>,
}

/// Longest wait; a longer deadline is shortened to it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Waiters {
    pub(crate) fn new(head: Position) -> Self {
        Self {
            state: Mutex::new(State {
                head,
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn register(
        &self,
        after: Position,
        deadline: Duration,
    ) -> Result<oneshot::Receiver<Position>, Position> {
        let mut state = lock(&self.state);
        if state.head > after || state.closed || deadline.is_zero() {
            return Err(state.head);
        }
        let (answer, answered) = oneshot::channel();
        state.waiting.push(Waiter {
            after,
            until: Instant::now() + deadline.min(LONGEST),
            answer,
        });
        drop(state);
        self.changed.notify_one();
        Ok(answered)
    }

    pub(crate) fn publish(&self, head: Position) {
        let mut state = lock(&self.state);
        state.head = head;
        answer(&mut state, |waiter| waiter.after < head);
    }

    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        answer(&mut state, |_| true);
        drop(state);
        self.changed.notify_one();
    }

    /// Body of the thread that serves deadlines.
    pub(crate) fn run(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            let now = Instant::now();
            answer(&mut state, |waiter| {
                waiter.until <= now || waiter.answer.is_closed()
            });
            let next = state.waiting.iter().map(|w| w.until).min();
            state = match next {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let waited = self
                        .changed
                        .wait_timeout(state, until.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

fn answer(state: &mut State, due: impl Fn(&Waiter) -> bool) {
    let head = state.head;
    for waiter in state.waiting.extract_if(.., |waiter| due(waiter)) {
        // Whoever stopped listening does not need the answer.
        let _ = waiter.answer.send(head);
    }
}
