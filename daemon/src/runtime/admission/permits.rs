//! Permits: how many effects may be performed at once, by kind and together.
//!
//! Waiting effects are served run by run in turn, so that a run with a thousand of them does not starve the others.
//! Invariant: what is handed out and not given back never exceeds a limit, but for effects that a restart takes up
//! again: those were permitted before.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectId, EffectKind};
use tokio::sync::mpsc;

/// A permit that a waiting effect got.
pub(crate) struct Grant {
    pub(crate) run: RunId,
    pub(crate) effect: EffectId,
    pub(crate) permit: Permit,
}

/// All permits. Clones share them.
#[derive(Clone)]
pub(crate) struct Permits(Arc<Shared>);

struct Shared {
    table: Mutex<Table>,
    granted: mpsc::UnboundedSender<Grant>,
}

#[derive(Default)]
struct Table {
    kinds: BTreeMap<EffectKind, Pool>,
    /// May be below zero after a restart.
    free_total: i64,
    limit_total: i64,
    in_flight: BTreeMap<EffectKind, u64>,
    closed: bool,
    /// For the moment none is given.
    held: bool,
}

struct Pool {
    free: i64,
    limit: i64,
    /// Counts towards the total.
    counted: bool,
    turn: VecDeque<RunId>,
    waiting: HashMap<RunId, VecDeque<EffectId>>,
}

/// The right to perform one effect; given back when dropped.
pub(crate) struct Permit {
    kind: EffectKind,
    from: Arc<Shared>,
}

impl Permits {
    /// Permits with these limits; grants to waiting effects come out of the channel.
    pub(crate) fn new(
        limits: &BTreeMap<EffectKind, usize>,
        total: usize,
    ) -> (Self, mpsc::UnboundedReceiver<Grant>) {
        let (granted, grants) = mpsc::unbounded_channel();
        let mut table = Table {
            free_total: count(total),
            limit_total: count(total),
            ..Table::default()
        };
        for kind in EffectKind::ALL {
            let limit = limits.get(&kind).map_or(i64::MAX, |most| count(*most));
            let pool = Pool {
                free: limit,
                limit,
                counted: kind.counts(),
                turn: VecDeque::new(),
                waiting: HashMap::new(),
            };
            table.kinds.insert(kind, pool);
        }
        (
            Self(Arc::new(Shared {
                table: Mutex::new(table),
                granted,
            })),
            grants,
        )
    }

    /// A permit, if one is free now and nobody waits for it.
    pub(crate) fn try_take(&self, kind: EffectKind) -> Option<Permit> {
        self.0.lock().take(kind, false).then(|| self.permit(kind))
    }

    /// A permit whether or not one is free: for an effect that had one before.
    pub(crate) fn take_anyway(&self, kind: EffectKind) -> Permit {
        self.0.lock().take(kind, true);
        self.permit(kind)
    }

    /// Lets an effect wait for its turn.
    pub(crate) fn wait(&self, kind: EffectKind, run: RunId, effect: EffectId) {
        let mut table = self.0.lock();
        if let Some(pool) = table.kinds.get_mut(&kind) {
            let queue = pool.waiting.entry(run).or_default();
            if queue.is_empty() {
                pool.turn.push_back(run);
            }
            queue.push_back(effect);
        }
        let next = table.grant();
        drop(table);
        self.0.hand_out(next);
    }

    /// A run waits for nothing any more.
    pub(crate) fn forget(&self, run: RunId) {
        for pool in self.0.lock().kinds.values_mut() {
            if pool.waiting.remove(&run).is_some() {
                pool.turn.retain(|waiting| *waiting != run);
            }
        }
    }

    /// Other limits from now on. What is performed goes on, also above a limit that shrank.
    pub(crate) fn relimit(&self, limits: &BTreeMap<EffectKind, usize>, total: usize) {
        let mut table = self.0.lock();
        let total = count(total);
        table.free_total = table
            .free_total
            .saturating_add(total.saturating_sub(table.limit_total));
        table.limit_total = total;
        for (kind, pool) in &mut table.kinds {
            let limit = limits.get(kind).map_or(i64::MAX, |most| count(*most));
            pool.free = pool.free.saturating_add(limit.saturating_sub(pool.limit));
            pool.limit = limit;
        }
        let next = table.grant();
        drop(table);
        self.0.hand_out(next);
    }

    /// Gives no more permits: what runs may end, nothing new begins.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
    }

    /// Gives none for the moment, or gives them again: effects wait meanwhile, what is performed goes on.
    pub(crate) fn hold(&self, held: bool) {
        let mut table = self.0.lock();
        table.held = held;
        let next = table.grant();
        drop(table);
        self.0.hand_out(next);
    }

    /// Effects being performed by kind, and effects that wait.
    pub(crate) fn figures(&self) -> (BTreeMap<EffectKind, u64>, u64) {
        let table = self.0.lock();
        let waiting = table
            .kinds
            .values()
            .flat_map(|pool| pool.waiting.values())
            .map(|queue| queue.len() as u64);
        (table.in_flight.clone(), waiting.sum())
    }

    fn permit(&self, kind: EffectKind) -> Permit {
        Permit {
            kind,
            from: self.0.clone(),
        }
    }
}

fn count(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(self: &Arc<Self>, granted: Vec<(EffectKind, RunId, EffectId)>) {
        for (kind, run, effect) in granted {
            let permit = Permit {
                kind,
                from: self.clone(),
            };
            // Nobody listens only while the daemon stops; the permit returns by itself then.
            drop(self.granted.send(Grant { run, effect, permit }));
        }
    }
}

impl Table {
    fn take(&mut self, kind: EffectKind, anyway: bool) -> bool {
        let Some(pool) = self.kinds.get_mut(&kind) else {
            return true;
        };
        let free = !self.closed && !self.held && pool.free > 0 && (!pool.counted || self.free_total > 0);
        if !(free || anyway) {
            return false;
        }
        pool.free -= 1;
        self.free_total -= i64::from(pool.counted);
        *self.in_flight.entry(kind).or_default() += 1;
        true
    }

    fn give_back(&mut self, kind: EffectKind) {
        if let Some(pool) = self.kinds.get_mut(&kind) {
            pool.free += 1;
            self.free_total += i64::from(pool.counted);
        }
        if let Some(count) = self.in_flight.get_mut(&kind) {
            *count = count.saturating_sub(1);
        }
    }

    /// Takes permits for those whose turn it is.
    fn grant(&mut self) -> Vec<(EffectKind, RunId, EffectId)> {
        let mut granted = Vec::new();
        for kind in EffectKind::ALL {
            while self.kinds.get(&kind).is_some_and(|pool| !pool.turn.is_empty()) && self.take(kind, false) {
                let next = self.kinds.get_mut(&kind).and_then(Pool::next);
                match next {
                    Some((run, effect)) => granted.push((kind, run, effect)),
                    None => self.give_back(kind),
                }
            }
        }
        granted
    }
}

impl Pool {
    fn next(&mut self) -> Option<(RunId, EffectId)> {
        let run = self.turn.pop_front()?;
        let queue = self.waiting.get_mut(&run)?;
        let effect = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&run);
        } else {
            self.turn.push_back(run);
        }
        Some((run, effect))
    }
}

impl Permit {
    /// What it is for.
    pub(crate) fn kind(&self) -> EffectKind {
        self.kind
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut table = self.from.lock();
            table.give_back(self.kind);
            table.grant()
        };
        self.from.hand_out(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_runs_take_turns_and_limits_hold() {
        let limits = BTreeMap::from([(EffectKind::Shell, 2)]);
        let (permits, mut grants) = Permits::new(&limits, 3);
        let (big, small) = (RunId::new(), RunId::new());
        let first = permits.try_take(EffectKind::Shell).unwrap();
        let second = permits.try_take(EffectKind::Shell).unwrap();
        assert!(permits.try_take(EffectKind::Shell).is_none());
        for effect in 0..3 {
            permits.wait(EffectKind::Shell, big, EffectId(effect));
        }
        permits.wait(EffectKind::Shell, small, EffectId(9));
        assert!(grants.try_recv().is_err());
        drop(first);
        let one = grants.try_recv().unwrap();
        assert_eq!((one.run, one.effect), (big, EffectId(0)));
        drop(second);
        let two = grants.try_recv().unwrap();
        assert_eq!((two.run, two.effect), (small, EffectId(9)), "in turn");
        permits.forget(big);
        drop((one, two));
        assert!(grants.try_recv().is_err(), "nobody waits any more");
        assert_eq!(permits.figures().0[&EffectKind::Shell], 0);
    }

    #[test]
    fn what_is_held_back_goes_on_later() {
        let (permits, mut grants) = Permits::new(&BTreeMap::new(), 4);
        permits.hold(true);
        assert!(permits.try_take(EffectKind::Noop).is_none());
        permits.wait(EffectKind::Shell, RunId::new(), EffectId(1));
        drop(permits.take_anyway(EffectKind::Shell));
        assert!(grants.try_recv().is_err());
        permits.hold(false);
        assert_eq!(grants.try_recv().unwrap().effect, EffectId(1));
    }

    #[test]
    fn limits_grow_and_shrink_while_permits_are_out() {
        let shell = |most| BTreeMap::from([(EffectKind::Shell, most)]);
        let (permits, mut grants) = Permits::new(&shell(1), 1);
        let first = permits.try_take(EffectKind::Shell).unwrap();
        permits.wait(EffectKind::Shell, RunId::new(), EffectId(1));
        assert!(grants.try_recv().is_err());
        permits.relimit(&shell(2), 8);
        let second = grants.try_recv().unwrap();
        permits.relimit(&shell(1), 8);
        drop(first);
        assert!(permits.try_take(EffectKind::Shell).is_none(), "one is still out");
        drop(second);
        assert!(permits.try_take(EffectKind::Shell).is_some());
    }

    #[test]
    fn the_total_holds_over_kinds_and_noop_is_not_in_it() {
        let (permits, mut grants) = Permits::new(&BTreeMap::new(), 1);
        let http = permits.try_take(EffectKind::Http).unwrap();
        assert!(permits.try_take(EffectKind::Agent).is_none());
        assert!(permits.try_take(EffectKind::Noop).is_some());
        permits.wait(EffectKind::Agent, RunId::new(), EffectId(1));
        drop(http);
        assert_eq!(grants.try_recv().unwrap().effect, EffectId(1));
    }
}
