//! What the outside saw, held against what the journals say.

use std::collections::BTreeSet;

use dirigent_protocol::run::{EffectId, EventBody, RunEvent, Status, StepId};

use super::outside::Outside;
use super::steps::{Policy, ROUNDS};
use super::storm::{Ended, Storming};

/// The name an effect goes by outside: the run's tag and the step's name, `r3-h2`.
pub(crate) fn effect_name(tag: &str, events: &[RunEvent], effect: EffectId) -> String {
    let step = step_of(events, effect);
    let around = step.pointer.split('/').nth(3).unwrap_or_default();
    format!("{tag}-{around}")
}

fn step_of(events: &[RunEvent], wanted: EffectId) -> StepId {
    events
        .iter()
        .find_map(|event| match &event.body {
            EventBody::EffectQueued { effect, step, .. } | EventBody::EffectIntended { effect, step, .. }
                if *effect == wanted =>
            {
                Some(step.clone())
            }
            _ => None,
        })
        .unwrap()
}

/// Checks the journal of a run that ended.
pub(crate) fn check_journal(run: &Storming) {
    let numbers: Vec<_> = run.shown.iter().map(|event| event.seq).collect();
    let gapless: Vec<_> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, gapless, "{}: the journal has a gap", run.tag);
    let mut settled = BTreeSet::new();
    for event in &run.shown {
        if let EventBody::EffectSettled { effect, .. } = &event.body {
            assert!(
                settled.insert(*effect),
                "{}: effect {effect:?} was settled twice",
                run.tag
            );
        }
    }
    assert_eq!(run.status, Status::Completed, "{}", run.tag);
    let last = run.shown.last().unwrap();
    assert_eq!(last.body.name(), "workflow.completed", "{}", run.tag);
}

fn names(tag: &str) -> impl Iterator<Item = String> {
    let one = move |round: usize| ["s", "h", "a"].map(|letter| format!("{tag}-{letter}{round}"));
    (0..ROUNDS).flat_map(one)
}

/// What the storm did.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) effects: usize,
    /// Effects in flight that went out again, with the same key, under `retry`.
    pub(crate) repeated: usize,
    /// Effects of `ask` and `fail` that never went out, because the daemon died before it could know.
    pub(crate) withheld: usize,
}

/// Checks every promise for every run.
pub(crate) fn check(outside: &Outside<'_>, runs: &[Ended]) -> Verdict {
    let mut verdict = Verdict::default();
    for run in runs {
        for name in names(&run.tag) {
            let requests = check_effect(outside.keys(&name), Policy::of(run.number), &name);
            verdict.effects += 1;
            verdict.repeated += requests.saturating_sub(1);
            verdict.withheld += usize::from(requests == 0);
        }
        for (name, counted) in &run.settled {
            let now = outside.keys(name).len();
            assert_eq!(
                now, *counted,
                "{name} was asked for again after its outcome was stored"
            );
        }
    }
    verdict
}

/// How often an effect was asked for.
fn check_effect(keys: &[String], policy: Policy, name: &str) -> usize {
    let distinct: BTreeSet<_> = keys.iter().collect();
    assert!(
        distinct.len() <= 1,
        "{name} went out under several keys: {keys:?}"
    );
    assert!(
        keys.iter().all(|key| !key.is_empty()),
        "{name} went out without a key"
    );
    match policy {
        Policy::Retry => assert!(!keys.is_empty(), "{name} was never done"),
        Policy::Ask | Policy::Fail => {
            assert!(
                keys.len() <= 1,
                "{name} went out {} times under {policy:?}",
                keys.len()
            );
        }
    }
    keys.len()
}
