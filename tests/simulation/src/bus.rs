//! The bus, in the order of commits: what is emitted is on it with the very commit, and whoever listens takes each event
//! that came meanwhile and fits, once and in order, none left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_daemon::events::{StoredEvent, decode, moment_of};
use dirigent_protocol::Payload;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{BusPosition, EventBody, RunEvent, StepId};
use dirigent_store::Commit;
use serde_json::Value;

use crate::hearing::{Strategy, Verdict};
use crate::must;
use crate::run_model::Definitions;

pub(crate) struct Bus {
    definitions: Definitions,
    events: Vec<OnBus>,
    /// Source and id of what was published.
    published: BTreeSet<(String, String)>,
    runs: BTreeMap<RunId, Ears>,
}

struct OnBus {
    at: BusPosition,
    event: Payload,
    from: Option<(RunId, u64)>,
}

/// A run and what it listens for.
#[derive(Default)]
struct Ears {
    definition: Arc<Value>,
    origin: Option<(RunId, u64)>,
    journal: Vec<Arc<RunEvent>>,
    open: BTreeMap<StepId, Hearing>,
}

#[derive(Clone)]
struct Hearing {
    strategy: Strategy,
    met: Vec<usize>,
    kept: usize,
    closed: bool,
    /// It began with this commit, and this event of its run.
    since: (u64, u64),
    /// Place on the bus of the first event it has not looked at.
    next: usize,
}

/// What a document says of the listening at a step.
pub(crate) fn strategy(definition: &Value, pointer: &str) -> Strategy {
    let task = definition.pointer(pointer);
    let task = task.unwrap_or_else(|| panic!("there is nothing at {pointer} of {definition}"));
    Strategy::read(&task["listen"]["to"])
}

impl Bus {
    pub(crate) fn new(definitions: &Definitions) -> Self {
        Self {
            definitions: definitions.clone(),
            events: Vec::new(),
            published: BTreeSet::new(),
            runs: BTreeMap::new(),
        }
    }

    /// Everything on it, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = (BusPosition, &Value)> {
        self.events.iter().map(|on_bus| (on_bus.at, &*on_bus.event))
    }

    /// The next commit, with its events of runs.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        events: &[(RunId, Arc<RunEvent>)],
    ) -> Result<(), String> {
        let mut emitted = self.rows(commit)?;
        for (run, event) in events {
            if let EventBody::EventEmitted { event: made, .. } = &event.body {
                let there = emitted.remove(&(*run, event.seq));
                must(there.as_ref() == Some(made), || {
                    format!("{run} emits with event {} what is not on the bus", event.seq)
                })?;
            }
            self.note(commit.position.0, *run, event)
                .map_err(|what| format!("{run} event {} {}: {what}", event.seq, event.body.name()))?;
        }
        must(emitted.is_empty(), || {
            format!("on the bus is what no run emitted: {:?}", emitted.keys())
        })
    }

    /// Takes the rows of events in; answers those that runs emitted.
    fn rows(&mut self, commit: &Commit) -> Result<BTreeMap<(RunId, u64), Payload>, String> {
        let mut emitted = BTreeMap::new();
        let rows = commit.puts.iter().filter(|(key, _)| moment_of(key).is_some());
        for (index, (_, row)) in (0_u32..).zip(rows) {
            let stored: StoredEvent = decode(row).map_err(|e| e.to_string())?;
            let from = stored.run.map(|run| (run, stored.seq));
            match from {
                Some(from) => drop(emitted.insert(from, stored.event.clone())),
                None => {
                    let name = |name: &str| stored.event[name].to_string();
                    let name = (name("source"), name("id"));
                    let new = self.published.insert(name.clone());
                    must(new, || format!("{name:?} is published twice"))?;
                }
            }
            let at = BusPosition {
                commit: commit.position.0,
                index,
            };
            let event = stored.event;
            self.events.push(OnBus { at, event, from });
        }
        Ok(emitted)
    }

    fn note(&mut self, commit: u64, run: RunId, event: &Arc<RunEvent>) -> Result<(), String> {
        let next = self.events.len();
        if let EventBody::WorkflowForked {
            origin, at, restart, ..
        } = &event.body
        {
            let mut ears = self.inherited(*origin, *at)?;
            ears.open.retain(|step, _| !restart.contains(step));
            for hearing in ears.open.values_mut() {
                (hearing.since, hearing.next) = ((commit, event.seq), 0);
            }
            ears.origin = Some((*origin, *at));
            self.runs.insert(run, ears);
        }
        let ears = self.runs.entry(run).or_default();
        ears.journal.push(event.clone());
        if let EventBody::EventReceived { step, at, .. } = &event.body {
            let hearing = ears.open.get_mut(step).ok_or("nobody listens there")?;
            return hearing.receive(run, &self.events[..next], event, *at);
        }
        ears.fold(&self.definitions, commit, event)
    }

    /// What a run listened for at one of its events.
    fn inherited(&self, run: RunId, at: u64) -> Result<Ears, String> {
        let mut ears = Ears::default();
        for event in self.journal(run, at)? {
            ears.fold(&self.definitions, 0, &event)?;
        }
        Ok(ears)
    }

    fn journal(&self, run: RunId, most: u64) -> Result<Vec<Arc<RunEvent>>, String> {
        let known = self.runs.get(&run).ok_or_else(|| format!("{run} is not known"))?;
        let mut events = match known.origin {
            Some((origin, at)) => self.journal(origin, at.min(most))?,
            None => Vec::new(),
        };
        let own = known.journal.iter().filter(|event| event.seq <= most);
        events.extend(own.cloned());
        Ok(events)
    }
}

impl Ears {
    fn fold(&mut self, definitions: &Definitions, commit: u64, event: &RunEvent) -> Result<(), String> {
        match &event.body {
            EventBody::WorkflowStarted { version, .. } => {
                let found = definitions.get(&version.to_string());
                self.definition = found.ok_or("a run of nothing")?.clone();
            }
            EventBody::ListenOpened { step, .. } => {
                let hearing = Hearing {
                    strategy: strategy(&self.definition, &step.pointer),
                    met: Vec::new(),
                    kept: 0,
                    closed: false,
                    since: (commit, event.seq),
                    next: 0,
                };
                self.open.insert(step.clone(), hearing);
            }
            EventBody::EventReceived { step, event, .. } => {
                if let Some(hearing) = self.open.get_mut(step) {
                    hearing.judge(event);
                }
            }
            EventBody::TaskCompleted { step, .. }
            | EventBody::TaskFaulted { step, .. }
            | EventBody::TaskCancelled { step, .. } => drop(self.open.remove(step)),
            _ => {}
        }
        Ok(())
    }
}

impl Hearing {
    fn judge(&mut self, event: &Value) -> Verdict {
        let verdict = self.strategy.judge(event, &mut self.met, self.kept);
        match verdict {
            Verdict::Taken { closes } => {
                self.kept += 1;
                self.closed = closes;
            }
            Verdict::Stops => self.closed = true,
            Verdict::Nothing => {}
        }
        verdict
    }

    /// Whether it listened when that event came.
    fn heard(&self, run: RunId, on_bus: &OnBus) -> bool {
        let (commit, seq) = self.since;
        let own = on_bus
            .from
            .is_some_and(|(from, number)| from == run && number > seq);
        on_bus.at.commit > commit || on_bus.at.commit == commit && own
    }

    /// It takes an event: the next one that fits.
    fn receive(
        &mut self,
        run: RunId,
        bus: &[OnBus],
        event: &RunEvent,
        at: BusPosition,
    ) -> Result<(), String> {
        let EventBody::EventReceived {
            event,
            filter,
            closes,
            ..
        } = &event.body
        else {
            return Ok(());
        };
        must(!self.closed, || "it listens no more".into())?;
        while let Some(on_bus) = bus.get(self.next) {
            self.next += 1;
            if !self.heard(run, on_bus) {
                continue;
            }
            let verdict = self.judge(&on_bus.event);
            if verdict == Verdict::Nothing {
                continue;
            }
            must(on_bus.at == at && on_bus.event == *event, || {
                format!("it takes {at:?}, the next that fits is {:?}", on_bus.at)
            })?;
            let kept = matches!(verdict, Verdict::Taken { .. });
            return must(filter.is_some() == kept && *closes == self.closed, || {
                format!("to it the event is {verdict:?}")
            });
        }
        Err(format!("it takes {at:?}, which it never heard"))
    }
}
