//! What flows into the stream pane: the events of the step under the cursor and the live text it writes.
//! Owns how far both were fed; the ring is the widget's.
//! Invariant: nothing is fed twice; another step, or a journal that began anew, starts the stream afresh.

use dirigent_protocol::run::StepId;
use dirigent_protocol::watch::StreamSource;
use jiff::tz::TimeZone;

use super::event_line::EventLine;
use super::run_view::RunView;
use crate::model::{Journal, Live};
use crate::text::clock;
use crate::widgets::stream::{Stream, Voice};

/// How far the stream is.
#[derive(Debug, Clone, Default)]
pub(super) struct Feed {
    step: Option<StepId>,
    seq: u64,
    attempt: u32,
    source: Option<StreamSource>,
    /// Bytes of live text fed, those cut from its beginning included.
    bytes: usize,
    begun: bool,
}

impl Feed {
    /// Feeds what is new of `step` (of the whole run for `None`).
    pub(super) fn feed(
        &mut self,
        stream: &mut Stream,
        view: &RunView,
        journal: Option<&Journal>,
        step: Option<&StepId>,
        zone: &TimeZone,
    ) {
        let live = step.and_then(|step| journal?.live.get(step));
        let again = live.is_some_and(|live| {
            (live.attempt, live.source) == (self.attempt, self.source)
                && live.cut + live.text.len() < self.bytes
        });
        if !self.begun || again || self.step.as_ref() != step || view.seq < self.seq {
            stream.clear();
            *self = Self {
                step: step.cloned(),
                begun: true,
                ..Self::default()
            };
            // Live text stands where the call that writes it was begun; the events behind that come after it.
            let split = live.and_then(|_| started(view, step)).unwrap_or(view.seq);
            self.events(stream, view, split, zone);
            self.live(stream, view, live, zone);
        }
        self.live(stream, view, live, zone);
        self.events(stream, view, u64::MAX, zone);
    }

    fn events(&mut self, stream: &mut Stream, view: &RunView, until: u64, zone: &TimeZone) {
        let first = view.lines.partition_point(|line| line.seq <= self.seq);
        for line in view.lines.range(first..).take_while(|line| line.seq <= until) {
            if self.step.as_ref().is_none_or(|step| concerns(line, step)) {
                stream.push(&clock(line.time, zone), line.voice, &line.text);
            }
        }
        self.seq = self.seq.max(view.seq.min(until));
    }

    fn live(&mut self, stream: &mut Stream, view: &RunView, live: Option<&Live>, zone: &TimeZone) {
        let Some(live) = live else { return };
        if live.attempt != self.attempt || live.source != self.source {
            (self.attempt, self.source, self.bytes) = (live.attempt, live.source, 0);
        }
        let from = self.bytes.saturating_sub(live.cut);
        let Some(text) = live.text.get(from..).filter(|text| !text.is_empty()) else {
            return;
        };
        let voice = match live.source {
            Some(StreamSource::Stdout) => Voice::Stdout,
            Some(StreamSource::Stderr) => Voice::Stderr,
            Some(StreamSource::Note) => Voice::Event,
            Some(StreamSource::Model) | None => Voice::Model,
        };
        let began = self.step.as_ref().and_then(|step| {
            view.lines
                .iter()
                .rev()
                .find(|line| line.step.as_ref() == Some(step))
        });
        let time = began.map(|line| clock(line.time, zone)).unwrap_or_default();
        stream.append(&time, voice, text);
        self.bytes = live.cut + live.text.len();
    }
}

/// The event that began the step's latest call.
fn started(view: &RunView, step: Option<&StepId>) -> Option<u64> {
    let mine = view.lines.iter().rev().filter(|line| line.step.as_ref() == step);
    mine.into_iter()
        .find(|line| line.voice == Voice::Sent)
        .map(|line| line.seq)
}

/// Whether a line is about the step or something inside it.
fn concerns(line: &EventLine, step: &StepId) -> bool {
    let Some(of) = &line.step else { return false };
    let inside = of
        .pointer
        .strip_prefix(step.pointer.as_ref())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    inside && of.iterations.starts_with(&step.iterations)
}
