//! Every strategy through the daemon and its death in the middle: each comes to its end, and no answer that was stored
//! is asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dirigent_tests::{Home, LONG, Model, Say, until};
use serde_json::{Value, json};

use crate::agent_steps::publish_as;

/// Each strategy, as it is written, and what comes out of it.
const STRATEGIES: &[(&str, &str)] = &[
    ("sequential", "members: [ { agent: a }, { agent: b } ]"),
    (
        "parallel",
        "members: [ { agent: a }, { agent: b } ], lead: { agent: chief }",
    ),
    (
        "conditional",
        "members: [ { agent: a, when: '${ .n > 5 }' }, { agent: b } ]",
    ),
    (
        "supervisor",
        "lead: { agent: chief }, members: [ { agent: a }, { agent: b } ], limits: { rounds: 6 }",
    ),
    ("handoff", "members: [ { agent: triage }, { agent: b } ]"),
    (
        "vote",
        "members: [ { agent: a }, { agent: b }, { agent: triage } ], vote: { choices: ['yes', 'no'], otherwise: 'no' }",
    ),
    (
        "debate",
        "members: [ { agent: a }, { agent: b } ], lead: { agent: judge }, limits: { rounds: 2 }",
    ),
    (
        "event_driven",
        "members: [ { agent: a, on: order.made } ], limits: { until: shop.closed }",
    ),
];

/// What each says: enough for a vote, a handoff, a supervisor.
fn script(body: &Value) -> Say {
    let said = body["messages"].to_string();
    let is = |who: &str| said.contains(&format!("I am {who}."));
    let answer = if is("chief") {
        match said.contains("did its part") {
            true => json!({ "next": "", "answer": "done" }),
            false => json!({ "next": "a", "task": "your part" }),
        }
    } else if is("triage") {
        json!({ "handoff": "b", "reason": "not mine", "vote": "yes" })
    } else {
        json!({ "answer": "a did its part", "vote": "yes" })
    };
    Say::Text(answer.to_string())
}

fn home(model: &Model) -> Home {
    let home = Home::new(&[model.place()]);
    home.configure(&format!(
        "\n[providers.script]\ndialect = \"openai_chat\"\nbase_url = \"http://{}/v1\"\n",
        model.place()
    ));
    home
}

fn show(home: &Home, run: &str) -> Value {
    home.client(&["runs", "show", run, "--json"])
        .expect_code(0)
        .json()
}

fn emit(home: &Home, kind: &str) {
    let words = [
        "events",
        "publish",
        "--type",
        kind,
        "--data",
        r#"{"n": 1}"#,
        "--json",
    ];
    let _sent = home.client(&words).expect_code(0);
}

/// How often each request of an agent was made, by its key.
fn asked(model: &Model) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for told in model.told() {
        *all.entry(told.key).or_insert(0) += 1;
    }
    all
}

/// Keys of effects that a death left open.
fn left_open(home: &Home, run: &str) -> BTreeSet<String> {
    let events = home
        .client(&["runs", "events", run, "--json"])
        .expect_code(0)
        .json_lines();
    let mut keys: BTreeMap<u64, String> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for event in &events {
        let Some(effect) = event["effect"].as_u64() else {
            continue;
        };
        if let Some(key) = event["key"].as_str() {
            keys.insert(effect, key.to_owned());
        }
        if event["type"] == "effect.unknown" {
            open.extend(keys.get(&effect).cloned());
        }
    }
    open
}

#[test]
fn every_strategy_outlives_the_daemon_and_repeats_no_stored_answer() {
    let model = Model::start(Duration::from_millis(300), script);
    let home = home(&model);
    let daemon = home.start();
    for who in ["a", "b", "chief", "judge", "triage"] {
        let spec = json!({ "model": "script/any", "prompt": format!("I am {who}. {{{{ input }}}}"),
            "output_schema": { "type": "object" } });
        publish_as(&home, who, &spec);
    }
    let mut runs = Vec::new();
    for (strategy, rest) in STRATEGIES {
        let name = strategy.replace('_', "-");
        let text = format!(
            "kind: Orchestration\nmetadata: {{ name: {name} }}\nspec: {{ strategy: {strategy}, {rest} }}\n"
        );
        let file = home.write("orchestration.yaml", &text);
        let _applied = home
            .client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0);
        let words = ["run", &name, "--input", r#"{"n": 9}"#, "--detach", "--json"];
        let started = home.client(&words).expect_code(0).json();
        runs.push((*strategy, started["run"].as_str().unwrap().to_owned()));
    }
    let before = model.told().len();
    until("more answers to come", LONG, || {
        (model.told().len() > before).then_some(())
    });
    daemon.kill();
    let _daemon = home.start();
    emit(&home, "order.made");
    emit(&home, "shop.closed");
    let mut may_repeat = BTreeSet::new();
    for (strategy, run) in &runs {
        let ended = until(&format!("{strategy} to end"), LONG, || {
            let shown = show(&home, run);
            shown["ended_at"].is_string().then_some(shown)
        });
        assert_eq!(ended["status"], "completed", "{strategy}: {ended}");
        may_repeat.extend(left_open(&home, run));
    }
    let repeated: Vec<_> = asked(&model)
        .into_iter()
        .filter(|(key, times)| *times > 1 && !may_repeat.contains(key))
        .collect();
    assert!(
        repeated.is_empty(),
        "asked again for what was stored: {repeated:?}"
    );
}
