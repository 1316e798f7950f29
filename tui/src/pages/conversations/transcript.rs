//! A conversation as lines, from its run's events and from the live text of the answer under way.
//!
//! Invariant: every event is taken once; what was shown live is not shown again when its answer is stored.

use dirigent_protocol::run::{EventBody, RunEvent, StepId};
use dirigent_protocol::watch::StreamSource;
use jiff::tz::TimeZone;

use crate::model::talk::{self, Turn};
use crate::model::tool_lines::{Told, ToolLines};
use crate::model::{Journal, Live};
use crate::pages::runs::approval_phrase;
use crate::text::clock;
use crate::widgets::stream::{Stream, Voice};

/// Most lines kept for the ear.
const MAX_NEWS: usize = 200;
/// How the daemon's own remarks about tools begin; the events say more of them.
const OF_TOOL: char = '⚒';

/// One message of a person: where it stands, and where its turn ended.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Its first line in the stream.
    pub(super) line: u64,
    /// The words.
    pub(super) text: String,
}

/// The live text of the answer under way, as far as it is shown.
#[derive(Debug, Default)]
struct Tail {
    attempt: u32,
    source: Option<StreamSource>,
    fed: usize,
    /// What the model has said in this stretch.
    text: String,
    /// The first line of what it has said and what is not stored.
    from: Option<u64>,
    /// How often it was taken back.
    withdrawn: u32,
}

/// The lines of one conversation.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    seq: u64,
    pub(super) stream: Stream,
    /// What people said, in order.
    pub(super) messages: Vec<Message>,
    /// What was answered, in the same order.
    pub(super) turns: Vec<Turn>,
    /// The step that asks the agent now.
    asking: Option<StepId>,
    tail: Tail,
    /// Stretches that were shown and whose turn is not stored yet.
    shown: Vec<String>,
    tools: ToolLines,
    pub(super) over: bool,
    /// What happened since somebody last listened.
    pub(super) news: Vec<String>,
}

impl Transcript {
    /// An answer is awaited.
    pub(super) fn is_answering(&self) -> bool {
        !self.over && self.turns.len() < self.messages.len()
    }

    /// Takes what is new.
    pub(super) fn follow(&mut self, journal: &Journal, zone: &TimeZone) {
        if journal.events.last().map_or(0, |event| event.seq) < self.seq {
            let wrapped = std::mem::take(&mut self.stream);
            *self = Self::default();
            self.stream = wrapped;
            self.stream.clear();
        }
        self.live(journal, zone);
        let first = journal.events.partition_point(|event| event.seq <= self.seq);
        for event in journal.events.get(first..).unwrap_or_default() {
            self.seq = event.seq;
            self.take(event, zone);
        }
        self.live(journal, zone);
    }

    fn say(&mut self, event: &RunEvent, voice: Voice, text: &str, zone: &TimeZone) {
        self.stream.push(&clock(event.time, zone), voice, text);
        self.tell(voice, text);
    }

    /// For the ear.
    fn tell(&mut self, voice: Voice, text: &str) {
        if self.news.len() < MAX_NEWS {
            self.news.push(format!("{}: {text}", who(voice)));
        }
    }

    fn take(&mut self, event: &RunEvent, zone: &TimeZone) {
        if let Some(text) = talk::said(event) {
            self.messages.push(Message {
                line: self.stream.next_line(),
                text: text.to_owned(),
            });
            return self.say(event, Voice::Sent, text, zone);
        }
        if let Some(turn) = Turn::of(event) {
            self.asking = None;
            match &turn.answer {
                Some(answer) => self.settle(event, answer, zone),
                None => self.say(event, Voice::Error, &turn.why_none(), zone),
            }
            if let Some(words) = turn.forgot() {
                self.say(event, Voice::Event, &words, zone);
            }
            self.tail = Tail::default();
            self.shown.clear();
            self.turns.push(turn);
            return;
        }
        for told in self.tools.take(&event.body) {
            match told {
                Told::Asks(step) => self.asking = Some(step),
                Told::Says(text) => self.settle(event, &text, zone),
                Told::Tool(text) => self.say(event, Voice::Event, &text, zone),
                Told::Wrong(text) => self.say(event, Voice::Error, &text, zone),
            }
        }
        match &event.body {
            EventBody::WorkflowCompleted { .. }
            | EventBody::WorkflowFaulted { .. }
            | EventBody::WorkflowCancelled { .. } => {
                self.over = true;
                self.say(event, Voice::Event, "the conversation is over", zone);
            }
            EventBody::WorkflowForked { origin, .. } => {
                self.over = false;
                let words = format!("what stands above was said in {}", origin.short());
                self.say(event, Voice::Event, &words, zone);
            }
            body => {
                if let Some((voice, text)) = approval_phrase(body) {
                    self.say(event, voice, &text, zone);
                }
            }
        }
    }

    /// A text of the model is stored: what of it was not shown live is shown now.
    fn settle(&mut self, event: &RunEvent, text: &str, zone: &TimeZone) {
        if text.trim().is_empty() {
            return;
        }
        self.tell(Voice::Model, text);
        self.tail.from = None;
        if let Some(at) = self.shown.iter().position(|shown| shown == text) {
            self.shown.remove(at);
            return;
        }
        let spoken = std::mem::take(&mut self.tail.text);
        let time = clock(event.time, zone);
        match text.strip_prefix(spoken.as_str()) {
            Some(rest) if !spoken.is_empty() => self.stream.append(&time, Voice::Model, rest),
            _ => self.stream.push(&time, Voice::Model, text),
        }
    }

    /// What the model is saying now.
    fn live(&mut self, journal: &Journal, zone: &TimeZone) {
        let Some(live) = self.asking.as_ref().and_then(|step| journal.live.get(step)) else {
            return;
        };
        // Another attempt, or another model in the same one: what came of the one before does not count.
        if live.withdrawn > self.tail.withdrawn || live.attempt > self.tail.attempt {
            let before = std::mem::take(&mut self.tail);
            if let Some(from) = before.from {
                self.stream.withdraw(from, Voice::Model);
            }
            self.shown.clear();
            (self.tail.attempt, self.tail.source) = (live.attempt, live.source);
            self.tail.withdrawn = live.withdrawn;
        }
        let again = live.cut + live.text.len() < self.tail.fed;
        if again || live.attempt != self.tail.attempt || live.source != self.tail.source {
            let before = std::mem::take(&mut self.tail);
            if !before.text.is_empty() {
                self.shown.push(before.text);
            }
            (self.tail.attempt, self.tail.source) = (live.attempt, live.source);
            (self.tail.from, self.tail.withdrawn) = (before.from, before.withdrawn);
        }
        let from = self.tail.fed.saturating_sub(live.cut);
        let Some(text) = live.text.get(from..).filter(|text| !text.is_empty()) else {
            return;
        };
        self.tail.fed = live.cut + live.text.len();
        let time = self.began(journal, zone);
        match live.source {
            Some(StreamSource::Model) | None => {
                self.tail.from.get_or_insert(self.stream.next_line());
                self.stream.append(&time, Voice::Model, text);
                self.tail.text.push_str(text);
            }
            Some(_) => self.remark(live, text, &time),
        }
    }

    /// A remark of the daemon; what it says of tools comes with the events.
    fn remark(&mut self, live: &Live, text: &str, time: &str) {
        let voice = match live.source {
            Some(StreamSource::Stderr) => Voice::Stderr,
            _ => Voice::Event,
        };
        for line in text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with(OF_TOOL))
        {
            self.stream.push(time, voice, line);
        }
    }

    fn began(&self, journal: &Journal, zone: &TimeZone) -> String {
        let last = journal.events.last();
        last.map(|event| clock(event.time, zone)).unwrap_or_default()
    }
}

/// Who speaks, for the ear.
fn who(voice: Voice) -> &'static str {
    match voice {
        Voice::Sent => "Said",
        Voice::Model => "Agent",
        Voice::Person => "Question",
        Voice::Error => "Error",
        _ => "Tool",
    }
}
