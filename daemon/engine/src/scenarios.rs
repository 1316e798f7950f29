//! Stories of whole runs: permits, crashes, unknown outcomes, cancel, pause, the worker, chance.

use std::sync::Arc;

use dirigent_protocol::run::{
    Decision as Verdict, EffectId, EffectOutcome, EventBody, OnUnknown, Pins, Resolution, Status,
};
use serde_json::{Value, json};

use crate::testing::{Bench, Run, done, failed};
use crate::{Duty, EffectPhase, PermitClass, Permits, Refusal, Stimulus, all_duties, duties};

/// So many permits and no more.
struct Few(u32);

impl Permits for Few {
    fn try_acquire(&mut self, _class: PermitClass) -> bool {
        let free = self.0 > 0;
        self.0 -= u32::from(free);
        free
    }

    fn release(&mut self, _class: PermitClass) {
        self.0 += 1;
    }
}

fn start(run: &mut Run, input: Value) {
    run.tell(Stimulus::Start {
        input: Arc::new(input),
        pins: Pins::default(),
    })
    .unwrap();
}

const THREE: &str = "do:
  - f: { fork: { branches: [ { a: { call: noop } }, { b: { call: noop } }, { c: { call: noop } } ] } }
";

#[test]
fn without_a_permit_an_effect_is_queued_and_not_intended() {
    let mut run = Bench::yaml(THREE).idle(Box::new(Few(1)));
    start(&mut run, json!({}));
    assert_eq!(run.intended().len(), 1);
    assert_eq!(
        run.names()
            .iter()
            .filter(|name| **name == "effect.queued")
            .count(),
        2
    );
    let owed = all_duties(&run.state);
    assert_eq!(
        owed.iter()
            .filter(|duty| matches!(duty, Duty::Queue { .. }))
            .count(),
        2
    );
    // A crash now leaves one unknown, not three.
    let unknown = run.tell(Stimulus::Recovered).unwrap();
    assert_eq!(
        unknown
            .iter()
            .filter(|event| event.body.name() == "effect.unknown")
            .count(),
        1
    );
    let queued: Vec<EffectId> = run
        .state
        .effects()
        .filter(|e| e.phase == EffectPhase::Queued)
        .map(|e| e.id)
        .collect();
    let events = run.tell(Stimulus::Permitted { effect: queued[0] }).unwrap();
    let EventBody::EffectIntended { request: None, .. } = &events[0].body else {
        panic!("{events:?}")
    };
    assert!(matches!(
        run.tell(Stimulus::Permitted { effect: queued[0] }),
        Err(Refusal::NotWaiting { .. })
    ));
    assert!(matches!(
        duties(&run.state, &events)[0],
        Duty::Perform { again: false, .. }
    ));
}

#[test]
fn a_void_decision_keeps_no_permit() {
    let text = "do:
  - f: { fork: { branches: [ { a: { call: noop } }, { b: { set: { x: '${ [range(3)] }' } } } ] } }
";
    let mut run = Bench::yaml(text).idle(Box::new(Few(1)));
    start(&mut run, json!({}));
    assert_eq!(run.intended().len(), 1, "the permit of the first try came back");
}

#[test]
fn expressions_of_branches_go_to_the_worker_together() {
    let text = "do:
  - f: { fork: { branches: [ { a: { set: { x: '${ [range(2)] }' } } }, { b: { set: { y: '${ .t | test(\"^a+$\") }' } } } ] } }
  - g: { if: 'any(.[]; .y)', set: { z: '${ [.. | numbers] }' } }
";
    let mut run = Bench::yaml(text).start(json!({"t": "aaa"}));
    assert_eq!(run.output(), json!({"z": [0, 1]}));
    assert_eq!(run.commits(), 1, "asking the worker costs no commit");
}

#[test]
fn hostile_expressions_end_as_expression_errors() {
    for code in [
        "def f: .; [.[] | f] | error(\"x\")",
        "\"x\" * -1 | .a.b | .[0] | error",
        "fromjson",
    ] {
        let text = format!("do:\n  - a: {{ set: {{ x: '${{ {code} }}' }} }}\n");
        let error = Bench::yaml(&text).start(json!("[[[")).error();
        assert!(error.kind.ends_with("/expression"), "{code}: {error:?}");
    }
}

fn unknown(policy: &str) -> Run {
    let text = format!(
        "do:
  - a: {{ call: noop, with: {{ v: 1 }}, metadata: {{ dirigent: {{ on_unknown: {policy} }} }} }}
"
    );
    Bench::yaml(&text).start(json!({}))
}

#[test]
fn retry_performs_again_with_the_same_key() {
    let mut run = unknown("retry");
    let effect = run.intended()[0];
    let key = run.key(effect);
    let events = run.tell(Stimulus::Recovered).unwrap();
    let owed = duties(&run.state, &events);
    let [
        Duty::Perform {
            again: true,
            key: again,
            ..
        },
    ] = owed.as_slice()
    else {
        panic!("{owed:?}")
    };
    assert_eq!(**again, *key);
    run.settle(effect, done(json!({"v": 1})));
    assert_eq!(run.output(), json!({"v": 1}));
}

#[test]
fn retry_has_an_end() {
    let mut run = unknown("retry");
    let effect = run.intended()[0];
    for _ in 0..6 {
        run.settle(
            effect,
            EffectOutcome::Unknown {
                reason: "cut".to_owned(),
            },
        );
    }
    assert!(run.error().title.contains("Nobody knows"));
}

#[test]
fn ask_parks_until_a_person_says() {
    for (resolution, expected) in [
        (
            Resolution::Happened {
                output: Arc::new(json!("it did")),
            },
            "completed",
        ),
        (
            Resolution::Failed {
                reason: "it did not".to_owned(),
            },
            "faulted",
        ),
        (Resolution::Again, "running"),
    ] {
        let mut run = unknown("ask");
        let effect = run.intended()[0];
        let key = run.key(effect);
        let events = run.tell(Stimulus::Recovered).unwrap();
        assert!(duties(&run.state, &events).is_empty() && all_duties(&run.state).is_empty());
        assert_eq!(run.status(), "waiting");
        assert!(
            run.tell(Stimulus::Recovered).unwrap().is_empty(),
            "a second crash changes nothing"
        );
        let again = resolution == Resolution::Again;
        let events = run
            .tell(Stimulus::Resolve {
                effect,
                resolution,
                by: "ada".to_owned(),
            })
            .unwrap();
        assert_eq!(run.status(), expected);
        if again {
            assert_eq!(run.key(effect), key);
            assert!(matches!(
                duties(&run.state, &events)[0],
                Duty::Perform { again: true, .. }
            ));
        }
    }
}

#[test]
fn fail_fails_the_task() {
    let mut run = unknown("fail");
    let events = run.tell(Stimulus::Recovered).unwrap();
    assert!(matches!(
        &events[0].body,
        EventBody::EffectUnknown {
            policy: OnUnknown::Fail,
            ..
        }
    ));
    assert_eq!(run.error().instance.unwrap().to_string(), "/do/0/a");
}

#[test]
fn a_cancel_is_complete_when_nothing_is_left_running() {
    let mut run = Bench::yaml(
        "do:
  - f:
      fork:
        branches:
          - a: { call: noop }
          - b: { wait: PT1H }
          - c: { call: approval, with: { title: ok? } }
",
    )
    .start(json!({}));
    let effect = run.intended()[0];
    let events = run
        .tell(Stimulus::Cancel {
            by: "ada".to_owned(),
            reason: None,
        })
        .unwrap();
    let owed = duties(&run.state, &events);
    assert_eq!(owed, [Duty::Abort { effect, report: true }]);
    assert_eq!(run.status(), "running");
    assert_eq!(run.state.timers().count() + run.state.approvals().count(), 0);
    assert!(matches!(
        run.tell(Stimulus::Cancel {
            by: "eve".to_owned(),
            reason: None
        }),
        Err(Refusal::Cancelling)
    ));
    let events = run.settle(effect, done(json!("late")));
    let names: Vec<&str> = events.iter().map(|event| event.body.name()).collect();
    assert_eq!(names, ["effect.late", "workflow.cancelled"]);
    assert!(matches!(
        run.tell(Stimulus::Cancel {
            by: "ada".to_owned(),
            reason: None
        }),
        Err(Refusal::Ended(Status::Cancelled))
    ));
}

#[test]
fn while_paused_nothing_begins_and_nothing_is_lost() {
    let mut run = Bench::yaml(
        "do:
  - f: { fork: { branches: [ { a: { call: noop } }, { b: { wait: PT1M } }, { c: { call: approval, with: { title: ok? } } } ] } }
  - g: { call: noop }
",
    )
    .start(json!({}));
    let effect = run.intended()[0];
    run.tell(Stimulus::Pause { by: "ada".to_owned() }).unwrap();
    assert_eq!(run.status(), "suspended");
    run.settle(effect, done(json!("a")));
    run.advance();
    run.decide_approval(Verdict::Approve { edited: None }, None)
        .unwrap();
    assert!(run.intended().is_empty());
    assert!(!run.started().contains(&"/do/1/g".to_owned()));
    run.tell(Stimulus::Resume { by: "ada".to_owned() }).unwrap();
    assert_eq!(run.intended().len(), 1);
    assert!(run.tell(Stimulus::Resume { by: "ada".to_owned() }).is_err());
}

#[test]
fn what_comes_late_is_kept_and_not_used() {
    let mut run = Bench::yaml(
        "do:
  - a: { call: noop, timeout: { after: PT5S } }
  - never: { set: { x: 1 } }
",
    )
    .start(json!({}));
    run.advance();
    assert_eq!(run.error().status, 408);
    let mut run = Bench::yaml(
        "do:
  - t: { try: [ { a: { call: noop, timeout: { after: PT5S } } } ], catch: {} }
  - b: { wait: PT1H }
",
    )
    .start(json!({}));
    let effect = run.intended()[0];
    run.advance();
    let events = run.settle(effect, done(json!("late")));
    assert_eq!(events[0].body.name(), "effect.late");
    assert!(
        run.tell(Stimulus::TimerFired {
            timer: dirigent_protocol::run::TimerId(9_999)
        })
        .unwrap()
        .is_empty()
    );
}

#[test]
fn a_timer_never_fires_early() {
    let mut run = Bench::yaml("do:\n  - w: { wait: PT10S }\n").start(json!({}));
    let timer = run.state.timers().next().unwrap().id;
    run.pass(9);
    assert!(run.tell(Stimulus::TimerFired { timer }).unwrap().is_empty());
    run.pass(1);
    run.tell(Stimulus::TimerFired { timer }).unwrap();
    assert_eq!(run.status(), "completed");
}

#[test]
fn another_version_is_refused() {
    let mut run = Bench::yaml("do:\n  - w: { wait: PT10S }\n").start(json!({}));
    let other = Bench::yaml("do:\n  - w: { wait: PT11S }\n");
    run.swap(&other);
    assert!(matches!(
        run.tell(Stimulus::Recovered),
        Err(Refusal::OtherVersion { .. })
    ));
}

/// Every kind of task in one document.
const ALL: &str = "do:
  - prepare: { set: { n: 3, list: [1, 2, 3, 4] }, export: { as: '{ n: .n }' } }
  - each:
      for: { each: x, in: .list }
      do:
        - call: { call: noop, with: { got: '${ $x }', list: '${ .list }' } }
        - pick: { switch: [ { odd: { when: '$x % 2 == 1', then: log } } ], then: exit }
        - log: { run: { shell: { command: 'echo $1', arguments: [ '${ $x }' ] } }, output: { as: '{ list: [1,2,3,4] }' } }
  - careful:
      try:
        - risky: { call: http, with: { method: get, endpoint: 'https://h/x' }, timeout: { after: PT1M } }
      catch:
        errors: { with: { status: 503 } }
        retry: { delay: PT2S, backoff: { linear: {} }, jitter: { from: PT0S, to: PT1S }, limit: { attempt: { count: 2 } } }
        do: [ { note: { set: { failed: '${ $error.status }' } } } ]
  - race: { fork: { compete: true, branches: [ { a: { call: noop } }, { b: { wait: PT3S } }, { c: { call: agent, with: { agent: x } } } ] } }
  - all: { fork: { branches: [ { p: { call: approval, with: { title: ok, on_deny: continue, on_expire: continue } } }, { q: { do: [ { r: { call: noop } }, { s: { wait: PT1S } } ] } } ] } }
  - last: { if: '$context.n == 3', set: { end: '${ . }' } }
";

/// Plays a run with chance; whatever happens the journal replays to the same bytes (the bench compares), no key is
/// used for two attempts, and no step is performed after its outcome was recorded.
fn play(seed: u64) -> &'static str {
    let mut state = seed;
    let mut roll = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let mut run = Bench::yaml(ALL).idle(Box::new(Few(2)));
    start(&mut run, json!({}));
    for _ in 0..400 {
        if run.state.status().is_final() {
            break;
        }
        let effects: Vec<EffectId> = run.state.effects().map(|effect| effect.id).collect();
        let effect = effects.get(roll(effects.len())).copied();
        match (roll(20), effect) {
            (0..=9, Some(effect)) => {
                let phase = run.state.effect(effect).unwrap().phase.clone();
                let outcome = match roll(16) {
                    0 => failed("communication", 503, true),
                    1 => EffectOutcome::Unknown {
                        reason: "cut".to_owned(),
                    },
                    _ => done(json!({"ok": true, "list": [1, 2, 3, 4]})),
                };
                match phase {
                    EffectPhase::Queued => drop(run.tell(Stimulus::Permitted { effect })),
                    EffectPhase::Intended { .. } => drop(run.settle(effect, outcome)),
                    EffectPhase::Held | EffectPhase::Parked { .. } | EffectPhase::Verifying { .. } => {
                        drop(run.tell(Stimulus::Resolve {
                            effect,
                            resolution: Resolution::Again,
                            by: "a".to_owned(),
                        }));
                    }
                }
            }
            (10..=14, _) if run.state.next_due().is_some() => run.advance(),
            (15, _) => drop(run.tell(Stimulus::Recovered)),
            (16, _) => drop(run.tell(Stimulus::Pause { by: "ada".to_owned() })),
            (17 | 18, _) => drop(run.tell(Stimulus::Resume { by: "ada".to_owned() })),
            (19, _) if roll(8) == 0 => drop(run.tell(Stimulus::Cancel {
                by: "ada".to_owned(),
                reason: None,
            })),
            _ if !run.approvals().is_empty() => {
                let verdict = if roll(2) == 0 {
                    Verdict::Deny
                } else {
                    Verdict::Approve { edited: None }
                };
                drop(run.decide_approval(verdict, None));
            }
            _ => {}
        }
    }
    check_ledger(&run);
    run.status()
}

fn check_ledger(run: &Run) {
    let mut keys = std::collections::BTreeSet::new();
    let mut settled = std::collections::BTreeSet::new();
    for event in &run.journal {
        match &event.body {
            EventBody::EffectIntended { effect, key, .. } => {
                assert!(keys.insert(key.clone()), "key {key} is used twice");
                assert!(
                    !settled.contains(effect),
                    "effect {effect:?} begins after it ended"
                );
            }
            EventBody::EffectSettled { effect, .. } => {
                assert!(settled.insert(*effect), "{effect:?} ends twice")
            }
            _ => {}
        }
    }
}

#[test]
fn chance_finds_no_hole() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 1..150 {
        println!("seed {seed}");
        *ends.entry(play(seed)).or_insert(0) += 1;
    }
    println!("{ends:?}");
    assert!(ends.get("completed").is_some_and(|n| *n > 20), "{ends:?}");
}
