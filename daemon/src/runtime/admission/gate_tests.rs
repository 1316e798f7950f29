//! The gate against a list that is counted anew each time: limits hold, the order holds, nobody is forgotten; restarts
//! in between change nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::super::place::Limits;
use super::*;

const ORG: EntityId = EntityId::nil();

fn opened(most: Most) -> Gate {
    let gate = Gate::closed(most);
    gate.hold(false, at(0));
    gate
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn ask(definition: &str, key: Option<&str>, limits: Limits) -> Ask {
    Ask {
        definition: definition.into(),
        key: key.map(Into::into),
        limits,
        priority: 0,
        child: false,
    }
}

fn runs(limit: u32) -> Limits {
    Limits {
        runs: Some(limit),
        ..Limits::default()
    }
}

#[test]
fn a_limit_holds_and_those_behind_it_come_in_their_order() {
    let gate = Gate::default();
    let ids: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
    let one = ask("w", None, runs(1));
    assert_eq!(gate.ask(ORG, ids[0], &one, at(0)).0, Answer::Begin(None));
    let tickets: Vec<u64> = ids[1..]
        .iter()
        .map(|run| match gate.ask(ORG, *run, &one, at(0)).0 {
            Answer::Wait(ticket) => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(tickets.is_sorted());
    let standing = gate.standing(ids[3], at(0)).unwrap();
    assert_eq!((standing.place, standing.why), (3, Why::Limit(1)));
    assert_eq!(
        gate.leave(ids[2], false, at(0)),
        [],
        "one that is cancelled while it waits"
    );
    assert_eq!(gate.standing(ids[3], at(0)).unwrap().place, 2);
    let next: Vec<RunId> = gate
        .leave(ids[0], true, at(0))
        .iter()
        .map(|next| next.run)
        .collect();
    assert_eq!(next, [ids[1]]);
    assert_eq!(gate.waiting(), 1);
}

#[test]
fn a_group_at_its_limit_does_not_hold_up_another() {
    let gate = Gate::default();
    let per_key = Limits {
        per_key: Some(1),
        ..Limits::default()
    };
    let (a, b) = (ask("w", Some("a"), per_key), ask("w", Some("b"), per_key));
    let ids: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
    assert_eq!(gate.ask(ORG, ids[0], &a, at(0)).0, Answer::Begin(None));
    assert!(matches!(gate.ask(ORG, ids[1], &a, at(0)).0, Answer::Wait(_)));
    assert_eq!(gate.ask(ORG, ids[2], &b, at(0)).0, Answer::Begin(None));
    let none = ask("w", None, per_key);
    assert_eq!(gate.ask(ORG, ids[3], &none, at(0)).0, Answer::Begin(None));
    let standing = gate.standing(ids[1], at(0)).unwrap();
    assert_eq!((standing.why, standing.key.as_deref()), (Why::Key(1), Some("a")));
    assert_eq!(gate.leave(ids[2], true, at(0)), []);
    assert_eq!(gate.leave(ids[0], true, at(0))[0].run, ids[1]);
}

#[test]
fn a_rate_is_kept_by_the_clock() {
    let gate = Gate::default();
    let rate = Rate {
        limit: 2,
        period_ms: 1_000,
    };
    let two = ask(
        "w",
        None,
        Limits {
            rate: Some(rate),
            ..Limits::default()
        },
    );
    let ids: Vec<RunId> = (0..3).map(|_| RunId::new()).collect();
    for run in &ids[..2] {
        assert!(matches!(
            gate.ask(ORG, *run, &two, at(0)).0,
            Answer::Begin(Some(_))
        ));
        gate.began(*run, at(5));
        assert_eq!(gate.leave(*run, true, at(6)), []);
    }
    assert!(matches!(gate.ask(ORG, ids[2], &two, at(10)).0, Answer::Wait(_)));
    assert_eq!(
        gate.standing(ids[2], at(10)).unwrap().why,
        Why::Rate(2, Some(at(1_005)))
    );
    assert_eq!(gate.due(at(10)), Some(at(1_005)));
    assert_eq!(gate.pass(at(1_004)), []);
    assert_eq!(gate.pass(at(1_005))[0].run, ids[2]);
}

#[test]
fn what_a_run_that_goes_waits_for_is_not_held_by_the_daemons_limit() {
    let gate = opened(Most {
        going: Some(1),
        waiting: Some(1),
    });
    let free = ask("w", None, Limits::default());
    let ids: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
    assert_eq!(gate.ask(ORG, ids[0], &free, at(0)).0, Answer::Begin(None));
    assert!(matches!(gate.ask(ORG, ids[1], &free, at(0)).0, Answer::Wait(_)));
    assert_eq!(gate.standing(ids[1], at(0)).unwrap().why, Why::Daemon(1));
    let child = Ask {
        child: true,
        ..ask("c", None, Limits::default())
    };
    assert_eq!(gate.ask(ORG, ids[2], &child, at(0)).0, Answer::Begin(None));
    assert_eq!(gate.ask(ORG, ids[3], &free, at(0)).0, Answer::Full(1));
    assert_eq!(gate.leave(ids[2], true, at(0)), []);
    assert_eq!(gate.leave(ids[0], true, at(0))[0].run, ids[1]);
    gate.began(ids[1], at(0));
    assert_eq!(gate.leave(ids[1], true, at(0)), []);
    assert_eq!(
        gate.ask(ORG, ids[3], &free, at(0)).0,
        Answer::Begin(None),
        "all is given back"
    );
}

#[test]
fn a_paused_definition_lets_nobody_through_and_others_go_on() {
    let gate = Gate::default();
    let (free, other) = (
        ask("w", None, Limits::default()),
        ask("x", None, Limits::default()),
    );
    let (first, second) = (RunId::new(), RunId::new());
    assert_eq!(gate.pause(ORG, "w", true, at(0)), []);
    assert!(matches!(gate.ask(ORG, first, &free, at(0)).0, Answer::Wait(_)));
    assert_eq!(gate.standing(first, at(0)).unwrap().why, Why::Paused);
    assert_eq!(gate.ask(ORG, second, &other, at(0)).0, Answer::Begin(None));
    assert_eq!(gate.pause(ORG, "w", false, at(0))[0].run, first);
}

#[test]
fn a_higher_priority_goes_first_and_a_child_before_all() {
    let gate = Gate::default();
    let one = |priority, child| Ask {
        priority,
        child,
        ..ask("w", None, runs(1))
    };
    let ids: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
    gate.ask(ORG, ids[0], &one(0, false), at(0));
    gate.ask(ORG, ids[1], &one(0, false), at(0));
    gate.ask(ORG, ids[2], &one(9, false), at(0));
    gate.ask(ORG, ids[3], &one(-9, true), at(0));
    let mut order = Vec::new();
    let mut over = ids[0];
    while let Some(next) = gate.leave(over, true, at(0)).first() {
        over = next.run;
        order.push(over);
    }
    assert_eq!(order, [ids[3], ids[2], ids[1]]);
}

/// Everything a run's row would say.
#[derive(Clone)]
struct Row {
    place: Place,
    began: Option<Timestamp>,
}

/// A list that is counted anew each time.
#[derive(Default)]
struct Model {
    rows: BTreeMap<RunId, Row>,
    rates: BTreeMap<(String, u64), (u64, Timestamp)>,
    begins: BTreeMap<String, Vec<Timestamp>>,
    seen: BTreeSet<RunId>,
}

impl Model {
    fn going(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| !row.place.waits())
    }

    fn begin(&mut self, gate: &Gate, run: RunId, counted: Option<Counted>, now: Timestamp) {
        assert!(self.seen.insert(run), "{run} is let through twice");
        let row = self.rows.get_mut(&run).unwrap();
        row.place.ticket = None;
        row.began = Some(now);
        let ask = row.place.ask.clone();
        let definition = ask.definition.clone();
        if let Some(counted) = counted {
            let slot = counted.number % u64::from(counted.limit);
            self.rates
                .insert((definition.clone(), slot), (counted.number, now));
        }
        self.begins.entry(definition).or_default().push(now);
        gate.began(run, now);
        self.check(&ask, now);
    }

    fn check(&self, ask: &Ask, now: Timestamp) {
        let same = |row: &&Row| row.place.ask.definition == ask.definition;
        let going = self.going().filter(same).count();
        assert!(
            ask.limits.runs.is_none_or(|limit| going <= limit as usize),
            "{going} go: {ask:?}"
        );
        if ask.key.is_some() {
            let group = self
                .going()
                .filter(same)
                .filter(|row| row.place.ask.key == ask.key)
                .count();
            assert!(
                ask.limits.per_key.is_none_or(|limit| group <= limit as usize),
                "{group} go: {ask:?}"
            );
        }
        if let Some(rate) = ask.limits.rate {
            let begins = &self.begins[&ask.definition];
            let period = SignedDuration::from_millis(rate.period_ms);
            let recent = begins
                .iter()
                .filter(|at| now.duration_since(**at) < period)
                .count();
            assert!(recent <= rate.limit as usize, "{recent} began: {ask:?}");
        }
    }

    /// What a start of the daemon makes of the rows.
    fn reopen(&mut self, most: Most) -> Gate {
        let gate = opened(most);
        for (run, row) in &self.rows {
            let tracked = row.place.waits() || row.place.ask.limits.any();
            gate.restore(ORG, *run, tracked.then_some(&row.place));
        }
        for ((definition, _), (number, at)) in &self.rates {
            gate.restore_rate(ORG, definition, *number, *at);
        }
        gate
    }

    /// Whoever waits although nothing is in the way was forgotten.
    fn nobody_is_forgotten(&self, most: Most, now: Timestamp) {
        let full = most.going.is_some_and(|most| self.going().count() >= most);
        for row in self.rows.values().filter(|row| row.place.waits()) {
            let ask = &row.place.ask;
            let same = |other: &&Row| other.place.ask.definition == ask.definition;
            let before = self.rows.values().filter(same).any(|other| {
                let turn = |row: &Row| Turn::of(&row.place.ask, row.place.ticket.unwrap_or_default());
                other.place.waits() && turn(other) < turn(row)
            });
            let going = self.going().filter(same).count();
            let group = self
                .going()
                .filter(same)
                .filter(|other| other.place.ask.key == ask.key)
                .count();
            let rated = ask.limits.rate.is_some_and(|rate| {
                let period = SignedDuration::from_millis(rate.period_ms);
                let begins = self.begins.get(&ask.definition);
                let recent = begins
                    .into_iter()
                    .flatten()
                    .filter(|at| now.duration_since(**at) < period);
                recent.count() >= rate.limit as usize
            });
            let blocked = full && !ask.child
                || before
                || ask.limits.runs.is_some_and(|limit| going >= limit as usize)
                || ask.key.is_some() && ask.limits.per_key.is_some_and(|limit| group >= limit as usize)
                || rated;
            assert!(blocked, "nothing is in the way of {ask:?}");
        }
    }
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn any_ask(rng: &mut Rng) -> Ask {
    let kind = rng.below(4);
    let limits = match kind {
        0 => runs(2),
        1 => Limits {
            runs: Some(5),
            per_key: Some(1),
            rate: None,
        },
        2 => Limits {
            rate: Some(Rate {
                limit: 3,
                period_ms: 50,
            }),
            runs: Some(4),
            per_key: None,
        },
        _ => Limits::default(),
    };
    Ask {
        definition: format!("w{kind}"),
        key: (kind == 1 && rng.below(4) > 0).then(|| format!("k{}", rng.below(3))),
        limits,
        priority: i32::try_from(rng.below(3)).unwrap() - 1,
        child: rng.below(8) == 0,
    }
}

/// A gate, the list beside it, and the runs that were let through and have not begun yet.
struct Story {
    rng: Rng,
    gate: Gate,
    model: Model,
    now: Timestamp,
    through: Vec<Admitted>,
}

const MOST: Most = Most {
    going: Some(7),
    waiting: None,
};

impl Story {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            gate: opened(MOST),
            model: Model::default(),
            now: at(0),
            through: Vec::new(),
        }
    }

    fn start(&mut self) {
        let run = RunId(uuid::Uuid::from_u128(u128::from(self.rng.below(u64::MAX))));
        let ask = any_ask(&mut self.rng);
        let (answer, more) = self.gate.ask(ORG, run, &ask, self.now);
        self.through.extend(more);
        let ticket = match answer {
            Answer::Begin(counted) => {
                self.through.push(Admitted { run, counted });
                Some(u64::MAX)
            }
            Answer::Wait(ticket) => Some(ticket),
            Answer::Full(most) => panic!("{most}"),
        };
        let place = Place { ask, ticket };
        self.model.rows.insert(run, Row { place, began: None });
    }

    /// One of the runs that have begun, or of those that have not.
    fn any(&mut self, begun: bool) -> Option<RunId> {
        let rows = self
            .model
            .rows
            .iter()
            .filter(|(_, row)| row.began.is_some() == begun);
        let runs: Vec<RunId> = rows.map(|(run, _)| *run).collect();
        runs.get(usize::try_from(self.rng.below(8)).unwrap()).copied()
    }

    fn end(&mut self) {
        if let Some(run) = self.any(true) {
            self.model.rows.remove(&run);
            self.through.extend(self.gate.leave(run, true, self.now));
        }
    }

    /// Cancelled while it waits, or just as its turn has come, or never made durable.
    fn cancel(&mut self) {
        if let Some(run) = self.any(false) {
            let went = self.model.rows.remove(&run).unwrap().place.ticket == Some(u64::MAX);
            self.through.retain(|admitted| admitted.run != run);
            self.through.extend(self.gate.leave(run, went, self.now));
        }
    }

    /// A new run whose beginning did not become durable never was.
    fn restart(&mut self) {
        self.model
            .rows
            .retain(|_, row| row.place.ticket != Some(u64::MAX));
        self.through.clear();
        self.gate = self.model.reopen(MOST);
        self.through.extend(self.gate.pass(self.now));
    }

    fn begin_all(&mut self) {
        let mut through = std::mem::take(&mut self.through);
        for _ in 0..2 {
            for admitted in through {
                self.model
                    .begin(&self.gate, admitted.run, admitted.counted, self.now);
            }
            through = self.gate.pass(self.now);
        }
        self.through = through;
        if self.through.is_empty() {
            self.model.nobody_is_forgotten(MOST, self.now);
        }
    }

    fn go_on(&mut self) {
        let step = i64::try_from(self.rng.below(8)).unwrap();
        self.now = self.now.checked_add(SignedDuration::from_millis(step)).unwrap();
        match self.rng.below(10) {
            0..=3 => self.start(),
            4..=6 => self.end(),
            7 => self.cancel(),
            8 if self.rng.below(10) == 0 => self.restart(),
            _ => self.through.extend(self.gate.pass(self.now)),
        }
        // Some begin at once, some later.
        if self.rng.below(4) > 0 {
            self.begin_all();
        }
    }
}

#[test]
fn limits_order_and_restarts_against_a_list_that_is_counted_anew() {
    let seeds = std::env::var("DIRIGENT_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(300);
    for seed in 1..=seeds {
        let told = std::panic::catch_unwind(|| {
            let mut story = Story::new(seed);
            (0..600).for_each(|_| story.go_on());
        });
        assert!(told.is_ok(), "seed {seed}");
    }
}
