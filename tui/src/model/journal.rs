//! The journals of followed runs and the live text of their steps, bounded.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dirigent_protocol::graph::Graph;
use dirigent_protocol::run::{RunEvent, StepId};
use dirigent_protocol::watch::{StreamChunk, StreamSource};

/// Most events kept of one followed run; behind that the oldest go.
pub const MAX_EVENTS: usize = 20_000;
/// Most bytes of live text kept of one step; behind that the beginning goes.
pub const MAX_LIVE: usize = 256 * 1024;

/// Over how long the pace of a live text is measured.
const PACE: Duration = Duration::from_secs(5);
/// Most moments kept for that.
const MAX_CAME: usize = 256;

/// The live text of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Which attempt it belongs to.
    pub attempt: u32,
    /// Where it comes from.
    pub source: Option<StreamSource>,
    /// The text so far (untrusted), at most [`MAX_LIVE`] bytes of its end.
    pub text: String,
    /// Bytes that were cut from its beginning.
    pub cut: usize,
    /// How often what a model had said was taken back.
    pub withdrawn: u32,
    /// When how much of it came, on the monotonic clock: the last few seconds.
    came: VecDeque<(Duration, usize)>,
}

impl Live {
    /// Bytes a second over the last few seconds, and bytes in all.
    #[must_use]
    pub fn pace(&self, now: Duration) -> (usize, usize) {
        let since = now.saturating_sub(PACE);
        let came: usize = self
            .came
            .iter()
            .filter(|(at, _)| *at > since)
            .map(|(_, bytes)| bytes)
            .sum();
        let begun = self.came.front().map_or(now, |(at, _)| *at).max(since);
        let seconds = now
            .saturating_sub(begun)
            .as_secs_f64()
            .clamp(1.0, PACE.as_secs_f64());
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a figure for the eye; never negative"
        )]
        let rate = (came as f64 / seconds) as usize;
        (rate, self.cut + self.text.len())
    }

    fn note(&mut self, now: Duration, bytes: usize) {
        let since = now.saturating_sub(PACE);
        while self.came.front().is_some_and(|(at, _)| *at <= since) {
            self.came.pop_front();
        }
        let full = self.came.len() >= MAX_CAME;
        match self.came.back_mut() {
            Some((at, sum)) if *at == now || full => *sum += bytes,
            _ => self.came.push_back((now, bytes)),
        }
    }
}

/// What is known of a followed run.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// Its events, gapless up to the newest.
    pub events: Vec<RunEvent>,
    /// Events that were cut from the beginning.
    pub cut: usize,
    /// The graph of the version it pinned.
    pub graph: Option<Graph>,
    /// Chunks of live text that were dropped on the way.
    pub lost: u64,
    /// Live text of its steps.
    pub live: BTreeMap<StepId, Live>,
}

impl Journal {
    /// Takes the next events; those known already are skipped.
    pub fn extend(&mut self, restart: bool, events: Vec<RunEvent>) {
        if restart {
            self.events.clear();
            self.cut = 0;
        }
        let known = self.events.last().map_or(0, |event| event.seq);
        self.events
            .extend(events.into_iter().filter(|event| event.seq > known));
        if self.events.len() > MAX_EVENTS {
            let over = self.events.len() - MAX_EVENTS;
            self.events.drain(..over);
            self.cut += over;
        }
    }

    /// Appends a piece of a live text.
    pub fn append(&mut self, chunk: &StreamChunk, now: Duration) {
        let live = self.live.entry(chunk.step.clone()).or_default();
        if live.attempt != chunk.attempt || live.source != Some(chunk.source) || chunk.withdraws {
            *live = Live {
                attempt: chunk.attempt,
                source: Some(chunk.source),
                withdrawn: live.withdrawn + u32::from(chunk.withdraws),
                ..Live::default()
            };
        }
        live.note(now, chunk.text.len());
        live.text.push_str(&chunk.text);
        if live.text.len() > MAX_LIVE {
            let over = live.text.len() - MAX_LIVE / 2;
            let over = (over..live.text.len())
                .find(|at| live.text.is_char_boundary(*at))
                .unwrap_or(live.text.len());
            live.text.drain(..over);
            live.cut += over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_seconds_and_falls_to_nothing() {
        let mut live = Live::default();
        for second in 0..20 {
            live.note(Duration::from_secs(second), 100);
        }
        // A second without a byte has just gone by.
        assert_eq!(live.pace(Duration::from_secs(20)).0, 80);
        assert_eq!(live.pace(Duration::from_secs(60)).0, 0);
        for _ in 0..10_000 {
            live.note(Duration::from_secs(61), 1);
        }
        assert!(live.came.len() <= MAX_CAME);
    }
}
