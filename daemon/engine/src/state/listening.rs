//! Folding what a task that listens takes in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{BusPosition, EventBody, EventPattern, ReadAs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::frame::Wait;
use super::run::RunState;

/// What a listener has taken so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Listening {
    /// Which events may concern it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<EventPattern>,
    /// How it reads them.
    pub read: ReadAs,
    /// What correlated values must be, by filter and name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<BTreeMap<String, Value>>,
    /// Each event has a round of tasks.
    pub rounds: bool,
    /// What it took is not kept.
    pub forever: bool,
    /// What it gives in the end: what it read, or what the rounds made of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Payload>,
    /// What waits for its round; the first one has it.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub queue: VecDeque<Payload>,
    /// Filters that were fulfilled.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub matched: BTreeSet<u32>,
    /// Filters of `until` that were fulfilled.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub until: BTreeSet<u32>,
    /// Correlated values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub correlations: BTreeMap<String, Value>,
    /// The newest event it took: whatever is not behind it was seen already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<BusPosition>,
    /// It takes no more.
    pub closed: bool,
    /// Rounds that are over.
    pub handled: u32,
}

impl Listening {
    /// Takes an event in; the fold of `listen.opened` and `event.received`, shared by runs and schedules.
    pub fn fold(&mut self, body: &EventBody) {
        match body {
            EventBody::ListenOpened {
                patterns,
                read,
                expected,
                rounds,
                forever,
                ..
            } => {
                *self = Self {
                    patterns: patterns.clone(),
                    read: *read,
                    expected: expected.clone(),
                    rounds: *rounds,
                    forever: *forever,
                    ..Self::default()
                };
            }
            EventBody::EventReceived {
                at,
                event,
                filter,
                until,
                closes,
                correlations,
                ..
            } => {
                self.last = Some(*at);
                self.closed |= *closes;
                self.until.extend(until);
                self.correlations.extend(
                    correlations
                        .iter()
                        .map(|(name, value)| (name.clone(), value.clone())),
                );
                let Some(filter) = filter else { return };
                self.matched.insert(*filter);
                let value = match self.read {
                    ReadAs::Envelope => event.clone(),
                    read => Arc::new(read.of(event)),
                };
                if self.rounds {
                    self.queue.push_back(value);
                } else if !self.forever {
                    self.taken.push(value);
                }
            }
            EventBody::EventHandled { output, .. } => {
                self.queue.pop_front();
                self.handled = self.handled.saturating_add(1);
                if !self.forever {
                    self.taken.push(output.clone());
                }
            }
            _ => {}
        }
    }
}

impl RunState {
    pub(super) fn listen_event(&mut self, body: &EventBody) {
        let Some(id) = body.step().and_then(|step| self.frame_of(step)) else {
            return;
        };
        if let EventBody::EventHandled {
            context: Some(context),
            ..
        } = body
        {
            self.context = context.clone();
        }
        let Some(frame) = self.frame_mut(id) else { return };
        let listening = Arc::make_mut(frame.listening.get_or_insert_default());
        listening.fold(body);
        let open = !listening.closed && !listening.patterns.is_empty();
        let rounds = listening.rounds;
        // A round whose next task is put off goes on with that one, whatever is heard meanwhile.
        if !matches!(frame.wait, Wait::Yield { .. }) {
            frame.wait = Wait::Events;
        }
        if rounds && frame.items.is_none() {
            // What is inside it is addressed by rounds, as inside a loop.
            frame.items = Some(Arc::new(Value::Null));
        }
        if !open {
            self.listens.remove(id);
        } else if self.listens.get(id).is_none() {
            self.listens.insert(id, id);
        }
    }
}
