//! Random decisions, changes, hand-overs and silences against a model of twenty lines. A failing seed is printed and is
//! repeated with `DIRIGENT_SEED`.

use std::collections::BTreeSet;

use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{Decision, DecisionRecord};
use serde_json::json;

use crate::testing::{Bench, Run};
use crate::{Refusal, Stimulus};

const CASES: u64 = 5_000;
const STEPS: usize = 24;
const PEOPLE: [&str; 5] = ["ada", "bo", "cy", "di", "ed"];

/// What should be the case.
struct Model {
    quorum: usize,
    content: u64,
    said_yes: BTreeSet<&'static str>,
    decided: Option<&'static str>,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

impl Model {
    fn yes(&mut self, who: &'static str, edited: Option<u64>) -> bool {
        if let Some(content) = edited.filter(|content| *content != self.content) {
            self.content = content;
            self.said_yes.clear();
        }
        let fresh = self.said_yes.insert(who);
        if fresh && self.said_yes.len() >= self.quorum {
            self.decided = Some("approved");
        }
        fresh
    }
}

#[test]
fn decisions_are_what_a_small_model_says() {
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let (first, count) = seed.map_or((1, CASES), |seed| (seed, 1));
    for seed in first..first + count {
        case(seed);
    }
}

fn case(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let quorum = 1 + dice.below(3);
    let text = format!(
        "do:\n  - ask: {{ call: approval, with: {{ title: Go?, show: {{ n: 0 }}, on_deny: continue, on_expire: continue, \
         approvers: {{ users: [ada, bo, cy, di, ed], quorum: {quorum} }} }} }}\n"
    );
    let mut run = Bench::yaml(&text).start(json!({}));
    let mut model = Model {
        quorum: usize::try_from(quorum).unwrap(),
        content: 0,
        said_yes: BTreeSet::new(),
        decided: None,
    };
    let first = run.approvals().remove(0);
    for step in 0..STEPS {
        let what = format!("seed {seed}, step {step}");
        one(&mut run, &mut model, &mut dice, &first, &what);
        let decided = (run.status() == "completed").then(|| run.output()["decision"].clone());
        assert_eq!(decided, model.decided.map(Into::into), "{what}");
        if model.decided.is_none() {
            let pending = run.approvals().remove(0);
            assert_eq!(pending.votes.len(), model.said_yes.len(), "{what}");
            assert_eq!(*pending.request.payload, json!({ "n": model.content }), "{what}");
        } else if model.decided == Some("approved") {
            assert_eq!(run.output()["payload"], json!({ "n": model.content }), "{what}");
        }
    }
}

fn one(run: &mut Run, model: &mut Model, dice: &mut Dice, first: &crate::PendingApproval, what: &str) {
    let who = PEOPLE[usize::try_from(dice.below(5)).unwrap()];
    let record = |decision, digest| DecisionRecord {
        decision,
        by: who.to_owned(),
        reason: None,
        digest,
        stops_run: false,
    };
    let approval = first.id;
    if model.decided.is_some() {
        let late = record(Decision::Approve { edited: None }, first.digest);
        let refused = run.tell(Stimulus::Decided {
            approval,
            record: late,
        });
        assert!(refused.is_err(), "{what}: a second decision");
        return;
    }
    let digest = run.approvals().remove(0).digest;
    match dice.below(16) {
        0..=6 => {
            let edited = (dice.below(4) == 0).then(|| dice.below(3));
            let decision = Decision::Approve {
                edited: edited.map(|n| json!({ "n": n })),
            };
            let said = run.tell(Stimulus::Decided {
                approval,
                record: record(decision, digest),
            });
            yes(&said, model.yes(who, edited), what);
        }
        7..=9 => {
            let content = dice.below(3);
            let amend = Stimulus::Amend {
                approval,
                digest,
                payload: std::sync::Arc::new(json!({ "n": content })),
                by: who.to_owned(),
            };
            run.tell(amend).unwrap();
            model.content = content;
            model.said_yes.clear();
        }
        10..=11 => run
            .delegate(who, PEOPLE[usize::try_from(dice.below(5)).unwrap()])
            .unwrap(),
        12..=13 => stale(
            run,
            approval,
            record(Decision::Approve { edited: None }, digest),
            what,
        ),
        14 => {
            let no = record(Decision::Deny, digest);
            run.tell(Stimulus::Decided { approval, record: no }).unwrap();
            model.decided = Some("denied");
        }
        _ => time(run, model, dice),
    }
}

/// Alone, an edit is a decision on what is edited; among several it is a new question.
fn yes<T: std::fmt::Debug>(said: &Result<T, Refusal>, counted: bool, what: &str) {
    assert_eq!(said.is_ok(), counted, "{what}: {said:?}");
    assert!(counted || matches!(said, Err(Refusal::Voted { .. })), "{what}");
}

fn stale(run: &mut Run, approval: EntityId, mut record: DecisionRecord, what: &str) {
    record.digest.0[0] ^= 1;
    let refused = run.tell(Stimulus::Decided { approval, record });
    assert!(matches!(refused, Err(Refusal::Stale { .. })), "{what}");
}

/// The end of the time for an answer, or another life of the daemon.
fn time(run: &mut Run, model: &mut Model, dice: &mut Dice) {
    if dice.below(4) == 0 {
        run.advance();
        model.decided = Some("expired");
    } else {
        run.tell(Stimulus::Recovered).unwrap();
    }
}
