//! The journals of followed runs and the live text of their steps, bounded.

use std::collections::BTreeMap;

use dirigent_protocol::graph::Graph;
use dirigent_protocol::run::{RunEvent, StepId};
use dirigent_protocol::watch::{StreamChunk, StreamSource};

/// Most events kept of one followed run; behind that the oldest go.
pub const MAX_EVENTS: usize = 20_000;
/// Most bytes of live text kept of one step; behind that the beginning goes.
pub const MAX_LIVE: usize = 256 * 1024;

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
            self.live.clear();
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
    pub fn append(&mut self, chunk: &StreamChunk) {
        let live = self.live.entry(chunk.step.clone()).or_default();
        if live.attempt != chunk.attempt || live.source != Some(chunk.source) {
            *live = Live {
                attempt: chunk.attempt,
                source: Some(chunk.source),
                ..Live::default()
            };
        }
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
