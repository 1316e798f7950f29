//! When the next frame may go out: soon after a key, a little later after news, and never behind a backlog.
//!
//! A pseudo terminal, and more so a channel of ssh, swallows far more than the person's line carries, so writing
//! succeeds long before anything is seen. Once [`FREE`] bytes went out, the terminal is asked to say when it has read
//! them (`CSI 5 n`), and no frame follows before it does: whoever reads slowly gets fewer frames, always the newest.
//! A terminal that never answers is asked no more and gets at most five frames of news a second.
//! It knows no terminal and no clock; it is told both.

use std::time::Duration;

/// Least time between two frames after keys.
pub const KEY_FRAME: Duration = Duration::from_millis(16);
/// Least time between two frames after news.
pub const DATA_FRAME: Duration = Duration::from_millis(66);
/// The same where the terminal does not say what it has read.
pub const BLIND_FRAME: Duration = Duration::from_millis(200);
/// Least time between any two frames with `--slow`.
pub const SLOW_FRAME: Duration = Duration::from_millis(500);
/// Least time between two frames of a terminal that nobody is at: what it says of its focus.
pub const AWAY_FRAME: Duration = Duration::from_secs(5);
/// Bytes that may be under way without a question.
pub const FREE: usize = 512;
/// How long a terminal that has never answered is waited for.
const FIRST_PATIENCE: Duration = Duration::from_millis(250);
/// How long one that has answered before.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions left open by a terminal that never answered, until it counts as silent.
const SILENT: u32 = 2;

/// When the next frame is due.
#[derive(Debug, Default)]
pub struct Pace {
    slow: bool,
    away: bool,
    last: Duration,
    due: Option<Duration>,
    /// Bytes since the terminal was last known to have read everything.
    unread: usize,
    asked: Option<Duration>,
    answers: bool,
    open: u32,
}

impl Pace {
    /// A pace; `slow` for at most two frames a second.
    #[must_use]
    pub fn new(slow: bool) -> Self {
        Self {
            slow,
            ..Self::default()
        }
    }

    /// The terminal has the focus, or lost it. Who comes back finds what is so now.
    pub fn focus(&mut self, focused: bool) {
        self.away = !focused;
        if focused {
            self.hurry();
        }
    }

    /// Something visible changed: by a person (`urgent`) or by itself.
    pub fn want(&mut self, urgent: bool, now: Duration) {
        // Who presses a key is there, whatever the terminal said of its focus.
        self.away &= !urgent;
        let gap = match urgent {
            _ if self.slow => SLOW_FRAME,
            true => KEY_FRAME,
            false if self.away => AWAY_FRAME,
            false if self.is_silent() => BLIND_FRAME,
            false => DATA_FRAME,
        };
        let at = (self.last + gap).max(now);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Draw as soon as possible.
    pub fn hurry(&mut self) {
        self.due = Some(match (self.slow, self.away) {
            (_, true) => self.last + AWAY_FRAME,
            (true, false) => self.last + SLOW_FRAME,
            (false, false) => Duration::ZERO,
        });
    }

    /// Whether a frame is to be drawn now.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        self.due.is_some_and(|due| due <= now) && self.blocked(now).is_none()
    }

    /// A frame of that many bytes went out. Says whether to ask the terminal behind it.
    #[must_use]
    pub fn sent(&mut self, bytes: usize, now: Duration) -> bool {
        (self.last, self.due) = (now, None);
        self.unread += bytes;
        if let Some(asked) = self.asked
            && now.saturating_sub(asked) >= self.patience()
        {
            self.asked = None;
            self.open += 1;
        }
        let ask = self.unread > FREE && self.asked.is_none() && !self.is_silent();
        if ask {
            self.asked = Some(now);
        }
        ask
    }

    /// The terminal has read everything up to the last question.
    pub const fn answered(&mut self) {
        (self.asked, self.answers) = (None, true);
        (self.unread, self.open) = (0, 0);
    }

    /// Somebody else had the terminal: what was under way is void.
    pub const fn forget(&mut self) {
        self.asked = None;
        self.unread = 0;
    }

    /// How long to wait for the next frame; `None` if none is wanted.
    #[must_use]
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        let due = self.due?.saturating_sub(now);
        Some(self.blocked(now).map_or(due, |left| left.max(due)))
    }

    /// Whether the terminal has stopped being asked.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        !self.answers && self.open >= SILENT
    }

    /// How long the terminal is still waited for, if it is.
    fn blocked(&self, now: Duration) -> Option<Duration> {
        let left = self.patience().saturating_sub(now.saturating_sub(self.asked?));
        (!left.is_zero()).then_some(left)
    }

    const fn patience(&self) -> Duration {
        if self.answers { PATIENCE } else { FIRST_PATIENCE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn keys_come_sooner_than_news_and_never_later_for_them() {
        let mut pace = Pace::new(false);
        assert!(!pace.sent(100, ms(1_000)));
        pace.want(false, ms(1_001));
        assert_eq!(pace.wait(ms(1_001)), Some(ms(65)));
        pace.want(true, ms(1_002));
        assert_eq!(pace.wait(ms(1_002)), Some(ms(14)));
        assert!(!pace.is_due(ms(1_015)) && pace.is_due(ms(1_016)));
        assert!(!pace.sent(100, ms(1_016)));
        assert_eq!(pace.wait(ms(1_016)), None);
        // After a rest a key is drawn at once.
        pace.want(true, ms(2_000));
        assert!(pace.is_due(ms(2_000)));
    }

    #[test]
    fn a_large_frame_is_followed_by_none_before_it_was_read() {
        let mut pace = Pace::new(false);
        assert!(pace.sent(8_000, ms(0)));
        pace.answered();
        assert!(pace.sent(8_000, ms(100)));
        pace.want(true, ms(200));
        assert!(!pace.is_due(ms(200)));
        assert_eq!(pace.wait(ms(200)), Some(ms(4_900)));
        pace.answered();
        assert!(pace.is_due(ms(201)));
        // Small ones need no question.
        assert!(!pace.sent(60, ms(201)));
    }

    #[test]
    fn a_silent_terminal_is_left_alone() {
        let mut pace = Pace::new(false);
        assert!(pace.sent(8_000, ms(0)));
        pace.want(true, ms(10));
        assert!(!pace.is_due(ms(100)) && pace.is_due(ms(250)));
        assert!(pace.sent(2_000, ms(250)));
        pace.want(false, ms(300));
        assert!(!pace.sent(2_000, ms(600)), "asked often enough");
        assert!(pace.is_silent());
        pace.want(false, ms(601));
        assert_eq!(pace.wait(ms(601)), Some(ms(199)));
        pace.want(true, ms(700));
        assert!(pace.is_due(ms(700)), "keys are drawn at once");
        // It speaks after all, late.
        pace.answered();
        assert!(!pace.is_silent());
    }

    #[test]
    fn where_nobody_is_news_wait_and_who_comes_back_sees_them() {
        let mut pace = Pace::new(false);
        pace.focus(false);
        let mut frames = 0;
        for at in 0..=20_000 {
            pace.want(false, ms(at));
            pace.hurry();
            if pace.is_due(ms(at)) {
                frames += 1;
                let _asked = pace.sent(100, ms(at));
                pace.answered();
            }
        }
        assert_eq!(frames, 4);
        pace.want(false, ms(20_000));
        assert!(!pace.is_due(ms(20_100)));
        pace.focus(true);
        assert!(pace.is_due(ms(20_100)));
        // A key is a person, whatever was said of the focus.
        pace.focus(false);
        pace.want(true, ms(20_200));
        assert!(pace.is_due(ms(20_200)));
        let _asked = pace.sent(100, ms(20_200));
        pace.want(false, ms(20_201));
        assert!(pace.is_due(ms(20_300)));
    }

    #[test]
    fn slow_means_two_frames_a_second() {
        let mut pace = Pace::new(true);
        let mut frames = 0;
        for at in 0..10_000 {
            pace.want(at % 3 == 0, ms(at));
            pace.hurry();
            if pace.is_due(ms(at)) {
                frames += 1;
                let _asked = pace.sent(100, ms(at));
                pace.answered();
            }
        }
        assert!((19..=21).contains(&frames), "{frames}");
    }
}
