//! Runs of every kind, recorded and played again.

use std::collections::BTreeMap;

use dirigent_protocol::recording::{Difference, RecordedWorkflow, Recorder, Recording, compare};
use dirigent_protocol::run::{BusPosition, Decision, EffectOutcome, Pins};
use serde_json::json;

use super::{Played, Player};
use crate::machine::Migrate;
use crate::testing::{Bench, Run, done, failed};
use crate::upgrade::Alignment;
use crate::{Answers, Stimulus, Workflow, evaluate};

fn record(bench: &Bench, run: &Run) -> Recording {
    record_after(&[], bench, run)
}

/// As a run that was on other versions before.
fn record_after(earlier: &[&Bench], bench: &Bench, run: &Run) -> Recording {
    let mut recorder = Recorder::default();
    run.journal.iter().for_each(|event| recorder.note(event));
    let version = |bench: &Bench| RecordedWorkflow {
        name: "test".to_owned(),
        version: String::new(),
        digest: bench.workflow().digest(),
        file: None,
        source: String::new(),
    };
    let before = earlier.iter().map(|bench| version(bench)).collect();
    let recording = recorder
        .finish(run.state.run(), version(bench), before, BTreeMap::new())
        .unwrap();
    let text = serde_json::to_string(&recording).unwrap();
    let again: Recording = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text, "it reads back");
    again
}

fn play(recording: &Recording, workflow: &Workflow) -> (Vec<Difference>, Vec<String>) {
    play_after(&[], recording, workflow)
}

fn play_after(
    earlier: &[&Bench],
    recording: &Recording,
    workflow: &Workflow,
) -> (Vec<Difference>, Vec<String>) {
    let earlier = earlier.iter().map(|bench| bench.shared()).collect();
    let mut player = Player::new(recording, workflow).after(earlier);
    let mut answers = Answers::default();
    for _ in 0..100_000 {
        match player.play(&answers) {
            Played::On => answers = Answers::default(),
            Played::Ask(requests) => requests
                .iter()
                .for_each(|request| answers.insert(evaluate(request))),
            Played::Over => {
                let strays = player.strays().iter().map(|stray| format!("{stray:?}")).collect();
                return (compare(recording, &player.expected(), player.asked()), strays);
            }
        }
    }
    panic!("it does not end");
}

fn replays(bench: &Bench, run: &Run) -> Recording {
    let recording = record(bench, run);
    let (differences, strays) = play(&recording, bench.workflow());
    assert!(
        differences.is_empty() && strays.is_empty(),
        "{differences:#?} {strays:#?}"
    );
    recording
}

fn settle_all(run: &mut Run, mut outcome: impl FnMut(usize) -> EffectOutcome) {
    for round in 0..200 {
        if let Some(effect) = run.intended().last().copied() {
            run.settle(effect, outcome(round));
        } else if run.state.next_due().is_some() && run.approvals().is_empty() {
            run.advance();
        } else {
            return;
        }
    }
}

#[test]
fn loops_forks_guards_retries_and_timers_replay() {
    let bench = Bench::yaml(
        "do:
  - each:
      for: { each: x, in: '${ [1, 2, 3] }' }
      do: [ { work: { call: noop, with: { x: '${ $x }' } } } ]
  - side:
      fork:
        branches:
          - a: { call: noop, with: { a: 1 } }
          - b: { do: [ { rest: { wait: PT1H } }, { c: { call: noop, with: { c: 1 } } } ] }
  - race: { fork: { compete: true, branches: [ { p: { call: noop } }, { q: { wait: PT9H } } ] } }
  - guard:
      try: [ { risky: { call: noop, metadata: { dirigent: { max_attempts: 3 } } } } ]
      catch: { do: [ { mend: { set: { mended: '${ now | type }' } } } ] }
  - end: { set: { out: '${ . }' } }
",
    );
    let mut run = bench.start(json!({ "in": 1 }));
    settle_all(&mut run, |round| match round {
        7.. => failed("communication", 503, true),
        _ => done(json!({ "round": round })),
    });
    assert_eq!(run.status(), "completed", "{:?}", run.names());
    let recording = replays(&bench, &run);
    assert!(run.names().contains(&"task.retried"));
    assert_eq!(recording.expect.output.as_deref(), Some(&run.output()));
}

#[test]
fn a_fork_from_every_event_and_a_cancelled_retry_replay() {
    let bench = Bench::yaml(
        "use: { functions: { back: { call: noop, with: { back: '${ .output }' } } } }
do:
  - first: { call: noop, with: { n: '${ .n }' }, metadata: { dirigent: { compensate: back } } }
  - tell: { emit: { event: { with: { source: 'https://tests', type: told } } } }
  - side: { fork: { branches: [ { a: { call: noop } }, { b: { set: { b: 1 } } }, { c: { wait: PT1H } } ] } }
  - ask: { call: approval, with: { title: 'Go?', expires: PT5M, on_expire: continue } }
  - each: { for: { each: x, in: '${ [1, 2] }' }, do: [ { w: { call: noop, with: { x: '${ $x }' } } } ] }
  - last: { set: { out: '${ . }', n: '${ $workflow.input.n }' } }
",
    );
    let mut origin = bench.start(json!({ "n": 1 }));
    let end = |run: &mut Run| {
        for _ in 0..200 {
            if let Some(effect) = run.intended().first().copied() {
                run.settle(effect, done(json!({ "done": true })));
            } else if run.state.next_due().is_some() {
                run.advance();
            }
        }
    };
    end(&mut origin);
    assert_eq!(origin.status(), "completed", "{:?}", origin.names());
    for at in 1..origin.journal.len() as u64 {
        for input in [None, Some(json!({ "n": 2 }))] {
            let mut fork = origin.fork(at, input);
            end(&mut fork);
            assert_eq!(fork.status(), "completed", "from {at}: {:?}", fork.names());
            replays(&bench, &fork);
        }
    }
    let asked = origin
        .names()
        .iter()
        .position(|name| *name == "approval.requested");
    for left in [0, 1_000] {
        let mut retry = origin.retry(asked.unwrap() as u64 + 1);
        let cancel = Stimulus::Cancel {
            by: "ada".into(),
            reason: None,
        };
        retry.tell(cancel).unwrap();
        retry.tell(Stimulus::Undo { left }).unwrap();
        end(&mut retry);
        assert_eq!(retry.status(), "cancelled");
        let undone = retry.names().contains(&"task.compensating");
        assert_eq!(undone, left == 0);
        replays(&bench, &retry);
    }
}

#[test]
fn decisions_votes_edits_and_expiry_replay() {
    let text = "do:
  - ask:
      call: approval
      with: { title: Go?, show: { n: '${ .n }' }, approvers: { users: [ada, bob], quorum: 2 } }
  - again: { call: approval, with: { title: Again?, expires: PT5M, on_expire: continue } }
  - end: { set: { out: '${ . }' } }
";
    let bench = Bench::yaml(text);
    let mut run = bench.start(json!({ "n": 1 }));
    run.decide_as("ada", Decision::Approve { edited: None }).unwrap();
    let edited = Some(json!({ "n": 2 }));
    run.decide_as("bob", Decision::Approve { edited }).unwrap();
    run.decide_as("ada", Decision::Approve { edited: None }).unwrap();
    run.advance();
    assert_eq!(run.output()["out"]["decision"], "expired");
    let recording = replays(&bench, &run);
    let other = Bench::yaml(&text.replace("title: Go?", "title: Really?"));
    let (differences, _) = play(&recording, other.workflow());
    let fields: Vec<(String, &str)> = differences
        .iter()
        .map(|found| (found.step.as_ref().unwrap().to_string(), found.field.as_str()))
        .collect();
    let ask = "/do/0/ask".to_owned();
    assert_eq!(
        fields,
        [(ask.clone(), "approval/title"), (ask, "approval/action")]
    );
}

#[test]
fn a_denial_that_stops_cancels_and_compensations_replay() {
    let bench = Bench::yaml(
        "use: { functions: { refund: { call: noop, with: { undo: '${ .output.paid }' } } } }
do:
  - pay: { call: noop, metadata: { dirigent: { compensate: refund } } }
  - ask: { call: approval, with: { title: Go? } }
",
    );
    let mut run = bench.start(json!({}));
    let pay = run.intended()[0];
    run.settle(pay, done(json!({ "paid": 3 })));
    run.deny_and_stop().unwrap();
    let undo = run.intended()[0];
    run.settle(undo, done(json!({})));
    assert_eq!(run.status(), "cancelled");
    replays(&bench, &run);
}

#[test]
fn events_pauses_and_restarts_replay() {
    let bench = Bench::yaml(
        "do:
  - hear: { listen: { to: { one: { with: { type: order.placed } } } } }
  - work: { call: noop, with: { got: '${ .[0].id }' } }
  - tell: { emit: { event: { with: { source: 'https://x', type: order.done, data: { n: '${ . }' } } } } }
",
    );
    let mut run = bench.start(json!({}));
    let listens: Vec<u64> = run.state.listens().map(|(frame, _)| frame).collect();
    let event = json!({ "specversion": "1.0", "id": "1", "source": "x", "type": "order.placed", "data": { "id": 7 } });
    run.tell(Stimulus::Received {
        at: BusPosition { commit: 4, index: 0 },
        event: event.into(),
        listens,
    })
    .unwrap();
    run.tell(Stimulus::Recovered).unwrap();
    run.tell(Stimulus::Pause { by: "dana".into() }).unwrap();
    let work = run.intended()[0];
    run.settle(work, done(json!({ "ok": true })));
    run.pass(60);
    run.tell(Stimulus::Resume { by: "dana".into() }).unwrap();
    assert_eq!(run.status(), "completed");
    let recording = replays(&bench, &run);
    assert_eq!(recording.expect.emitted.len(), 1);
    assert_eq!(recording.boundary.len(), 5, "{:#?}", recording.boundary);
}

const STEPS: &str = "do:
  - one: { call: http, with: { method: get, endpoint: 'https://x/1' } }
  - two: { call: noop, with: { prompt: 'Be kind to ${ .who }' } }
  - end: { set: { out: '${ .said }' } }
";

fn recorded() -> Recording {
    let bench = Bench::yaml(STEPS);
    let mut run = bench.start(json!({}));
    for output in [json!({ "who": "Ada" }), json!({ "said": "yes" })] {
        let effect = run.intended()[0];
        run.settle(effect, done(output));
    }
    replays(&bench, &run)
}

fn against(text: &str) -> Vec<(String, String)> {
    let (differences, _) = play(&recorded(), Bench::yaml(text).workflow());
    let step = |found: &Difference| found.step.as_ref().map_or_else(String::new, ToString::to_string);
    differences
        .iter()
        .map(|found| (step(found), found.field.clone()))
        .collect()
}

#[test]
fn what_changed_is_named_by_step_and_field() {
    let pair = |step: &str, field: &str| (step.to_owned(), field.to_owned());
    let uri = against(&STEPS.replace("https://x/1", "https://x/2"));
    assert_eq!(uri, [pair("/do/0/one", "request/http/uri")]);
    let prompt = against(&STEPS.replace("Be kind", "Be brief"));
    assert_eq!(prompt, [pair("/do/1/two", "request/noop/value/prompt")]);
    let shape = against(&STEPS.replace("out:", "result:"));
    assert_eq!(shape, [pair("", "output/out"), pair("", "output/result")]);
    let more = against(&STEPS.replace("  - end:", "  - three: { call: noop }\n  - end:"));
    assert_eq!(
        more,
        [
            pair("/do/2/three", "request"),
            pair("/do/2/end", "order"),
            pair("", "status"),
            pair("", "output")
        ]
    );
    let fewer = against(&STEPS.replace(
        "  - two: { call: noop, with: { prompt: 'Be kind to ${ .who }' } }\n",
        "",
    ));
    assert_eq!(
        fewer,
        [
            pair("/do/1/two", "request"),
            pair("/do/1/two", "order"),
            pair("", "output/out")
        ]
    );
}

#[test]
fn a_run_that_goes_on_is_no_test() {
    let bench = Bench::yaml(STEPS);
    let run = bench.start(json!({}));
    let refused = |run: &Run| {
        let mut recorder = Recorder::default();
        run.journal.iter().for_each(|event| recorder.note(event));
        let workflow = recorded().workflow;
        recorder
            .finish(run.state.run(), workflow, Vec::new(), BTreeMap::new())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&run).contains("has not ended"));
    let at = run.journal.len() as u64;
    assert!(refused(&run.fork(at, None)).contains("has not ended"));
}

/// A task is new in front, another one between: all others stand elsewhere then.
#[test]
fn a_run_that_changed_its_version_in_flight_replays_on_the_versions_it_had() {
    let first = Bench::yaml(
        "do:
  - work: { call: noop, with: { n: 1 } }
  - ask: { call: approval, with: { title: 'Go?', show: { n: 1 } } }
  - rest: { wait: PT1H }
  - last: { call: noop, with: { was: '${ . }' } }
",
    );
    let second = Bench::yaml(
        "do:
  - fresh: { set: { fresh: true } }
  - work: { call: noop, with: { n: 1 } }
  - ask: { call: approval, with: { title: 'Go?', show: { n: 1 } } }
  - between: { call: noop }
  - rest: { wait: PT1H }
  - last: { call: noop, with: { now: '${ . }' } }
",
    );
    for place in 0..3 {
        let mut run = first.start(json!({}));
        let effect = run.intended()[0];
        if place > 0 {
            run.settle(effect, done(json!({ "a": 1 })));
        }
        if place > 1 {
            run.decide_approval(Decision::Approve { edited: None }, None)
                .unwrap();
        }
        let migrate = Migrate {
            old: first.shared(),
            moved: Alignment::of(first.workflow(), second.workflow()).moved(),
            passed: vec!["/do/0/fresh".into()],
            pins: Pins::default(),
            by: "dana".to_owned(),
        };
        run.swap(&second);
        run.tell(Stimulus::Migrate(migrate)).unwrap();
        for round in 0..20 {
            if let Some(effect) = run.intended().first().copied() {
                run.settle(effect, done(json!({ "round": round })));
            } else if !run.approvals().is_empty() {
                run.decide_approval(Decision::Approve { edited: None }, None)
                    .unwrap();
            } else if run.state.next_due().is_some() {
                run.advance();
            }
        }
        assert_eq!(run.status(), "completed", "place {place}: {:?}", run.names());
        let recording = record_after(&[&first], &second, &run);
        let (differences, strays) = play_after(&[&first], &recording, second.workflow());
        assert!(
            differences.is_empty() && strays.is_empty(),
            "place {place}: {differences:#?} {strays:#?}"
        );
        let (differences, _) = play(&recording, second.workflow());
        assert!(
            !differences.is_empty(),
            "on the new version alone it is another run"
        );
    }
}
