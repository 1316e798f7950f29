//! Fifty hostile expressions: none takes more time, memory or output than it may, none ends the daemon.

use std::time::{Duration, Instant};

use dirigent_protocol::entity::Agent;
use serde_json::json;

use crate::bed::Bed;

/// jq: loops, recursion, floods, deep values, reaching outside.
const JQ: &[&str] = &[
    "def f: f; f",
    "def f: 1 + f; f",
    "def f(x): f(f(x)); f(1)",
    "def a: b; def b: a; a",
    "[recurse]",
    "[recurse(.)]",
    "[.] | until(false; [.])",
    "[while(true; .)]",
    "[repeat(1)]",
    "repeat([.])",
    "[range(1e15)]",
    "[range(0; 1e9; 1e-9)]",
    "[limit(1e12; repeat(0))]",
    "reduce range(1e12) as $i (0; . + $i)",
    "reduce range(1e9) as $i ([]; . + [$i])",
    "[foreach range(1e12) as $i (0; . + 1)]",
    "reduce range(100) as $i (\"x\"; . + .)",
    "reduce range(100) as $i ([1]; . + .)",
    "\"x\" * 1e12",
    "([range(1e6)] | map(tostring) | join(\",\")) * 1e6",
    "reduce range(1e6) as $i (1; [.])",
    "[range(1e7)] | combinations(9)",
    "[[range(1000)], [range(1000)], [range(1000)]] | [combinations]",
    "[range(1e8)] | sort",
    "[range(1e8)] | group_by(.)",
    "last(range(1e15))",
    "first(range(1e15) | select(. < 0))",
    "(\"[\" * 100000) | fromjson",
    "[splits(\"a\"; null)] | [range(1e12)]",
    "env",
    "$ENV",
    "input",
    "[inputs]",
    "\"x\" | ltrimstr(env.HOME)",
];

/// Regular expressions over a text made for them.
const REGEX: &[&str] = &[
    "(\"a\" * 40000) | test(\"(a+)+$\")",
    "(\"a\" * 40000 + \"b\") | test(\"(a|aa)+$\")",
    "(\"a\" * 5000 + \"!\") | test(\"(a*)*b\")",
    "(\"a\" * 100000) | [match(\"a*\"; \"g\")] | length | [range(. * 1e9)]",
    "\"x\" | test(\"(a{1000}){1000}\")",
    "\"x\" | test(\"((a{100}){100}){100}\")",
    "(\"ab\" * 100000) | gsub(\"(?<x>a)\"; .x * 100000)",
    "\"x\" | test(\"(\" * 50000)",
    "(\"a\" * 1000000) | [scan(\".\")] | map(. * 1000000) | add",
];

/// Prompts: loops, floods, recursion, reaching outside.
const TEMPLATES: &[&str] = &[
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{{ 'x' * 1000000000000 }}",
    "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for i in range(60) %}{% set x = x ~ x %}{% endfor %}{{ x }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% include '/etc/passwd' %}",
    "{{ input.__class__.__mro__ }}",
];

/// The budget of one expression in these tests is two seconds; the rest is what a busy machine takes.
const MOST: Duration = Duration::from_secs(20);
/// Output of a step that a run may keep.
const MOST_OUTPUT: usize = 1 << 20;
/// What this process may grow by while the worker is attacked, KiB.
const MOST_GROWTH: u64 = 256 << 10;

#[test]
fn there_are_fifty() {
    assert_eq!(JQ.len() + REGEX.len() + TEMPLATES.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_expression_and_no_template_takes_more_than_it_may() {
    let bed = Bed::new().await;
    let before = peak_kib();
    for text in JQ.iter().chain(REGEX) {
        let quoted = serde_json::to_string(&format!("${{ {text} }}")).unwrap();
        let tasks = format!("do:\n  - a: {{ set: {{ v: {quoted} }} }}\n");
        let head = "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '0.1.0' }\n";
        if dirigent_engine::load("sample.yaml", &format!("{head}{tasks}")).is_err() {
            continue; // Refused with its place before it ever runs.
        }
        let begun = Instant::now();
        let run = bed.start(&tasks).await;
        let ended = bed.ended(run).await;
        assert!(begun.elapsed() < MOST, "{text}: {:?}", begun.elapsed());
        assert!(ended.output.to_string().len() <= MOST_OUTPUT, "{text}");
    }
    for (n, prompt) in TEMPLATES.iter().enumerate() {
        let agent = Agent {
            model: "rehearsal".into(),
            prompt: (*prompt).to_owned(),
            ..Agent::default()
        };
        let name = format!("hostile-{n}");
        bed.agent(&name, agent).await;
        let begun = Instant::now();
        let run = bed
            .start(&format!(
                "do:\n  - a: {{ call: agent, with: {{ agent: {name} }} }}\n"
            ))
            .await;
        bed.ended(run).await;
        assert!(begun.elapsed() < MOST, "{prompt}: {:?}", begun.elapsed());
    }
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < MOST_GROWTH, "the daemon grew by {grown} KiB");
    let run = bed
        .start("do:\n  - a: { set: { v: '${ [range(3)] | add }' } }\n")
        .await;
    assert_eq!(bed.completed(run).await, json!({ "v": 3 }), "it goes on");
}

/// The most memory this process ever had, KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
