use std::collections::{BTreeMap, BTreeSet};

use dirigent_protocol::run::{Decision as Verdict, EffectOutcome, EffectRequest, EventBody, RunEvent};
use serde_json::json;

use crate::testing::{Bench, Run, done, failed};

/// Every construct, with effects between.
const WHOLE: &str = "use:
  functions:
    twice: { call: noop, with: { n: '${ .n * 2 }' } }
timeout: { after: PT2H }
do:
  - first: { call: noop, with: { n: '${ .n }' } }
  - shape: { set: { n: '${ .n + 1 }', base: '${ $workflow.input.n }' }, export: { as: '${ { kept: . } }' } }
  - never: { if: .missing, call: noop }
  - way:
      switch:
        - big: { when: .n > 100, then: jumped }
        - small: { then: double }
  - jumped: { set: { jumped: true } }
  - double: { call: twice, with: { n: '${ .n }' } }
  - loop:
      for: { each: x, in: '${ [1, 2, 3] }', at: i }
      do:
        - odd: { if: $x != 2, call: noop, with: { n: '${ .n + $x }' } }
        - add: { set: { n: '${ .n + 1 }' } }
        - more: { call: noop, with: { n: '${ .n }' } }
  - guarded:
      try:
        - tick: { call: noop, with: { n: '${ .n }' } }
        - shaky: { call: noop, with: { shaky: true, n: '${ .n }' } }
      catch:
        retry: { delay: PT1S, limit: { attempt: { count: 1 } } }
        do:
          - mend: { call: noop, with: { n: 7 } }
          - mended: { set: { n: '${ .n + 1 }' } }
  - pause: { wait: PT10S }
  - all:
      timeout: { after: PT1H }
      fork:
        branches:
          - a: { call: noop, with: { a: '${ .n }' } }
          - skipped: { if: .missing, call: noop }
          - b:
              do:
                - b1: { call: noop, with: { b: '${ .n }' } }
                - b2: { set: { b: '${ .b + 1 }' } }
                - b3: { call: noop, with: '${ . }' }
          - race: { fork: { compete: true, branches: [ { x: { call: noop, with: 5 } }, { y: { wait: PT8H } } ] } }
          - c: { set: { c: 1 } }
  - person: { call: approval, with: { title: Go on?, action: go on, show: '${ . }' } }
  - last: { call: noop, with: { sum: '${ . }', kept: '${ $context.kept }' } }
";

/// Answers everything until the run is over. The same request gets the same answer; what is shaky fails.
fn finish(run: &mut Run) {
    for _ in 0..1_000 {
        if run.state.status().is_final() {
            return;
        }
        if let Some(effect) = run.intended().first().copied() {
            let EffectRequest::Noop { value } = run.request(effect) else {
                panic!("only noop here")
            };
            let outcome = if value.get("shaky").is_some() {
                failed("communication", 503, false)
            } else {
                done((*value).clone())
            };
            run.settle(effect, outcome);
        } else if !run.approvals().is_empty() {
            run.decide_approval(Verdict::Approve { edited: None }, None)
                .unwrap();
        } else {
            run.advance();
        }
    }
    panic!("it does not end");
}

/// How often each step's effect was intended.
fn intents(events: &[RunEvent]) -> BTreeMap<String, Vec<String>> {
    let mut intents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        if let EventBody::EffectIntended { step, key, .. } = &event.body {
            intents.entry(step.to_string()).or_default().push(key.clone());
        }
    }
    intents
}

/// Steps whose effect was done.
fn performed(events: &[RunEvent]) -> BTreeSet<String> {
    let mut open = BTreeMap::new();
    let mut done = BTreeSet::new();
    for event in events {
        match &event.body {
            EventBody::EffectIntended { effect, step, .. } => drop(open.insert(*effect, step.to_string())),
            EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Done { .. },
            } => done.extend(open.remove(effect)),
            EventBody::TaskRetried { step, .. } => {
                // Another attempt of a `try` performs what is inside it anew.
                done.retain(|known: &String| !known.starts_with(&step.to_string()));
            }
            _ => {}
        }
    }
    done
}

#[test]
fn from_every_event_it_comes_to_the_same_end_and_repeats_nothing_that_was_done() {
    let mut origin = Bench::yaml(WHOLE).start(json!({"n": 1}));
    finish(&mut origin);
    let wanted = origin.output();
    let keys: BTreeSet<String> = intents(&origin.journal).into_values().flatten().collect();
    let last = origin.journal.len() as u64;
    for at in 1..last {
        let mut fork = origin.fork(at, None);
        finish(&mut fork);
        let what = format!("from {at}: {:?}", origin.journal[at as usize - 1].body);
        assert_eq!(fork.status(), "completed", "{what}: {:?}", fork.state.error());
        assert_eq!(fork.output(), wanted, "{what}");
        let own = &fork.journal[at as usize..];
        let before = performed(&fork.journal[..at as usize]);
        let retried = own
            .iter()
            .any(|event| matches!(event.body, EventBody::TaskRetried { .. }));
        for (step, used) in intents(own) {
            let again = before.contains(&step) && !(retried && step.contains("guarded"));
            assert!(!again, "{what}: {step} was done and is performed again");
            for key in used {
                assert!(!keys.contains(&key), "{what}: {step} goes out with an old key");
            }
        }
    }
}

#[test]
fn a_fork_of_a_fork_comes_to_the_same_end() {
    let mut origin = Bench::yaml(WHOLE).start(json!({"n": 1}));
    finish(&mut origin);
    for at in (1..origin.journal.len() as u64).step_by(7) {
        let mut fork = origin.fork(at, None);
        finish(&mut fork);
        for again in (at + 1..fork.journal.len() as u64).step_by(11) {
            let mut second = fork.fork(again, None);
            finish(&mut second);
            assert_eq!(second.output(), origin.output(), "from {at}, then from {again}");
        }
    }
}

#[test]
fn another_input_reaches_what_is_still_to_come() {
    let text = "input: { from: '${ { n: .n } }' }
do:
  - a: { call: noop, with: { first: '${ $workflow.input.n }' } }
  - b: { call: noop, with: { first: '${ .first }', n: '${ $workflow.input.n }' } }
";
    let mut origin = Bench::yaml(text).start(json!({"n": 1}));
    finish(&mut origin);
    assert_eq!(origin.output(), json!({"first": 1, "n": 1}));
    let mut from_start = origin.fork(1, Some(json!({"n": 2})));
    finish(&mut from_start);
    assert_eq!(from_start.output(), json!({"first": 2, "n": 2}));
    let begun = origin
        .names()
        .iter()
        .position(|name| *name == "task.completed")
        .unwrap();
    let mut later = origin.fork(begun as u64 + 1, Some(json!({"n": 3})));
    finish(&mut later);
    assert_eq!(later.output(), json!({"first": 1, "n": 3}));
}

#[test]
fn an_input_that_does_not_fit_is_refused() {
    let text = "input: { schema: { document: { type: object, required: [n] } } }
do: [ { a: { call: noop } } ]
";
    let origin = Bench::yaml(text).start(json!({"n": 1}));
    let fork = crate::Fork {
        origin: origin.state.run(),
        at: 1,
        how: dirigent_protocol::run::Lineage::Forked,
        input: Some(std::sync::Arc::new(json!({}))),
    };
    let mut again = Bench::yaml(text).start(json!({"n": 1}));
    let refused = again.tell(crate::Stimulus::Fork(fork)).unwrap_err();
    assert!(matches!(refused, crate::Refusal::BadInput { .. }), "{refused}");
}

#[test]
fn the_limits_of_tasks_that_go_on_count_anew() {
    let text = "do:
  - slow: { timeout: { after: PT30M }, do: [ { a: { call: noop } }, { b: { call: noop } } ] }
";
    let mut origin = Bench::yaml(text).start(json!({}));
    let effect = origin.intended()[0];
    origin.settle(effect, done(json!(1)));
    let fork = origin.fork(origin.journal.len() as u64, None);
    assert_eq!(fork.seconds_to_next_timer(), 30 * 60, "an hour later");
    assert_eq!(
        fork.started().iter().filter(|step| step.ends_with("/a")).count(),
        1
    );
}
