//! llama.cpp's server, which nobody here wrote, with a tiny model of random weights that is made on the spot: it means
//! nothing by what it says, so what is tried is everything around the words.

use std::process::Command;

use dirigent_tests::Home;
use serde_json::{Value, json};

use crate::agent_steps::{events, publish_as};
use crate::installed::{Served, free_port, from_pypi, served};
use crate::standard::workflow;

/// llama.cpp's server as a library with a door for Python, built; and what writes its files of models.
const PACKAGES: [&str; 2] = ["xllamacpp==2026.10.11549", "gguf==0.19.0"];
/// The ways of asking it.
const DIALECTS: [&str; 3] = ["openai_chat", "openai_responses", "anthropic_messages"];

/// A home in front of a running server whose model reads that many tokens; none where pip cannot bring it.
fn started(window: u32) -> Option<(Home, Served)> {
    let bin = from_pypi("e2e-llama", &PACKAGES)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/counterparts/llama_server.py");
    let port = free_port();
    let place = format!("127.0.0.1:{port}");
    let home = Home::new(std::slice::from_ref(&place));
    let mut command = Command::new(bin.join("python"));
    command.arg(script).arg(home.path("tiny.gguf"));
    command.args([port.to_string(), window.to_string()]);
    let server = served(&mut command, &place);
    for dialect in DIALECTS {
        home.configure(&format!(
            "\n[providers.{dialect}]\ndialect = \"{dialect}\"\nbase_url = \"http://{place}/v1\"\n"
        ));
    }
    Some((home, server))
}

/// An agent of that dialect, with `more`; what a run reports that asks it.
fn ask(home: &Home, dialect: &str, more: &Value) -> Value {
    let mut spec =
        json!({ "model": format!("{dialect}/tiny-random"), "prompt": "Tell me about {{ input.what }}." });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    publish_as(home, "teller", &spec);
    let call = "do: [{ tell: { call: agent, with: { agent: teller, input: { what: rivers } } } }]\n";
    let file = workflow(home, "tell", call);
    let printed = home.client(&["run", "-f", &file, "--json"]);
    serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
}

#[test]
fn structure_is_kept_by_a_model_that_means_nothing() {
    let Some((home, _server)) = started(4096) else {
        return;
    };
    let _daemon = home.start();
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["kind", "certain", "level"],
        "properties": {
            "kind": { "enum": ["lake", "river"] },
            "certain": { "type": "boolean" },
            "level": { "enum": [1, 2, 3] },
        }
    });
    let more = json!({ "output_schema": schema, "max_tokens": 1024 });
    let report = ask(&home, "openai_chat", &more);
    assert_eq!(report["status"], "completed", "{report}\n{}", home.log());
    let told = &report["output"];
    assert!(
        ["lake", "river"].contains(&told["kind"].as_str().unwrap()),
        "{told}"
    );
    assert!(
        told["certain"].is_boolean() && (1..=3).contains(&told["level"].as_u64().unwrap()),
        "{told}"
    );
    assert!(report["usage"]["output_tokens"].as_u64().unwrap() > 5, "{report}");
}

/// What an effect of that run said of itself, the last one first.
fn facts(home: &Home, run: &str) -> Vec<Value> {
    let settled = events(home, run).into_iter().rev();
    let facts = settled.map(|event| event.pointer("/outcome/done/facts").cloned());
    facts.flatten().collect()
}

#[test]
fn an_answer_that_is_cut_is_told_from_a_whole_one() {
    let Some((home, _server)) = started(4096) else {
        return;
    };
    let _daemon = home.start();
    // The likeliest word each time: random ones would now and then be the one that ends an answer.
    let always_cut = json!({ "max_tokens": 5, "on_cut": "mark", "temperature": 0.0 });
    for dialect in DIALECTS {
        let report = ask(&home, dialect, &always_cut);
        assert_eq!(
            report["status"],
            "completed",
            "{dialect}: {report}\n{}",
            home.log()
        );
        assert_eq!(report["usage"]["output_tokens"], 5, "{dialect}: {report}");
        // Its door for responses calls it completed.
        let facts = facts(&home, report["run"].as_str().unwrap());
        assert_eq!(facts[0]["finish_reason"], "length", "{dialect}: {facts:#?}");
        assert_eq!(facts[0]["provider"], dialect, "{facts:#?}");
    }
}

#[test]
fn a_conversation_that_outgrows_the_window_leaves_out_its_beginning() {
    /// Enough of them, however short the answers are.
    const TURNS: usize = 12;
    const SAYS: &str = "tell me more about the rivers of the north and of the south";
    let Some((home, _server)) = started(512) else {
        return;
    };
    let _daemon = home.start();
    for dialect in DIALECTS {
        let spec = json!({ "model": format!("{dialect}/tiny-random"), "prompt": "{{ input }}", "max_tokens": 100, "on_cut": "mark" });
        publish_as(&home, "helper", &spec);
        let words = [&["chat", "helper", "--json"][..], &["--say", SAYS].repeat(TURNS)].concat();
        let said = home.client(&words).expect_code(0).json();
        let turns = said["turns"].as_array().unwrap();
        assert_eq!(turns.len(), TURNS, "{dialect}: {said}");
        assert!(
            turns.iter().all(|turn| turn["answer"].is_string()),
            "{dialect}: {said}"
        );
        let facts = facts(&home, said["conversation"].as_str().unwrap());
        let left_out = facts.iter().filter_map(|fact| fact["messages_left_out"].as_u64());
        assert!(left_out.max() >= Some(2), "{dialect}: {facts:#?}\n{}", home.log());
        let first = facts.last().unwrap();
        assert_eq!(first.get("messages_left_out"), None, "{dialect}: {facts:#?}");
        let forgotten = turns.iter().filter_map(|turn| turn["forgotten"].as_u64());
        assert!(forgotten.max() >= Some(2), "{dialect}: {said}");
    }
}
