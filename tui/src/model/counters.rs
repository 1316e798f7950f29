//! The last 60 minutes, counted by the mirror itself from the documents it sees.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Minutes kept.
pub const MINUTES: usize = 60;

/// A number per minute.
#[derive(Debug, Clone, Default)]
pub struct Series(BTreeMap<i64, u64>);

impl Series {
    /// Adds to the minute of `at`.
    pub fn add(&mut self, at: Timestamp, amount: u64) {
        let minute = at.as_second().div_euclid(60);
        let slot = self.0.entry(minute).or_default();
        *slot = slot.saturating_add(amount);
        while self.0.len() > MINUTES * 2 {
            self.0.pop_first();
        }
    }

    /// The last 60 minutes, oldest first, the minute of `now` last.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Vec<u64> {
        let last = now.as_second().div_euclid(60);
        let first = last - (MINUTES as i64 - 1);
        (first..=last)
            .map(|minute| self.0.get(&minute).copied().unwrap_or(0))
            .collect()
    }
}

/// What the dashboard draws.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Tokens read and written.
    pub tokens: Series,
    /// Runs begun.
    pub runs: Series,
    /// Runs faulted.
    pub errors: Series,
    /// Millionths of a dollar.
    pub cost: Series,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_sixty_minutes_and_forgets() {
        let start: Timestamp = "2026-11-22T18:00:30Z".parse().unwrap();
        let mut series = Series::default();
        series.add(start, 2);
        series.add(start, 3);
        let later = Timestamp::from_second(start.as_second() + 59 * 60).unwrap();
        assert_eq!(series.window(later).len(), MINUTES);
        assert_eq!(series.window(later)[0], 5);
        let gone = Timestamp::from_second(start.as_second() + 60 * 60).unwrap();
        assert_eq!(series.window(gone).iter().sum::<u64>(), 0);
    }
}
