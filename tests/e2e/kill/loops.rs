//! Agents that use tools, killed with their daemon: no turn of a model and no call of a tool goes out again once its
//! outcome was stored, and none goes out under a key that the journal does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use dirigent_protocol::run::{EffectId, EventBody, RunEvent};
use dirigent_tests::{Home, Model, Say, Seed, Server};
use serde_json::{Value, json};

use super::storm::{Storm, Subject};
use super::{kills, under_fire};
use crate::agent_steps::results;

/// Turns of one conversation that call tools; another one answers.
const TURNS: usize = 4;
/// Tools that each of them calls.
const CALLS: usize = 2;

/// What reached the outside, by key.
struct Loops<'a> {
    home: &'a Home,
    model: &'a Model,
    server: &'a Server,
    keys: BTreeMap<String, usize>,
    told: usize,
    requests: usize,
    noted: u64,
}

/// A model that asks for a request and a command, turn by turn. What it is told is all it knows.
fn script(body: &Value) -> Say {
    let messages = body["messages"].as_array().unwrap();
    let tag = messages[0]["content"].as_str().unwrap();
    let answers = results(body);
    let round = answers.len() / CALLS;
    if round < TURNS {
        return Say::Calls(vec![
            ("mark".into(), json!({ "name": format!("{tag}-m{round}") })),
            ("note".into(), json!({ "arguments": [format!("{tag}-n{round}")] })),
        ]);
    }
    Say::Text(format!("{tag} {}", answers.len()))
}

impl Loops<'_> {
    fn saw(&mut self, key: String) {
        assert!(!key.is_empty(), "something went out without a key");
        *self.keys.entry(key).or_default() += 1;
    }
}

impl Subject for Loops<'_> {
    fn definitions(&self) -> String {
        let mark = json!({
            "http": {
                "name": "mark", "method": "POST",
                "uri": format!("http://{}/effect/{{name}}", self.server.place()),
                "parameters": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } },
            },
            "approval": "never", "on_unknown": "retry", "traits": {},
        });
        let note = json!({
            "command": {
                "name": "note", "program": "sh", "arguments": ["./note.sh"], "sandbox": "build",
                "workspace": self.home.path("work"),
            },
            "approval": "never", "on_unknown": "retry", "traits": {},
        });
        let agent = json!({
            "kind": "Agent",
            "metadata": { "name": "looper" },
            "spec": { "model": "scripted/looper", "prompt": "{{ input.tag }}", "tools": [mark, note] },
        });
        let workflow = json!({
            "document": { "dsl": "1.0.3", "namespace": "storm", "name": "storm-loop", "version": "1.0.0" },
            "do": [{ "a": { "call": "agent", "with": { "agent": "looper", "input": { "tag": "${ .tag }" } } } }],
        });
        format!("{agent}\n---\n{workflow}\n")
    }

    fn target(&self, _: usize) -> String {
        "storm-loop".to_owned()
    }

    /// Its key names it inside and outside.
    fn name(&self, _: &str, events: &[RunEvent], wanted: EffectId) -> String {
        let key = events.iter().rev().find_map(|event| match &event.body {
            EventBody::EffectIntended { effect, key, .. } if *effect == wanted => Some(key.clone()),
            _ => None,
        });
        key.unwrap()
    }

    fn read_on(&mut self) {
        for told in self.model.told_after(self.told) {
            self.told += 1;
            self.saw(told.key);
        }
        for seen in self.server.seen_after(self.requests) {
            self.requests += 1;
            self.saw(seen.key.unwrap_or_default());
        }
        let Ok(mut log) = File::open(self.home.path("work/notes.log")) else {
            return;
        };
        let mut text = String::new();
        log.seek(SeekFrom::Start(self.noted)).unwrap();
        log.read_to_string(&mut text).unwrap();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.noted += line.len() as u64;
            let (_, key) = line.trim_end().split_once(' ').unwrap();
            self.saw(key.to_owned());
        }
    }

    fn asked(&self, name: &str) -> usize {
        self.keys.get(name).copied().unwrap_or_default()
    }
}

#[test]
fn nothing_of_an_agents_loop_is_repeated_after_its_outcome_was_stored() {
    let kills = kills(20, 1_000);
    let mut seed = Seed::announced("agent-loops");
    let server = Server::start(Duration::from_millis(8));
    let model = Model::start(Duration::from_millis(8), script);
    let home = Home::new(&[]);
    drop(home.write(
        "daemon.toml",
        &format!(
            "[run]\nshell = \"allow\"\nmax_crashes = 1000000\n\n[egress]\nallow = [{:?}, {:?}]\n\n\
             [store]\nsegment_mib = 1\n\n\
             [providers.scripted]\ndialect = \"openai_chat\"\nbase_url = \"http://{}/v1\"\n",
            server.place(),
            model.place(),
            model.place()
        ),
    ));
    std::fs::create_dir_all(home.path("work")).unwrap();
    let note = "printf '%s %s\\n' \"$1\" \"$DIRIGENT_IDEMPOTENCY_KEY\" >> notes.log\n";
    drop(home.write("work/note.sh", note));
    let loops = Loops {
        home: &home,
        model: &model,
        server: &server,
        keys: BTreeMap::new(),
        told: 0,
        requests: 0,
        noted: 0,
    };
    let (loops, ended) = under_fire(kills, &mut seed, Storm::prepare(&home, loops));
    let mut known = BTreeSet::new();
    for run in &ended {
        assert_eq!(
            run.settled.len(),
            TURNS + 1 + TURNS * CALLS,
            "{}: each turn and each call once: {:?}",
            run.tag,
            run.settled
        );
        for (key, counted) in &run.settled {
            let now = loops.asked(key);
            assert!(now > 0, "{}: {key} was stored and never done", run.tag);
            assert_eq!(
                now, *counted,
                "{}: {key} went out again after its outcome was stored",
                run.tag
            );
            assert!(known.insert(key.clone()), "{key} names two effects");
        }
    }
    let strange: Vec<_> = loops.keys.keys().filter(|key| !known.contains(*key)).collect();
    assert!(strange.is_empty(), "no journal knows {strange:?}");
    let again: usize = loops.keys.values().map(|count| count - 1).sum();
    println!(
        "{kills} kills, {} conversations, {} turns and calls, {again} went out again with their own key before anybody knew their outcome",
        ended.len(),
        known.len()
    );
}
