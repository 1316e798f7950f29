//! Every strategy, compiled and run against scripted agents.

use std::collections::BTreeSet;

use dirigent_protocol::entity::Orchestration;
use dirigent_protocol::run::EffectRequest;
use dirigent_protocol::source;
use serde_json::{Value, json};

use super::strategy::STRATEGIES;
use super::{check, compile, strategies};
use crate::testing::{Bench, Run, done};

fn read(yaml: &str) -> Orchestration {
    let parsed = source::parse(yaml.as_bytes());
    assert_eq!(parsed.diagnostics, []);
    serde_json::from_value(parsed.documents[0].to_json()).unwrap()
}

fn bench(yaml: &str) -> Bench {
    let wanted = read(yaml);
    let (workflow, found) = check("test", &wanted);
    assert_eq!(found, [], "{yaml}");
    assert!(workflow.is_some());
    Bench::document(&compile("test", 1, &wanted).unwrap().to_string())
}

/// Answers every call by its agent until nothing is open; what each was asked, in order.
fn play(run: &mut Run, mut answer: impl FnMut(&str, &Value) -> Value) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..200 {
        let Some(effect) = run.intended().first().copied() else {
            return asked;
        };
        let (who, input) = match run.request(effect) {
            EffectRequest::Agent(call) => (call.agent, call.input),
            EffectRequest::Workflow(call) => (call.name, call.input),
            EffectRequest::Route(call) => {
                asked.push(format!("route {}", call.capability));
                run.settle(effect, done(json!({ "agent": "routed" })));
                continue;
            }
            other => panic!("{other:?}"),
        };
        asked.push(format!("{who} {input}"));
        run.settle(effect, done(answer(&who, &input)));
    }
    panic!("it does not end: {asked:?}");
}

#[test]
fn one_after_the_other_each_gets_what_came_before() {
    let bench = bench(
        "strategy: sequential
members:
  - agent: a
  - { agent: b, when: '${ $context.matter.long }' }
  - { name: last, workflow: w, input: { first: '${ $context.results.a }', newest: '${ $context.previous }' } }
output: '${ { it: . } }'
",
    );
    assert_eq!(bench.workflow().agents(), ["a", "b"]);
    let mut run = bench.start(json!({"long": true}));
    let asked = play(&mut run, |who, _| json!(format!("{who}!")));
    assert_eq!(
        asked,
        [
            r#"a {"long":true}"#,
            r#"b "a!""#,
            r#"w {"first":"a!","newest":"b!"}"#
        ]
    );
    assert_eq!(run.output(), json!({"it": "w!"}));
    let mut run = bench.start(json!({"long": false}));
    let asked = play(&mut run, |who, _| json!(format!("{who}!")));
    assert_eq!(asked[1], r#"w {"first":"a!","newest":"a!"}"#);
}

#[test]
fn side_by_side_with_somebody_who_joins() {
    let bench = bench(
        "strategy: parallel
prepare: [ { read: { set: { text: '${ .path }' } } } ]
members: [ { agent: a }, { name: b, capability: review } ]
lead: { agent: writer }
finish: [ { wrap: { set: { report: '${ . }', of: '${ $context.result }' } } } ]
",
    );
    let mut run = bench.start(json!({"path": "x"}));
    let asked: BTreeSet<String> = play(&mut run, |who, _| json!(format!("{who}!")))
        .into_iter()
        .collect();
    for expected in [
        r#"a {"text":"x"}"#,
        "route review",
        r#"routed {"text":"x"}"#,
        r#"writer {"matter":{"text":"x"},"results":{"a":"a!","b":"routed!"}}"#,
    ] {
        assert!(asked.contains(expected), "{expected}: {asked:?}");
    }
    assert_eq!(run.output(), json!({"report": "writer!", "of": "writer!"}));
}

#[test]
fn the_first_whose_condition_holds_works_and_nobody_else() {
    let bench_of = |rest: &str| {
        bench(&format!(
            "strategy: conditional
members:
  - {{ agent: a, when: '${{ .n > 10 }}' }}
  - {{ agent: b, when: '${{ .n > 5 }}' }}{rest}
"
        ))
    };
    let with_rest = bench_of("\n  - { agent: c }");
    for (n, who) in [(11, "a"), (7, "b"), (1, "c")] {
        let mut run = with_rest.start(json!({ "n": n }));
        assert_eq!(play(&mut run, |who, _| json!(who)).len(), 1);
        assert_eq!(run.output(), json!(who));
    }
    let mut run = bench_of("").start(json!({"n": 1}));
    assert_eq!(run.error().status, 404);
}

#[test]
fn a_lead_delegates_until_it_has_the_answer() {
    let bench = bench(
        "strategy: supervisor
lead: { agent: chief }
members: [ { agent: reader, role: reads logs }, { agent: writer } ]
limits: { rounds: 4 }
",
    );
    let mut round = 0;
    let mut run = bench.start(json!("log"));
    let asked = play(&mut run, |who, input| {
        if who != "chief" {
            return json!(format!("{who} did {}", input["task"]));
        }
        round += 1;
        assert_eq!(input["round"], round);
        assert_eq!(input["team"][0], json!({"name": "reader", "role": "reads logs"}));
        match round {
            1 => json!({"next": "reader", "task": "look"}),
            2 => json!({"next": "nobody", "task": "look"}),
            _ => json!({"next": "", "answer": input["reports"].as_array().unwrap().len()}),
        }
    });
    assert_eq!(asked.len(), 4, "{asked:?}");
    let output = run.output();
    assert_eq!((&output["answer"], &output["by"]), (&json!(2), &json!("chief")));
    assert!(
        output["reports"][1]["error"]
            .as_str()
            .unwrap()
            .contains("reader, writer")
    );
    let mut run = bench.start(json!("log"));
    play(&mut run, |_, _| json!({"next": "reader", "task": "again"}));
    assert_eq!(run.output()["stopped"], "rounds");
}

#[test]
fn the_matter_is_handed_on_and_a_circle_is_refused() {
    let bench = bench(
        "strategy: handoff
members: [ { agent: triage }, { agent: billing }, { name: tech, capability: repair } ]
limits: { visits: 1 }
",
    );
    let mut run = bench.start(json!({"t": "two charges"}));
    let asked = play(&mut run, |who, input| match who {
        "triage" => json!({"handoff": "billing", "reason": "money"}),
        "billing" => {
            assert_eq!(
                (&input["from"], &input["reason"]),
                (&json!("triage"), &json!("money"))
            );
            json!({"handoff": "tech", "reason": "no, a bug"})
        }
        _ => json!({"answer": "mended"}),
    });
    assert_eq!(asked.len(), 4, "{asked:?}");
    let output = run.output();
    assert_eq!(
        (&output["answer"], &output["by"]),
        (&json!("mended"), &json!("tech"))
    );
    assert_eq!(
        output["handoffs"][1],
        json!({"from": "billing", "to": "tech", "reason": "no, a bug"})
    );
    let mut run = bench.start(json!({}));
    play(
        &mut run,
        |who, _| json!({"handoff": if who == "triage" { "billing" } else { "triage" }, "reason": "not mine"}),
    );
    let error = run.error();
    assert_eq!(error.title, "Handoffs go in a circle");
    assert!(error.detail.unwrap().contains("triage > billing > triage"));
    let mut run = bench.start(json!({}));
    play(&mut run, |_, _| json!({"handoff": "ghost"}));
    assert!(
        run.error()
            .detail
            .unwrap()
            .contains("`ghost`; there are: triage, billing, tech")
    );
}

#[test]
fn votes_are_counted_by_their_rule() {
    for (rule, votes, expected) in [
        ("majority", ["yes", "yes", "no"], json!("yes")),
        ("majority", ["yes", "no", "maybe"], json!("no")),
        ("unanimous", ["yes", "yes", "yes"], json!("yes")),
        ("unanimous", ["yes", "yes", "no"], json!("no")),
        ("plurality", ["yes", "what", "no"], json!("no")),
        ("plurality", ["yes", "what", "what"], json!("yes")),
        ("{ at_least: 2 }", ["no", "yes", "yes"], json!("yes")),
        ("{ at_least: 3 }", ["no", "yes", "yes"], json!("no")),
    ] {
        let bench = bench(&format!(
            "strategy: vote
members: [ {{ agent: v0 }}, {{ agent: v1 }}, {{ agent: v2 }} ]
vote: {{ choices: ['yes', 'no'], rule: {rule}, otherwise: 'no' }}
"
        ));
        let mut run = bench.start(json!({}));
        play(&mut run, |who, _| {
            let at = usize::from(who.as_bytes()[1] - b'0');
            json!({"vote": votes[at]})
        });
        let output = run.output();
        assert_eq!(output["decision"], expected, "{rule} {votes:?} {output}");
        let odd = votes.iter().filter(|vote| !["yes", "no"].contains(vote)).count();
        assert_eq!(output["invalid"].as_array().unwrap().len(), odd);
    }
}

#[test]
fn a_vote_of_who_answers_otherwise_is_invalid_and_harms_nobody() {
    let bench = bench(
        "strategy: vote
members: [ { agent: v0 }, { agent: v1 }, { agent: v2 } ]
vote: { choices: [a, b], choice: '.why.choice' }
",
    );
    let mut run = bench.start(json!({}));
    play(&mut run, |who, _| {
        if who == "v0" {
            json!("a")
        } else {
            json!({"why": {"choice": "b"}})
        }
    });
    let output = run.output();
    assert_eq!(
        (&output["decision"], &output["invalid"]),
        (&json!("b"), &json!(["v0"]))
    );
}

#[test]
fn a_debate_has_rounds_and_a_judge() {
    let bench = bench(
        "strategy: debate
members: [ { agent: pro }, { agent: contra } ]
lead: { agent: judge }
limits: { rounds: 3 }
",
    );
    let mut run = bench.start(json!("matter"));
    let asked = play(&mut run, |who, input| {
        if input["round"] == 2 {
            assert_eq!(input["positions"], json!({"pro": "pro", "contra": "contra"}));
        }
        json!(who)
    });
    assert_eq!(asked.len(), 7, "{asked:?}");
    assert_eq!(run.output(), json!("judge"));
}

/// A document, and what is found in it: the code and the place.
const WRONG: &[(&str, &str)] = &[
    (
        "strategy: paralel\nmembers: [ { agent: a } ]",
        "unknown_strategy /strategy",
    ),
    ("strategy: sequential\nmembers: []", "too_few /members"),
    ("strategy: sequential\nmembers: [ {} ]", "bad_member /members/0"),
    (
        "strategy: sequential\nmembers: [ { agent: a, workflow: b } ]",
        "bad_member /members/0",
    ),
    (
        "strategy: sequential\nmembers: [ { agent: a }, { agent: a } ]",
        "duplicate_member /members/1",
    ),
    (
        "strategy: sequential\nmembers: [ { agent: a, on: x } ]",
        "unread_field /members/0/on",
    ),
    (
        "strategy: sequential\nmembers: [ { agent: a } ]\nlead: { agent: b }",
        "unread_field /lead",
    ),
    (
        "strategy: supervisor\nmembers: [ { agent: a } ]",
        "missing_field /lead",
    ),
    (
        "strategy: vote\nmembers: [ { agent: a } ]",
        "bad_orchestration /vote",
    ),
    (
        "strategy: vote\nmembers: [ { agent: count } ]\nvote: { choices: [a, b] }",
        "reserved_name /members/0",
    ),
    (
        "strategy: event_driven\nmembers: [ { agent: a } ]",
        "bad_orchestration /members/0",
    ),
    (
        "strategy: conditional\nmembers: [ { agent: a }, { agent: b } ]",
        "bad_orchestration /members/0",
    ),
    (
        "strategy: sequential\nmembers: [ { agent: a, input: '${ .x >< }' } ]",
        "bad_expression /members/0/input",
    ),
    (
        "strategy: parallel\nmembers: [ { agent: a } ]\nprepare: [ { x: { run: { shel: 1 } } } ]",
        "missing_field /prepare/0/x/run",
    ),
    (
        "strategy: parallel\nmembers: [ { agent: a } ]\nfinish: [ { x: { wait: soon } } ]",
        "bad_duration /finish/0/x/wait",
    ),
];

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (yaml, expected) in WRONG {
        let (_, found) = check("test", &read(yaml));
        let all: Vec<String> = found
            .iter()
            .map(|one| format!("{} {}", one.code, one.at.path))
            .collect();
        assert!(all.iter().any(|one| one == *expected), "{yaml}: {all:?}");
    }
}

#[test]
fn every_strategy_is_in_the_list_and_compiles_the_same_way_twice() {
    let samples = [
        "strategy: sequential\nmembers: [ { agent: a } ]",
        "strategy: parallel\nmembers: [ { agent: a }, { capability: c } ]",
        "strategy: conditional\nmembers: [ { agent: a, when: '${ .x }' } ]",
        "strategy: event_driven\nmembers: [ { agent: a, on: order.made } ]\nlimits: { until: shop.closed }",
        "strategy: supervisor\nlead: { agent: l }\nmembers: [ { agent: a } ]",
        "strategy: handoff\nmembers: [ { agent: a }, { agent: b } ]",
        "strategy: vote\nmembers: [ { agent: a } ]\nvote: { choices: [x, y] }",
        "strategy: debate\nmembers: [ { agent: a }, { agent: b } ]",
    ];
    let mut seen = Vec::new();
    for sample in samples {
        let wanted = read(sample);
        let (_, found) = check("test", &wanted);
        assert_eq!(found, [], "{sample}");
        let (one, other) = (compile("test", 1, &wanted), compile("test", 1, &wanted));
        assert_eq!(one, other);
        seen.push(wanted.strategy);
    }
    let listed: Vec<&str> = STRATEGIES.iter().map(|row| row.name).collect();
    assert_eq!(seen, listed);
    assert_eq!(strategies().len(), listed.len());
}
