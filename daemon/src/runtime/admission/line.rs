//! The runs of one definition: how many go, who waits, who is next. Pure.
//!
//! Runs wait by their key, so that one group at its limit does not hold up the others. Invariants: what goes never
//! exceeds a limit of the run that is let through; within a group nobody is overtaken but by a higher priority.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use dirigent_protocol::id::RunId;
use jiff::Timestamp;

use super::place::{Ask, Limits};
use super::recent::Recent;

/// A group of runs; none is for those without a key.
pub(super) type Key = Option<Arc<str>>;

/// Where a run stands among those that wait; the smallest is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    child: Reverse<bool>,
    priority: Reverse<i32>,
    ticket: u64,
}

impl Turn {
    pub(super) fn of(ask: &Ask, ticket: u64) -> Self {
        Self {
            child: Reverse(ask.child),
            priority: Reverse(ask.priority),
            ticket,
        }
    }

    /// A run that has begun waits for it.
    pub(super) fn is_child(self) -> bool {
        self.child.0
    }
}

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The definition is paused.
    Paused,
    /// So many runs of it go, which is its limit.
    Limit(u32),
    /// So many runs of its group go, which is the limit.
    Key(u32),
    /// So many have begun within the period.
    Rate(u32, Option<Timestamp>),
    /// The daemon runs as many as it may.
    Daemon(usize),
    /// The daemon begins nothing now: the disk is nearly full, or it stops.
    Held,
    /// Others are before it.
    Others,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("the workflow is paused"),
            Self::Limit(limit) => write!(f, "{limit} of {limit} runs of it go"),
            Self::Key(limit) => write!(f, "{limit} of {limit} runs with its key go"),
            Self::Rate(limit, Some(at)) => write!(f, "{limit} runs have begun; the next may at {at:.0}"),
            Self::Rate(limit, None) => write!(f, "{limit} runs are beginning"),
            Self::Daemon(most) => write!(f, "{most} of {most} runs of the daemon go"),
            Self::Held => f.write_str("the daemon begins no run now"),
            Self::Others => f.write_str("others are before it"),
        }
    }
}

#[derive(Debug, Default)]
struct Group {
    going: u32,
    waiting: BTreeMap<Turn, Waiting>,
    /// Its entry among the heads.
    head: Option<Turn>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    run: RunId,
    limits: Limits,
}

/// See the module header.
#[derive(Debug, Default)]
pub(super) struct Line {
    going: u32,
    groups: HashMap<Key, Group>,
    /// The first of every group that has room.
    heads: BTreeMap<Turn, Key>,
    pub(super) recent: Recent,
    pub(super) paused: bool,
    waiting: usize,
}

impl Line {
    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing of it needs to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.going == 0 && self.waiting == 0 && !self.paused && self.recent.is_empty()
    }

    pub(super) fn join(&mut self, key: &Key, turn: Turn, run: RunId, limits: Limits) {
        let group = self.groups.entry(key.clone()).or_default();
        group.waiting.insert(turn, Waiting { run, limits });
        self.waiting += 1;
        self.refresh(key);
    }

    /// A run waits no more, and does not go either.
    pub(super) fn drop_out(&mut self, key: &Key, turn: Turn) {
        if let Some(group) = self.groups.get_mut(key)
            && group.waiting.remove(&turn).is_some()
        {
            self.waiting -= 1;
            self.refresh(key);
        }
    }

    /// A run goes.
    pub(super) fn count(&mut self, key: &Key) {
        self.going += 1;
        self.groups.entry(key.clone()).or_default().going += 1;
        self.refresh(key);
    }

    /// A run that went is over.
    pub(super) fn release(&mut self, key: &Key) {
        self.going = self.going.saturating_sub(1);
        if let Some(group) = self.groups.get_mut(key) {
            group.going = group.going.saturating_sub(1);
        }
        self.refresh(key);
    }

    /// What keeps a run that has begun before from going among the others again. Rates count beginnings, and a pause holds
    /// beginnings, so neither does.
    pub(super) fn full(&self, key: &Key, limits: &Limits) -> Option<Why> {
        let group = self.groups.get(key).filter(|_| key.is_some());
        let going = group.map_or(0, |group| group.going);
        let of_key = limits.per_key.filter(|limit| going >= *limit).map(Why::Key);
        of_key.or_else(|| self.full_of_runs(limits))
    }

    fn full_of_runs(&self, limits: &Limits) -> Option<Why> {
        limits.runs.filter(|limit| self.going >= *limit).map(Why::Limit)
    }

    /// Who is next, where anybody may begin now.
    pub(super) fn next(&self, now: Timestamp) -> Option<Turn> {
        let (turn, key) = self.heads.first_key_value()?;
        let waiting = self.groups.get(key)?.waiting.get(turn)?;
        self.obstacle(&waiting.limits, now).is_none().then_some(*turn)
    }

    /// Lets the one whose turn it is through; the run, its key and its number where a rate counts it.
    pub(super) fn pass(&mut self, turn: Turn) -> Option<(RunId, Option<u64>)> {
        let key = self.heads.get(&turn)?.clone();
        let waiting = self.groups.get_mut(&key)?.waiting.remove(&turn)?;
        self.waiting -= 1;
        let limits = waiting.limits;
        let number = limits.rate.map(|_| self.recent.take());
        if limits.any() {
            self.count(&key);
        } else {
            self.refresh(&key);
        }
        Some((waiting.run, number))
    }

    /// When the next one may begin where only a rate is in its way.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let (turn, key) = self.heads.first_key_value()?;
        let waiting = self.groups.get(key)?.waiting.get(turn)?;
        match self.obstacle(&waiting.limits, now) {
            Some(Why::Rate(_, at)) => at,
            _ => None,
        }
    }

    /// A waiting run's place in its group, from 1 and counted up to `most`, and why it waits.
    pub(super) fn standing(&self, key: &Key, turn: Turn, most: usize, now: Timestamp) -> (usize, Why) {
        let Some(group) = self.groups.get(key) else {
            return (1, Why::Others);
        };
        let ahead = group.waiting.range(..turn).take(most).count();
        let limits = group
            .waiting
            .get(&turn)
            .map(|waiting| waiting.limits)
            .unwrap_or_default();
        let full = limits
            .per_key
            .filter(|limit| key.is_some() && group.going >= *limit);
        let why = match (self.obstacle(&limits, now), full) {
            (Some(Why::Paused), _) => Why::Paused,
            (_, Some(limit)) => Why::Key(limit),
            (Some(why), None) => why,
            (None, None) => Why::Others,
        };
        (ahead + 1, why)
    }

    /// What keeps every run with these limits from beginning.
    fn obstacle(&self, limits: &Limits, now: Timestamp) -> Option<Why> {
        if self.paused {
            return Some(Why::Paused);
        }
        if let Some(why) = self.full_of_runs(limits) {
            return Some(why);
        }
        let rate = limits.rate?;
        let later = self.recent.room(rate, now).err()?;
        Some(Why::Rate(rate.limit, later.at))
    }

    /// Brings the entry of a group among the heads up to date.
    fn refresh(&mut self, key: &Key) {
        let Some(group) = self.groups.get_mut(key) else {
            return;
        };
        let first = group.waiting.first_key_value();
        let head = first.and_then(|(turn, waiting)| {
            let full = waiting
                .limits
                .per_key
                .is_some_and(|limit| key.is_some() && group.going >= limit);
            (!full).then_some(*turn)
        });
        if head != group.head {
            if let Some(old) = group.head.take() {
                self.heads.remove(&old);
            }
            if let Some(new) = head {
                self.heads.insert(new, key.clone());
            }
            group.head = head;
        }
        if group.going == 0 && group.waiting.is_empty() {
            self.groups.remove(key);
        }
    }
}
