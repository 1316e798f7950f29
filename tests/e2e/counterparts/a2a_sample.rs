//! The sample agent of A2A's kit for Python, which nobody here wrote, as the counterpart of `call: a2a`.

use std::path::PathBuf;
use std::process::Command;

use dirigent_tests::Home;
use serde_json::{Value, json};

use crate::agent_steps::{self, publish_as};
use crate::installed::{free_port, from_pypi, served, source_of};
use crate::standard::workflow;

/// The kit, and its own source, where the sample is.
const KIT: [&str; 3] = [
    "a2a-sdk[http-server,grpc]==1.3.0",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
];
const SOURCE: (&str, &str) = ("a2a-sdk==1.3.0", "a2a_sdk-1.3.0");

/// A Python with the kit, and the folder with the sample; none where pip cannot bring them.
fn sample() -> Option<(PathBuf, PathBuf)> {
    let bin = from_pypi("e2e-a2a-sample", &KIT)?;
    let source = source_of(&bin, SOURCE.0, SOURCE.1)?;
    Some((bin.join("python"), source.join("samples")))
}

/// Runs the sample's own `serve`, on ports of ours.
const BEGIN: &str = "import asyncio, sys, hello_world_agent as sample\n\
    ports = [int(word) for word in sys.argv[1:]]\n\
    asyncio.run(sample.serve('127.0.0.1', *ports))\n";

#[test]
fn the_sample_agent_answers_in_both_revisions_and_streams() {
    let Some((python, samples)) = sample() else { return };
    let ports = [free_port(), free_port(), free_port()];
    let place = format!("127.0.0.1:{}", ports[0]);
    let mut command = Command::new(python);
    command.args(["-c", BEGIN]).env("PYTHONPATH", samples);
    command.args(ports.map(|port| port.to_string()));
    let _served = served(&mut command, &place);
    let home = Home::new(std::slice::from_ref(&place));
    let _daemon = home.start();
    let ask = |name: &str, with: &str| -> Value {
        let file = workflow(
            &home,
            name,
            &format!("do: [ {{ a: {{ call: a2a, with: {{ {with} }} }} }} ]\n"),
        );
        let printed = home.client(&["run", "-f", &file, "--json"]);
        serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
    };
    let message = "parameters: { message: { parts: [ { kind: text, text: how are you } ] } }";
    let card = format!("agentCard: {{ endpoint: 'http://{place}/.well-known/agent-card.json' }}");
    let server = format!("server: 'http://{place}/a2a/jsonrpc'");
    for (name, whom) in [("by-card", &card), ("by-address", &server)] {
        let sent = ask(name, &format!("method: message/send, {whom}, {message}"));
        assert_eq!(sent["status"], "completed", "{name}: {sent}\n{}", home.log());
        let told = sent["output"].to_string();
        assert!(told.contains("doing great"), "{name}: {told}");
        let task = sent["output"].pointer("/task/id").or(sent["output"].get("id"));
        let task = task.and_then(Value::as_str).unwrap_or_else(|| panic!("{sent}"));
        let got = ask(
            &format!("{name}-again"),
            &format!("method: tasks/get, {whom}, parameters: {{ id: '{task}' }}"),
        );
        assert!(got["output"].to_string().contains("doing great"), "{name}: {got}");
        let streamed = ask(
            &format!("{name}-stream"),
            &format!("method: message/stream, {whom}, {message}"),
        );
        let events = streamed["output"]
            .as_array()
            .unwrap_or_else(|| panic!("{streamed}"));
        assert!(events.len() >= 3, "{name}: {streamed}");
        assert!(
            streamed["output"]
                .to_string()
                .contains("Processing your question"),
            "{name}: {streamed}"
        );
    }
    is_an_agent(&home, &place);
    let unknown = format!("method: tasks/get, {card}, parameters: {{ id: no-such-task }}");
    let unknown = ask("unknown", &unknown);
    let kind = unknown["error"]["type"].as_str().unwrap();
    assert!(kind.ends_with("/runtime"), "{unknown}");
    assert_eq!(unknown["status"], "faulted", "{unknown}");
}

/// It is called as an agent of ours, by its card and by its address.
fn is_an_agent(home: &Home, place: &str) {
    let found = json!({ "card": format!("http://{place}/.well-known/agent-card.json") });
    let named = json!({ "endpoint": format!("http://{place}/a2a/jsonrpc") });
    for mut foreign in [found, named] {
        foreign["kind"] = json!("a2a");
        let spec = json!({ "prompt": "{{ input.task }}", "foreign": foreign });
        publish_as(home, "helper", &spec);
        let told = agent_steps::ask(home, "how are you", "");
        let text = told["output"]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{told}"));
        assert!(text.contains("doing great"), "{told}");
    }
}
