//! The gate: which runs may begin now. Limits of definitions, of groups, of a time, of the daemon; those that may not
//! wait in their order.
//!
//! Keeps nothing durable itself: a run's row says how it stands, and [`Gate::restore`] hears of every row at a start.
//! Invariants: (1) a run that was let through counts until it is over, so no limit is ever exceeded; (2) every run that
//! waits is let through sooner or later, once, where those before it end; (3) nothing looks at runs that neither wait
//! nor are limited.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dirigent_protocol::id::{EntityId, RunId};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::line::{Key, Line, Turn, Why};
use super::place::{Ask, Place, Rate};

/// Places are counted this far.
const MOST_COUNTED: usize = 1_000;

/// A definition: its organisation and its name.
type Definition = (EntityId, Arc<str>);

/// See the module header.
#[derive(Default)]
pub(crate) struct Gate {
    table: Mutex<Table>,
    changed: Notify,
}

/// How many runs there may be; none is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Most {
    /// That go at once, of all definitions.
    pub(crate) going: Option<usize>,
    /// That wait.
    pub(crate) waiting: Option<usize>,
}

#[derive(Default)]
struct Table {
    lines: HashMap<Definition, Line>,
    /// Definitions that somebody waits for.
    busy: HashSet<Definition>,
    slots: HashMap<RunId, Slot>,
    going: usize,
    waiting: usize,
    most: Most,
    next_ticket: u64,
    held: bool,
}

/// A run that waits, or counts in its line.
struct Slot {
    definition: Definition,
    key: Key,
    /// It waits.
    turn: Option<Turn>,
    /// Let through, and counted by a rate; not begun yet.
    number: Option<u64>,
    rate: Option<Rate>,
    limited: bool,
}

/// What the gate says to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It may begin.
    Begin(Option<Counted>),
    /// It waits, with this ticket.
    Wait(u64),
    /// So many wait that no more may.
    Full(usize),
}

/// The number that a rate gave a run, to be kept beside its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The number.
    pub(crate) number: u64,
    /// Of the rate.
    pub(crate) limit: u32,
}

/// A run whose turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Which.
    pub(crate) run: RunId,
    /// Where a rate counts it.
    pub(crate) counted: Option<Counted>,
}

/// Where a run waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its place, from 1.
    pub(crate) place: usize,
    /// Why it waits.
    pub(crate) why: Why,
    /// Its group.
    pub(crate) key: Option<Arc<str>>,
}

impl Gate {
    /// A gate with these bounds, through which nobody comes before it is opened: every run that goes is to be counted
    /// first.
    pub(crate) fn closed(most: Most) -> Self {
        let table = Table {
            most,
            held: true,
            ..Table::default()
        };
        Self {
            table: Mutex::new(table),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new run asks; others may have their turn with it.
    pub(crate) fn ask(
        &self,
        org: EntityId,
        run: RunId,
        ask: &Ask,
        now: Timestamp,
    ) -> (Answer, Vec<Admitted>) {
        let mut table = self.lock();
        if table.is_free_for(org, ask) {
            table.going += 1;
            return (Answer::Begin(None), Vec::new());
        }
        let most = table.most.waiting.unwrap_or(usize::MAX);
        let ticket = table.next_ticket;
        table.next_ticket += 1;
        table.join(org, run, ask, ticket);
        let mut passed = table.pass_all(now);
        if let Some(at) = passed.iter().position(|admitted| admitted.run == run) {
            let own = passed.swap_remove(at);
            return (Answer::Begin(own.counted), passed);
        }
        if table.waiting > most {
            table.leave(run, false);
            return (Answer::Full(most), passed);
        }
        (Answer::Wait(ticket), passed)
    }

    /// A run that was let through has begun, durably.
    pub(crate) fn began(&self, run: RunId, at: Timestamp) {
        let mut table = self.lock();
        let Some(slot) = table.slots.get_mut(&run) else {
            return;
        };
        let (definition, number) = (slot.definition.clone(), slot.number.take());
        let limited = slot.limited;
        if let Some(number) = number
            && let Some(line) = table.lines.get_mut(&definition)
        {
            line.recent.began(number, at);
        }
        if !limited {
            table.slots.remove(&run);
            table.tidy(&definition);
        }
        drop(table);
        if number.is_some() {
            self.changed.notify_one();
        }
    }

    /// A run is over, or never began; `went` where it was let through. Those whose turn it is now.
    pub(crate) fn leave(&self, run: RunId, went: bool, now: Timestamp) -> Vec<Admitted> {
        let mut table = self.lock();
        table.leave(run, went);
        table.pass_all(now)
    }

    /// A run that had been set aside goes on, and counts again from here.
    ///
    /// # Errors
    /// Why it cannot now: the others are as many as there may be.
    pub(crate) fn come_back(
        &self,
        org: EntityId,
        run: RunId,
        ask: Option<&Ask>,
        child: bool,
    ) -> Result<(), Why> {
        let mut table = self.lock();
        if !child && table.is_full() {
            return Err(Why::Daemon(table.most.going.unwrap_or_default()));
        }
        let Some(ask) = ask else {
            table.going += 1;
            return Ok(());
        };
        let (definition, key) = names(org, ask);
        let line = table.lines.get(&definition);
        match line.and_then(|line| line.full(&key, &ask.limits)) {
            Some(why) => Err(why),
            None => {
                table.goes(org, run, ask);
                Ok(())
            }
        }
    }

    /// A run of before the start; none of a place is one that nothing limits.
    pub(crate) fn restore(&self, org: EntityId, run: RunId, place: Option<&Place>) {
        let mut table = self.lock();
        match place {
            Some(Place {
                ask,
                ticket: Some(ticket),
            }) => {
                table.next_ticket = table.next_ticket.max(ticket + 1);
                table.join(org, run, ask, *ticket);
            }
            Some(Place { ask, ticket: None }) => table.goes(org, run, ask),
            None => table.going += 1,
        }
    }

    /// A run that a rate counted before the start.
    pub(crate) fn restore_rate(&self, org: EntityId, definition: &str, number: u64, at: Timestamp) {
        let mut table = self.lock();
        let line = table.lines.entry((org, Arc::from(definition))).or_default();
        line.recent.restore(number, at);
    }

    /// Nothing more begins of a definition, or it does again. Those whose turn it is now.
    pub(crate) fn pause(
        &self,
        org: EntityId,
        definition: &str,
        paused: bool,
        now: Timestamp,
    ) -> Vec<Admitted> {
        let mut table = self.lock();
        let definition = (org, Arc::from(definition));
        table.lines.entry(definition.clone()).or_default().paused = paused;
        table.tidy(&definition);
        table.pass_all(now)
    }

    /// Nothing more begins at all, or it does again. Those whose turn it is now.
    pub(crate) fn hold(&self, held: bool, now: Timestamp) -> Vec<Admitted> {
        let mut table = self.lock();
        table.held = held;
        table.pass_all(now)
    }

    /// Other bounds from now on. Those whose turn it is now.
    pub(crate) fn limit(&self, most: Most, now: Timestamp) -> Vec<Admitted> {
        let mut table = self.lock();
        table.most = most;
        table.pass_all(now)
    }

    /// Those whose turn it is now.
    pub(crate) fn pass(&self, now: Timestamp) -> Vec<Admitted> {
        self.lock().pass_all(now)
    }

    /// When somebody's turn comes by the clock alone.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let table = self.lock();
        let lines = table
            .busy
            .iter()
            .filter_map(|definition| table.lines.get(definition));
        lines.filter_map(|line| line.due(now)).min()
    }

    /// Something may have changed what [`Self::due`] says.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Where a run waits; none where it does not.
    pub(crate) fn standing(&self, run: RunId, now: Timestamp) -> Option<Standing> {
        let table = self.lock();
        let slot = table.slots.get(&run)?;
        let turn = slot.turn?;
        let line = table.lines.get(&slot.definition)?;
        let (place, mut why) = line.standing(&slot.key, turn, MOST_COUNTED, now);
        if why == Why::Others && table.held {
            why = Why::Held;
        } else if why == Why::Others && table.is_full() {
            why = Why::Daemon(table.most.going.unwrap_or_default());
        }
        let key = slot.key.clone();
        Some(Standing { place, why, key })
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }
}

fn names(org: EntityId, ask: &Ask) -> (Definition, Key) {
    let definition = (org, Arc::from(ask.definition.as_str()));
    (definition, ask.key.as_deref().map(Arc::from))
}

impl Table {
    fn is_full(&self) -> bool {
        self.most.going.is_some_and(|most| self.going >= most)
    }

    /// Whether nothing at all is in the way of a run, and nothing of it has to be remembered.
    fn is_free_for(&self, org: EntityId, ask: &Ask) -> bool {
        if ask.limits.any() || self.held || !ask.child && self.is_full() {
            return false;
        }
        self.lines.is_empty()
            || self
                .lines
                .get(&(org, Arc::from(ask.definition.as_str())))
                .is_none_or(|line| !line.paused && line.waiting() == 0)
    }

    fn join(&mut self, org: EntityId, run: RunId, ask: &Ask, ticket: u64) {
        let (definition, key) = names(org, ask);
        let turn = Turn::of(ask, ticket);
        let line = self.lines.entry(definition.clone()).or_default();
        line.join(&key, turn, run, ask.limits);
        self.busy.insert(definition.clone());
        self.waiting += 1;
        let slot = Slot {
            definition,
            key,
            turn: Some(turn),
            number: None,
            rate: ask.limits.rate,
            limited: ask.limits.any(),
        };
        self.slots.insert(run, slot);
    }

    /// A run that has begun counts among those that go.
    fn goes(&mut self, org: EntityId, run: RunId, ask: &Ask) {
        self.going += 1;
        let (definition, key) = names(org, ask);
        self.lines.entry(definition.clone()).or_default().count(&key);
        let slot = Slot {
            definition,
            key,
            turn: None,
            number: None,
            rate: None,
            limited: true,
        };
        self.slots.insert(run, slot);
    }

    fn leave(&mut self, run: RunId, went: bool) {
        let Some(slot) = self.slots.remove(&run) else {
            self.going = self.going.saturating_sub(usize::from(went));
            return;
        };
        if let Some(line) = self.lines.get_mut(&slot.definition) {
            match slot.turn {
                Some(turn) => {
                    line.drop_out(&slot.key, turn);
                    self.waiting -= 1;
                }
                None if slot.limited => line.release(&slot.key),
                None => {}
            }
            if let Some(number) = slot.number {
                line.recent.undo(number);
            }
        }
        if slot.turn.is_none() {
            self.going = self.going.saturating_sub(1);
        }
        self.tidy(&slot.definition);
    }

    /// Lets through everybody whose turn it is.
    fn pass_all(&mut self, now: Timestamp) -> Vec<Admitted> {
        let mut passed = Vec::new();
        while !self.held && self.waiting > 0 {
            let full = self.is_full();
            let lines = self.busy.iter().filter_map(|of| Some((of, self.lines.get(of)?)));
            let next = lines
                .filter_map(|(of, line)| Some((line.next(now)?, of)))
                .filter(|(turn, _)| !full || turn.is_child())
                .min_by_key(|(turn, _)| *turn)
                .map(|(turn, of)| (turn, of.clone()));
            let Some((turn, definition)) = next else { break };
            let Some((run, number)) = self.lines.get_mut(&definition).and_then(|line| line.pass(turn)) else {
                break;
            };
            self.waiting -= 1;
            self.going += 1;
            let mut counted = None;
            if let Some(slot) = self.slots.get_mut(&run) {
                slot.turn = None;
                slot.number = number;
                counted = slot.rate.zip(number).map(|(rate, number)| Counted {
                    number,
                    limit: rate.limit,
                });
            }
            self.tidy(&definition);
            passed.push(Admitted { run, counted });
        }
        passed
    }

    fn tidy(&mut self, definition: &Definition) {
        let Some(line) = self.lines.get(definition) else {
            return;
        };
        if line.waiting() == 0 {
            self.busy.remove(definition);
        }
        if line.is_idle() {
            self.lines.remove(definition);
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
