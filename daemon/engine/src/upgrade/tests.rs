//! Runs of one version, held against and migrated to another.

use std::sync::Arc;

use dirigent_protocol::run::{Decision, EventBody, Pins};
use dirigent_protocol::upgrade::{Finding, Reason};
use serde_json::{Value, json};

use super::{Alignment, Trace, check, passed};
use crate::testing::{Bench, Run, done};
use crate::{Migrate, Refusal, Stimulus};

fn findings(old: &Bench, new: &Bench, run: &Run) -> Vec<Finding> {
    let mut trace = Trace::default();
    run.journal.iter().for_each(|event| trace.note(event));
    check(&Alignment::of(old.workflow(), new.workflow()), &run.state, &trace)
}

fn breaks(old: &Bench, new: &Bench, run: &Run) -> Vec<(Reason, String)> {
    let found = findings(old, new, run)
        .into_iter()
        .filter(|finding| finding.breaks);
    found
        .map(|finding| (finding.reason, finding.step.to_string()))
        .collect()
}

fn migrate(old: &Bench, new: &Bench, run: &mut Run) -> Result<(), Refusal> {
    let found = findings(old, new, run);
    assert!(found.iter().all(|finding| !finding.breaks), "{found:#?}");
    let stimulus = Stimulus::Migrate(Migrate {
        old: old.shared(),
        moved: Alignment::of(old.workflow(), new.workflow()).moved(),
        passed: passed(&found),
        pins: Pins::default(),
        by: "dana".to_owned(),
    });
    run.swap(new);
    run.tell(stimulus).map(drop)
}

fn finish(run: &mut Run) -> Value {
    for _ in 0..50 {
        if let Some(effect) = run.intended().first().copied() {
            run.settle(effect, done(json!({ "done": true })));
        } else if !run.approvals().is_empty() {
            run.decide_approval(Decision::Approve { edited: None }, None)
                .unwrap();
        } else if run.state.next_due().is_some() {
            run.advance();
        } else {
            break;
        }
    }
    run.output()
}

const OLD: &str = "do:
  - first: { call: noop, with: { n: 1 } }
  - ask: { call: approval, with: { title: 'Go on?', show: { n: 1 } } }
  - pause: { wait: PT1H }
  - last: { set: { version: 1 } }
";
const NEW: &str = "do:
  - fresh: { set: { fresh: true } }
  - first: { call: noop, with: { n: 1 } }
  - ask: { call: approval, with: { title: 'Go on?', show: { n: 1 } } }
  - last: { set: { version: 2, was: '${ . }' } }
";
const PASS: &str = "metadata: { dirigent: { migrate: { pass: [fresh] } } }";

/// At `first`, `ask`, `pause`.
fn at(old: &Bench, place: usize) -> Run {
    let mut run = old.start(json!({}));
    if place > 0 {
        let effect = run.intended()[0];
        run.settle(effect, done(json!({ "a": 1 })));
    }
    if place > 1 {
        run.decide_approval(Decision::Approve { edited: None }, None)
            .unwrap();
    }
    run
}

#[test]
fn each_run_says_which_of_its_steps_breaks() {
    let (old, new) = (Bench::yaml(OLD), Bench::yaml(NEW));
    let fresh = (Reason::Inserted, "/do/0/fresh".to_owned());
    let only = std::slice::from_ref(&fresh);
    assert_eq!(breaks(&old, &new, &at(&old, 0)), only);
    assert_eq!(breaks(&old, &new, &at(&old, 1)), only);
    let gone = (Reason::Removed, "/do/2/pause".to_owned());
    assert_eq!(breaks(&old, &new, &at(&old, 2)), [fresh, gone.clone()]);
    let passing = Bench::declaring(PASS, NEW);
    assert_eq!(breaks(&old, &passing, &at(&old, 1)), []);
    assert_eq!(breaks(&old, &passing, &at(&old, 2)), [gone]);
}

#[test]
fn a_migrated_run_ends_as_the_new_version_says_and_repeats_nothing() {
    let (old, new) = (Bench::yaml(OLD), Bench::declaring(PASS, NEW));
    let mut run = at(&old, 0);
    let (effect, key) = (run.intended()[0], run.key(run.intended()[0]));
    migrate(&old, &new, &mut run).unwrap();
    assert_eq!(
        (run.intended(), run.key(effect)),
        (vec![effect], key),
        "in flight as it was"
    );
    assert_eq!(run.state.effect(effect).unwrap().step.to_string(), "/do/1/first");
    let output = finish(&mut run);
    assert_eq!(output["version"], 2);
    let intents = run
        .names()
        .iter()
        .filter(|name| **name == "effect.intended")
        .count();
    assert_eq!(intents, 1);
    let passed = run.journal.iter().find_map(|event| match &event.body {
        EventBody::WorkflowMigrated { passed, .. } => Some(passed.clone()),
        _ => None,
    });
    assert_eq!(passed.unwrap(), [Arc::from("/do/0/fresh")]);
}

#[test]
fn a_question_keeps_its_name_unless_it_shows_something_else() {
    let old = Bench::yaml(OLD);
    let same = Bench::declaring(PASS, NEW);
    let mut run = at(&old, 1);
    let before = run.approvals()[0].clone();
    migrate(&old, &same, &mut run).unwrap();
    let after = run.approvals()[0].clone();
    assert_eq!((after.id, after.digest), (before.id, before.digest));
    assert_eq!(after.step.to_string(), "/do/2/ask");
    assert_eq!(finish(&mut run)["version"], 2);

    let other = Bench::declaring(PASS, &NEW.replace("show: { n: 1 }", "show: { n: 2 }"));
    let mut run = at(&old, 1);
    migrate(&old, &other, &mut run).unwrap();
    let asked = run.approvals();
    assert_eq!(asked.len(), 1);
    assert_ne!((asked[0].id, asked[0].digest), (before.id, before.digest));
    assert!(run.decide_again(&before).is_err(), "the old yes does not count");
    assert_eq!(finish(&mut run)["was"]["payload"]["n"], 2);
}

#[test]
fn a_renamed_step_is_guessed_and_aligns_once_it_is_declared() {
    let old = Bench::yaml(OLD);
    let text = OLD.replace("pause:", "rest:");
    let run = at(&old, 2);
    let found = findings(&old, &Bench::yaml(&text), &run);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].reason, Reason::Renamed);
    assert!(
        found[0]
            .help
            .as_ref()
            .unwrap()
            .contains("rename: { pause: rest }"),
        "{found:?}"
    );
    let declared = Bench::declaring(
        "metadata: { dirigent: { migrate: { rename: { pause: rest } } } }",
        &text,
    );
    let mut run = at(&old, 2);
    migrate(&old, &declared, &mut run).unwrap();
    assert_eq!(finish(&mut run), json!({ "version": 1 }));
}

const DEEP_OLD: &str = "do:
  - each:
      for: { each: x, in: '${ [1, 2] }' }
      do:
        - work: { call: noop, with: { x: '${ $x }' } }
        - rest: { wait: PT1M }
  - side:
      fork:
        branches:
          - a: { call: noop, with: { a: 1 } }
          - b: { wait: PT1H }
  - guard:
      try:
        - risky: { call: noop, with: { r: 1 } }
      catch: { do: [ { mend: { set: { mended: true } } } ] }
  - end: { set: { out: '${ . }' } }
";

#[test]
fn loops_forks_and_guards_go_on_where_they_are() {
    let old = Bench::yaml(DEEP_OLD);
    let text = DEEP_OLD
        .replacen("do:\n  - each", "do:\n  - before: { set: { x: 0 } }\n  - each", 1)
        .replace("mend: { set: { mended: true } }", "mend: { set: { mended: 2 } }");
    let new = Bench::declaring("metadata: { dirigent: { migrate: { pass: [before] } } }", &text);
    for stop in 0..9 {
        let mut run = old.start(json!({}));
        for _ in 0..stop {
            match run.intended().first().copied() {
                Some(effect) => drop(run.settle(effect, done(json!({ "done": true })))),
                None if run.state.next_due().is_some() => run.advance(),
                None => {}
            }
        }
        if run.status() == "completed" {
            assert!(stop > 6, "{stop}");
            break;
        }
        migrate(&old, &new, &mut run).unwrap();
        let output = finish(&mut run);
        assert_eq!(output["out"], json!({ "done": true }), "after {stop}");
        let works = run
            .started()
            .iter()
            .filter(|step| step.contains("/work#"))
            .count();
        assert_eq!(works, 2, "after {stop}: {:?}", run.started());
    }
}

#[test]
fn branches_at_work_and_compensations_that_are_gone_break() {
    let old = Bench::yaml(DEEP_OLD);
    let wider = Bench::yaml(&DEEP_OLD.replace(
        "- b: { wait: PT1H }",
        "- b: { wait: PT1H }\n          - c: { set: { c: 1 } }",
    ));
    let mut run = old.start(json!({}));
    for _ in 0..5 {
        match run.intended().first().copied() {
            Some(effect) => drop(run.settle(effect, done(json!({})))),
            None => run.advance(),
        }
    }
    assert_eq!(
        breaks(&old, &wider, &run),
        [(Reason::Branches, "/do/1/side".to_owned())]
    );

    let text = "use: { functions: { refund: { call: noop } } }
do:
  - pay: { call: noop, metadata: { dirigent: { compensate: refund } } }
  - rest: { wait: PT1H }
";
    let old = Bench::yaml(text);
    let new = Bench::yaml(&text.replace(", metadata: { dirigent: { compensate: refund } }", ""));
    let mut run = old.start(json!({}));
    let effect = run.intended()[0];
    run.settle(effect, done(json!({})));
    assert_eq!(
        breaks(&old, &new, &run),
        [(Reason::Compensation, "/do/0/pay".to_owned())]
    );
    let verified =
        "do:\n  - pay: { call: noop, metadata: { dirigent: { verify: { set: { happened: true } } } } }\n";
    let (old, new) = (
        Bench::yaml(verified),
        Bench::yaml("do:\n  - pay: { call: noop }\n"),
    );
    let run = old.start(json!({}));
    assert_eq!(
        breaks(&old, &new, &run),
        [(Reason::Lookup, "/do/0/pay".to_owned())]
    );
}

#[test]
fn order_flow_kind_and_schema_break_by_name() {
    let text = "do:
  - a: { set: { v: 1 } }
  - b: { wait: PT1H }
  - c: { set: { v: 3 } }
";
    let old = Bench::yaml(text);
    let run = old.start(json!({}));
    let against = |text: &str| breaks(&old, &Bench::yaml(text), &run);
    let swapped = "do:
  - c: { set: { v: 3 } }
  - b: { wait: PT1H }
  - a: { set: { v: 1 } }
";
    let moved = |step: &str| (Reason::Moved, step.to_owned());
    assert_eq!(against(swapped), [moved("/do/0/a"), moved("/do/2/c")]);
    let leads = text.replace("a: { set: { v: 1 } }", "a: { set: { v: 1 }, then: c }");
    assert_eq!(against(&leads), [(Reason::Flow, "/do/0/a".to_owned())]);
    let other = text.replace("b: { wait: PT1H }", "b: { call: noop }");
    assert_eq!(against(&other), [(Reason::Kind, "/do/1/b".to_owned())]);
    let strict = text.replace(
        "b: { wait: PT1H }",
        "b: { wait: PT1H, input: { schema: { document: { required: [w] } } } }",
    );
    assert_eq!(against(&strict), [(Reason::Input, "/do/1/b".to_owned())]);
    let root = format!("input: {{ schema: {{ document: {{ required: [w] }} }} }}\n{text}");
    assert_eq!(against(&root), [(Reason::Input, String::new())]);
    let later = text.replace("PT1H", "PT2H");
    assert_eq!(against(&later), []);
}

#[test]
fn a_run_is_migrated_from_the_version_it_is_on_and_not_while_it_is_cancelled() {
    let (old, new) = (Bench::yaml(OLD), Bench::declaring(PASS, NEW));
    let mut run = at(&old, 0);
    migrate(&old, &new, &mut run).unwrap();
    let again = Stimulus::Migrate(Migrate {
        old: old.shared(),
        moved: Vec::new(),
        passed: Vec::new(),
        pins: Pins::default(),
        by: "dana".to_owned(),
    });
    assert!(matches!(run.tell(again), Err(Refusal::OtherVersion { .. })));
    let cancel = Stimulus::Cancel {
        by: "dana".into(),
        reason: None,
    };
    run.tell(cancel).unwrap();
    let found = findings(&new, &old, &run);
    assert_eq!(found[0].reason, Reason::Cancelling);
}

#[test]
fn a_run_goes_through_three_versions() {
    let first = Bench::yaml(OLD);
    let second = Bench::declaring(
        PASS,
        &OLD.replacen("do:\n", "do:\n  - fresh: { set: { f: 1 } }\n", 1),
    );
    let mut run = at(&first, 1);
    migrate(&first, &second, &mut run).unwrap();
    let third = Bench::declaring(PASS, NEW);
    migrate(&second, &third, &mut run).unwrap();
    assert_eq!(run.approvals()[0].step.to_string(), "/do/2/ask");
    assert_eq!(finish(&mut run)["version"], 2);
}
