//! What the outside saw, held against what the journals say.

use std::collections::BTreeSet;

use dirigent_protocol::run::{EffectId, EventBody, RunEvent, Status, StepId};
use dirigent_tests::{Home, Server};

use super::storm::{Policy, Storming, shell_log};

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

/// The keys under which the outside was asked for an effect of that name, in order.
pub(crate) fn requests(server: &Server, home: &Home, name: &str) -> Vec<String> {
    let over_http = server.seen().into_iter().filter(|seen| {
        seen.what == format!("effect/{name}")
            || (seen.what == "chat" && seen.body.contains(&format!("\"{name}\"")))
    });
    let by_shell = shell_log(home);
    let by_shell = by_shell
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(who, _)| *who == name);
    over_http
        .map(|seen| seen.key.unwrap_or_default())
        .chain(by_shell.map(|(_, key)| key.to_owned()))
        .collect()
}

/// Checks every promise for every run.
pub(crate) fn check(home: &Home, server: &Server, runs: &[Storming]) {
    let mut repeated = 0;
    for run in runs {
        check_journal(run);
        for round in 0..6 {
            for letter in ["s", "h", "a"] {
                let name = format!("{}-{letter}{round}", run.tag);
                repeated += check_effect(home, server, run, &name);
            }
        }
        for (effect, counted) in &run.settled {
            let name = effect_name(&run.tag, &run.shown, *effect);
            let now = requests(server, home, &name).len();
            assert_eq!(
                now, *counted,
                "{name} was asked for again after its outcome was stored"
            );
        }
    }
    assert!(!runs.is_empty());
    println!(
        "{} runs ended right; {repeated} effects in flight were repeated with the same key",
        runs.len()
    );
}

fn check_journal(run: &Storming) {
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
    assert_eq!(run.status, Status::Completed, "{} ({:?})", run.tag, run.policy);
    let last = run.shown.last().unwrap();
    assert_eq!(last.body.name(), "workflow.completed", "{}", run.tag);
}

/// What the journal says of one effect.
fn story(run: &Storming, name: &str) -> String {
    let about = name.rsplit('-').next().unwrap_or_default();
    let lines = run.shown.iter().map(|event| event.to_json().to_string());
    let effects: Vec<_> = lines
        .filter(|line| line.contains(about) || !line.contains("task."))
        .collect();
    effects.join("\n")
}

/// How often an effect was repeated.
fn check_effect(home: &Home, server: &Server, run: &Storming, name: &str) -> usize {
    let keys = requests(server, home, name);
    let distinct: BTreeSet<_> = keys.iter().collect();
    assert!(
        distinct.len() <= 1,
        "{name} went out under several keys: {keys:?}"
    );
    assert!(
        keys.iter().all(|key| !key.is_empty()),
        "{name} went out without a key"
    );
    match run.policy {
        Policy::Retry => assert!(!keys.is_empty(), "{name} was never done:\n{}", story(run, name)),
        Policy::Ask | Policy::Fail => {
            assert!(
                keys.len() <= 1,
                "{name} went out {} times under {:?}",
                keys.len(),
                run.policy
            );
        }
    }
    keys.len().saturating_sub(1)
}
