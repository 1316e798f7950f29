//! Who listens for what, in memory: found by type and by what events must have, never by looking at every listener.
//!
//! Invariant: every listener whose patterns admit an event is found; its own decision says whether it takes it.

use std::collections::{BTreeSet, HashMap};

use dirigent_protocol::bus::LIFECYCLE;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EventPattern, member};
use serde_json::Value;

use super::rows::ListenRow;

/// Somebody who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// A task instance of a run, by its frame.
    Run(RunId, u64),
    /// A schedule.
    Schedule(EntityId),
}

/// An event on its way.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// Its organisation.
    pub org: EntityId,
    /// The event.
    pub event: &'a Value,
    /// Position of its commit.
    pub commit: u64,
    /// The run it comes from, and the number of the run's own event.
    pub from: Option<(RunId, u64)>,
    /// It says what a run does: only those who name its type hear it, and never the run itself.
    pub lifecycle: bool,
}

/// See the module header.
#[derive(Debug, Default)]
pub struct Index {
    entries: HashMap<Listener, Entry>,
    by_kind: HashMap<Option<String>, Bucket>,
    lifecycle: usize,
}

#[derive(Debug)]
struct Entry {
    org: EntityId,
    patterns: Vec<EventPattern>,
    since: u64,
}

/// Listeners of one type: those that ask for nothing more, and those that ask for a value at a path.
#[derive(Debug, Default)]
struct Bucket {
    any: BTreeSet<Listener>,
    by_path: HashMap<Vec<String>, HashMap<String, BTreeSet<Listener>>>,
}

impl Index {
    /// Takes a listener in whose row was written at `position`.
    pub fn insert(&mut self, listener: Listener, row: ListenRow, position: u64) {
        self.remove(listener);
        for pattern in &row.patterns {
            self.lifecycle += usize::from(is_lifecycle(pattern));
            let bucket = self.by_kind.entry(pattern.kind.clone()).or_default();
            match last(pattern) {
                Some((path, value)) => {
                    let values = bucket.by_path.entry(path.clone()).or_default();
                    values.entry(value.to_string()).or_default().insert(listener);
                }
                None => drop(bucket.any.insert(listener)),
            }
        }
        let entry = Entry {
            org: row.org,
            since: row.since.unwrap_or(position),
            patterns: row.patterns,
        };
        self.entries.insert(listener, entry);
    }

    /// Forgets a listener.
    pub fn remove(&mut self, listener: Listener) {
        let Some(entry) = self.entries.remove(&listener) else {
            return;
        };
        for pattern in &entry.patterns {
            self.lifecycle -= usize::from(is_lifecycle(pattern));
            let Some(bucket) = self.by_kind.get_mut(&pattern.kind) else {
                continue;
            };
            bucket.any.remove(&listener);
            if let Some((path, value)) = last(pattern)
                && let Some(values) = bucket.by_path.get_mut(path)
            {
                let value = value.to_string();
                if let Some(known) = values.get_mut(&value) {
                    known.remove(&listener);
                    if known.is_empty() {
                        values.remove(&value);
                    }
                }
                if values.is_empty() {
                    bucket.by_path.remove(path);
                }
            }
            if bucket.any.is_empty() && bucket.by_path.is_empty() {
                self.by_kind.remove(&pattern.kind);
            }
        }
    }

    /// Those that listened when the event came and may want it, in a fixed order.
    #[must_use]
    pub fn find(&self, offer: &Offer<'_>) -> Vec<Listener> {
        let mut found = BTreeSet::new();
        let kind = offer.event.get("type").and_then(Value::as_str);
        if let Some(bucket) = kind.and_then(|kind| self.by_kind.get(&Some(kind.to_owned()))) {
            bucket.collect(offer.event, &mut found);
        }
        if !offer.lifecycle
            && let Some(bucket) = self.by_kind.get(&None)
        {
            bucket.collect(offer.event, &mut found);
        }
        found
            .into_iter()
            .filter(|listener| self.hears(*listener, offer))
            .collect()
    }

    fn hears(&self, listener: Listener, offer: &Offer<'_>) -> bool {
        let Some(entry) = self.entries.get(&listener) else {
            return false;
        };
        let listened = match (listener, offer.from) {
            // What a run does is no news to itself.
            (Listener::Run(run, _), Some((from, _))) if offer.lifecycle && run == from => false,
            // Within one commit of one run, its own order decides.
            (Listener::Run(run, frame), Some((from, seq))) if run == from && entry.since == offer.commit => {
                seq > frame
            }
            _ => offer.commit > entry.since,
        };
        listened && entry.org == offer.org && entry.patterns.iter().any(|pattern| pattern.admits(offer.event))
    }

    /// Whether somebody listens for what runs do.
    #[must_use]
    pub fn wants_lifecycle(&self) -> bool {
        self.lifecycle > 0
    }

    /// How many listen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Bucket {
    fn collect(&self, event: &Value, found: &mut BTreeSet<Listener>) {
        found.extend(&self.any);
        for (path, values) in &self.by_path {
            if let Some(value) = member(event, path)
                && let Some(listeners) = values.get(&value.to_string())
            {
                found.extend(listeners);
            }
        }
    }
}

/// What tells a pattern best from others: correlated values stand last.
fn last(pattern: &EventPattern) -> Option<&(Vec<String>, Value)> {
    pattern.equal.last()
}

fn is_lifecycle(pattern: &EventPattern) -> bool {
    pattern
        .kind
        .as_deref()
        .is_some_and(|kind| kind.starts_with(LIFECYCLE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(kind: Option<&str>, order: Option<u32>) -> EventPattern {
        EventPattern {
            kind: kind.map(str::to_owned),
            equal: order
                .map(|order| (vec!["data".to_owned(), "order".to_owned()], json!(order)))
                .into_iter()
                .collect(),
        }
    }

    fn row(org: EntityId, patterns: Vec<EventPattern>) -> ListenRow {
        ListenRow {
            org,
            patterns,
            since: None,
            state: None,
        }
    }

    #[test]
    fn of_ten_thousand_that_wait_for_their_order_one_is_found() {
        let (mut index, org) = (Index::default(), EntityId::new());
        let runs: Vec<RunId> = (0..10_000).map(|_| RunId::new()).collect();
        for (order, run) in (0_u32..).zip(&runs) {
            let patterns = vec![pattern(Some("paid"), Some(order))];
            index.insert(Listener::Run(*run, 1), row(org, patterns), 5);
        }
        let event = json!({"type": "paid", "data": {"order": 4_321}});
        let offer = Offer {
            org,
            event: &event,
            commit: 6,
            from: None,
            lifecycle: false,
        };
        assert_eq!(index.find(&offer), [Listener::Run(runs[4_321], 1)]);
        assert!(
            index.find(&Offer { commit: 5, ..offer }).is_empty(),
            "it came before"
        );
        let other = EntityId::new();
        assert!(index.find(&Offer { org: other, ..offer }).is_empty());
        for run in &runs {
            index.remove(Listener::Run(*run, 1));
        }
        assert!(index.is_empty() && index.by_kind.is_empty());
    }

    #[test]
    fn within_one_commit_the_runs_own_order_decides() {
        let (mut index, org, run) = (Index::default(), EntityId::new(), RunId::new());
        index.insert(Listener::Run(run, 4), row(org, vec![pattern(None, None)]), 9);
        let event = json!({"type": "x"});
        let offer = |seq| Offer {
            org,
            event: &event,
            commit: 9,
            from: Some((run, seq)),
            lifecycle: false,
        };
        assert!(index.find(&offer(3)).is_empty());
        assert_eq!(index.find(&offer(7)).len(), 1);
    }

    #[test]
    fn what_runs_do_is_heard_by_those_who_name_it_and_by_no_run_of_itself() {
        let (mut index, org, run) = (Index::default(), EntityId::new(), RunId::new());
        let kind = "io.serverlessworkflow.workflow.completed.v1";
        index.insert(
            Listener::Run(run, 4),
            row(org, vec![pattern(Some(kind), None)]),
            1,
        );
        index.insert(
            Listener::Run(RunId::new(), 4),
            row(org, vec![pattern(None, None)]),
            1,
        );
        assert!(index.wants_lifecycle());
        let event = json!({"type": kind});
        let offer = |from| Offer {
            org,
            event: &event,
            commit: 9,
            from: Some((from, 30)),
            lifecycle: true,
        };
        assert!(index.find(&offer(run)).is_empty());
        assert_eq!(index.find(&offer(RunId::new())), [Listener::Run(run, 4)]);
    }
}
