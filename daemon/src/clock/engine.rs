//! The engine's clock: the wall clock, or the highest time ever seen where that is later, carried on by the monotonic
//! clock.
//!
//! Where the wall clock is a little behind (a correction), the engine's stands still until it has caught up. Where it is
//! far behind (somebody set it back), the engine's goes on at its own pace. Where it is ahead, the engine's follows at
//! once; a leap of more than five minutes is news, and for a minute nothing that people must answer expires.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::system::{Clock, Monotonic};

/// Until then, milliseconds since 1970 by the engine's clock, nothing expires that people must answer.
pub type Held = Arc<AtomicI64>;

/// How long nothing expires after a leap.
pub const HOLD: Duration = Duration::from_secs(60);
/// A difference that is news.
const FAR: i64 = 5 * 60 * 1_000;
/// A difference that is waited out.
const LITTLE: i64 = 2_000;
/// Most news that nobody has read.
const MAX_NEWS: usize = 64;

/// Something happened to the machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It leapt ahead.
    Jumped {
        /// The time that was expected.
        from: Timestamp,
        /// The time it shows.
        to: Timestamp,
    },
    /// It was set back; the engine's clock goes on as if nothing had happened.
    Regressed {
        /// The time it shows.
        wall: Timestamp,
        /// The engine's time.
        engine: Timestamp,
    },
}

/// See the module header.
pub struct EngineClock {
    wall: Clock,
    monotonic: Monotonic,
    state: Mutex<State>,
    held: Held,
}

struct State {
    /// Engine's time in milliseconds when the monotonic clock showed `at`.
    anchor: i64,
    at: Duration,
    newest: i64,
    behind: bool,
    news: Vec<News>,
}

impl EngineClock {
    /// Goes on from the highest time seen so far.
    #[must_use]
    pub fn new(wall: Clock, monotonic: Monotonic, highest: Timestamp) -> Arc<Self> {
        let anchor = wall().max(highest).as_millisecond();
        let state = State {
            anchor,
            at: monotonic(),
            newest: anchor,
            behind: false,
            news: Vec::new(),
        };
        Arc::new(Self {
            wall,
            monotonic,
            state: Mutex::new(state),
            held: Arc::default(),
        })
    }

    /// For whoever is handed a [`Clock`].
    #[must_use]
    pub fn clock(self: &Arc<Self>) -> Clock {
        let own = Arc::clone(self);
        Arc::new(move || own.now())
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let (wall, passed) = ((self.wall)().as_millisecond(), (self.monotonic)());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = i64::try_from(passed.saturating_sub(state.at).as_millis()).unwrap_or(i64::MAX);
        let expected = state.anchor.saturating_add(since);
        let behind = expected.saturating_sub(wall);
        let now = if behind > LITTLE {
            if behind > FAR && !state.behind {
                state.behind = true;
                state.tell(News::Regressed {
                    wall: moment(wall),
                    engine: moment(expected),
                });
            }
            expected
        } else {
            state.behind = false;
            if behind < -FAR {
                let until = wall.saturating_add(i64::try_from(HOLD.as_millis()).unwrap_or(0));
                self.held.store(until, Ordering::Release);
                state.tell(News::Jumped {
                    from: moment(expected),
                    to: moment(wall),
                });
            }
            let now = wall.max(state.newest);
            (state.anchor, state.at) = (now, passed);
            now
        };
        state.newest = state.newest.max(now);
        moment(state.newest)
    }

    /// Until when nothing expires that people must answer; shared with whoever lets things expire.
    #[must_use]
    pub fn held(&self) -> Held {
        Arc::clone(&self.held)
    }

    /// How far the engine is ahead of the wall.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        let now = self.now();
        Duration::try_from(now.duration_since((self.wall)())).unwrap_or_default()
    }

    /// What happened since the last look.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.news)
    }
}

impl State {
    fn tell(&mut self, news: News) {
        if self.news.len() < MAX_NEWS {
            self.news.push(news);
        }
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A machine whose clocks the test moves.
    struct Machine {
        wall: Arc<AtomicI64>,
        passed: Arc<AtomicU64>,
        clock: Arc<EngineClock>,
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn machine(wall: &str, highest: &str) -> Machine {
        let shown = Arc::new(AtomicI64::new(at(wall).as_millisecond()));
        let passed = Arc::new(AtomicU64::new(0));
        let (wall, ticks) = (shown.clone(), passed.clone());
        let clock = EngineClock::new(
            Arc::new(move || Timestamp::from_millisecond(wall.load(Ordering::SeqCst)).unwrap()),
            Arc::new(move || Duration::from_millis(ticks.load(Ordering::SeqCst))),
            at(highest),
        );
        Machine {
            wall: shown,
            passed,
            clock,
        }
    }

    impl Machine {
        fn pass(&self, ms: u32) {
            self.wall.fetch_add(i64::from(ms), Ordering::SeqCst);
            self.passed.fetch_add(u64::from(ms), Ordering::SeqCst);
        }

        fn set(&self, by_ms: i64) {
            self.wall.fetch_add(by_ms, Ordering::SeqCst);
        }

        fn now(&self) -> String {
            self.clock.now().to_string()
        }
    }

    const NOON: &str = "2026-11-22T12:00:00Z";
    const HOUR: i64 = 3_600_000;

    #[test]
    fn an_hour_back_and_the_engine_goes_on_at_its_pace_until_the_wall_has_caught_up() {
        let machine = machine(NOON, NOON);
        machine.pass(1_000);
        machine.set(-HOUR);
        assert_eq!(machine.now(), "2026-11-22T12:00:01Z");
        machine.pass(500);
        assert_eq!(machine.now(), "2026-11-22T12:00:01.5Z");
        assert!(
            matches!(machine.clock.news()[..], [News::Regressed { .. }]),
            "told once"
        );
        machine.pass(7_200_000);
        assert_eq!(machine.now(), "2026-11-22T14:00:01.5Z");
        assert!(machine.clock.news().is_empty());
        machine.set(HOUR);
        assert_eq!(machine.now(), "2026-11-22T14:00:01.5Z", "the hour was given back");
        assert!(machine.clock.news().is_empty());
    }

    #[test]
    fn four_hundred_days_back_and_over_a_restart_nothing_goes_back() {
        let machine = machine(NOON, NOON);
        machine.set(-400 * 24 * HOUR);
        let before = machine.clock.now();
        let again = self::machine("2025-10-18T12:00:00Z", &before.to_string());
        assert!(again.clock.now() >= before);
        again.pass(10);
        assert_eq!(again.now(), "2026-11-22T12:00:00.01Z");
        assert!(matches!(again.clock.news()[..], [News::Regressed { .. }]));
        assert_eq!(again.clock.ahead(), Duration::from_secs(400 * 24 * 3_600));
    }

    #[test]
    fn an_hour_ahead_is_followed_told_and_holds_what_people_must_answer() {
        let machine = machine(NOON, NOON);
        assert_eq!(machine.clock.held().load(Ordering::SeqCst), 0);
        machine.set(HOUR);
        assert_eq!(machine.now(), "2026-11-22T13:00:00Z");
        let jumped = News::Jumped {
            from: at(NOON),
            to: at("2026-11-22T13:00:00Z"),
        };
        assert_eq!(machine.clock.news(), [jumped]);
        let held = Timestamp::from_millisecond(machine.clock.held().load(Ordering::SeqCst)).unwrap();
        assert_eq!(held, at("2026-11-22T13:01:00Z"));
        machine.set(4 * 60_000);
        let _now = machine.clock.now();
        assert!(
            machine.clock.news().is_empty(),
            "less than five minutes are no news"
        );
    }

    #[test]
    fn a_small_correction_is_waited_out_and_a_second_that_comes_twice_is_one() {
        // A leap second as most machines have it: 23:59:59 comes twice.
        let machine = machine("2016-12-31T23:59:59Z", "2016-12-31T23:59:59Z");
        machine.pass(999);
        assert_eq!(machine.now(), "2016-12-31T23:59:59.999Z");
        machine.set(-1_000);
        machine.pass(1);
        assert_eq!(machine.now(), "2016-12-31T23:59:59.999Z");
        machine.pass(500);
        assert_eq!(machine.now(), "2016-12-31T23:59:59.999Z");
        machine.pass(700);
        assert_eq!(machine.now(), "2017-01-01T00:00:00.2Z");
        assert!(machine.clock.news().is_empty());
    }

    #[test]
    fn the_year_2038_is_a_year_like_any_other() {
        let machine = machine("2038-01-19T03:14:07Z", NOON);
        machine.pass(1_000);
        assert_eq!(machine.now(), "2038-01-19T03:14:08Z");
        machine.pass(1_000);
        assert_eq!(machine.now(), "2038-01-19T03:14:09Z");
    }
}
