//! When the newest runs of a definition began: for limits of how many may begin within a period. Pure.
//!
//! Invariant: a run that was let through counts from that moment on, also before it has begun.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::place::Rate;

/// Most moments that are kept; no rate needs more.
const MOST: usize = 1_000;

/// See the module header.
#[derive(Debug, Default)]
pub(super) struct Recent {
    next: u64,
    /// Numbers and moments, oldest first; no moment where it has not begun yet.
    begun: VecDeque<(u64, Option<Timestamp>)>,
}

/// A rate has no room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Later {
    /// There may be then; nobody knows yet where one has still to begin.
    pub(super) at: Option<Timestamp>,
}

impl Recent {
    /// Whether another may begin.
    pub(super) fn room(&self, rate: Rate, now: Timestamp) -> Result<(), Later> {
        let limit = usize::try_from(rate.limit).unwrap_or(MOST).clamp(1, MOST);
        let Some(place) = self.begun.len().checked_sub(limit) else {
            return Ok(());
        };
        let at = self.begun.get(place).and_then(|(_, at)| *at);
        match at.map(|at| after(at, rate.period_ms)) {
            Some(free) if free <= now => Ok(()),
            at => Err(Later { at }),
        }
    }

    /// One is let through; its number.
    pub(super) fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.begun.push_back((number, None));
        while self.begun.len() > MOST {
            self.begun.pop_front();
        }
        number
    }

    /// It has begun.
    pub(super) fn began(&mut self, number: u64, at: Timestamp) {
        if let Some((_, known)) = self.begun.iter_mut().find(|(of, _)| *of == number) {
            *known = Some(at);
        }
    }

    /// Whether none is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// It never began.
    pub(super) fn undo(&mut self, number: u64) {
        self.begun.retain(|(of, _)| *of != number);
    }

    /// One that began before the daemon did.
    pub(super) fn restore(&mut self, number: u64, at: Timestamp) {
        let place = self.begun.partition_point(|(of, _)| *of < number);
        if self.begun.get(place).is_none_or(|(of, _)| *of != number) {
            self.begun.insert(place, (number, Some(at)));
        }
        self.next = self.next.max(number + 1);
        while self.begun.len() > MOST {
            self.begun.pop_front();
        }
    }
}

fn after(at: Timestamp, period_ms: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(period_ms))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    const TWO: Rate = Rate {
        limit: 2,
        period_ms: 1_000,
    };

    #[test]
    fn no_period_however_it_is_laid_has_more_than_its_limit() {
        let mut recent = Recent::default();
        assert_eq!(recent.room(TWO, at(0)), Ok(()));
        let (first, second) = (recent.take(), recent.take());
        assert_eq!(
            recent.room(TWO, at(0)),
            Err(Later { at: None }),
            "nobody knows when they begin"
        );
        recent.began(first, at(10));
        recent.began(second, at(500));
        assert_eq!(recent.room(TWO, at(1_009)), Err(Later { at: Some(at(1_010)) }));
        assert_eq!(recent.room(TWO, at(1_010)), Ok(()));
        let third = recent.take();
        recent.began(third, at(1_010));
        assert_eq!(recent.room(TWO, at(1_010)), Err(Later { at: Some(at(1_500)) }));
        recent.undo(third);
        assert_eq!(recent.room(TWO, at(1_010)), Ok(()));
    }

    #[test]
    fn what_began_before_a_restart_counts() {
        let mut recent = Recent::default();
        recent.restore(8, at(400));
        recent.restore(7, at(100));
        recent.restore(7, at(100));
        assert_eq!(recent.room(TWO, at(1_000)), Err(Later { at: Some(at(1_100)) }));
        assert_eq!(recent.take(), 9);
    }
}
