//! A second daemon has what the first one offers as agents of its own.

use std::os::unix::fs::PermissionsExt;

use dirigent_tests::{Home, LONG, until};
use serde_json::{Value, json};

use super::Serving;
use crate::agent_steps::{ask, publish_as, settled};
use crate::standard::workflow;

fn publish(home: &Home, place: &str, offer: &str) {
    let foreign = json!({
        "kind": "a2a",
        "card": format!("http://{place}/a2a/{offer}/.well-known/agent-card.json"),
        "token": "visitor",
        "poll_s": 1,
    });
    publish_as(
        home,
        "helper",
        &json!({ "prompt": "{{ input.task }}", "foreign": foreign }),
    );
}

fn patient(serving: &Serving) -> Vec<Value> {
    let mut runs = serving.runs();
    runs.retain(|run| run["workflow"] == "patient");
    runs
}

#[test]
fn a_second_daemon_has_offers_as_its_agents_over_its_death() {
    let serving = Serving::start();
    let place = serving.place();
    let second = Home::new(std::slice::from_ref(&place));
    let mut daemon = second.start();
    std::fs::create_dir_all(second.path("data/secrets")).unwrap();
    let secret = second.path("data/secrets/visitor");
    std::fs::write(&secret, &serving.token).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    publish(&second, &place, "greet");
    let told = ask(&second, "Eve", "");
    assert_eq!(told["status"], "completed", "{told}\n{}", second.log());
    assert_eq!(
        told["output"]["data"],
        json!([{ "hello": "hello Eve" }]),
        "{told}"
    );

    publish(&second, &place, "patient");
    let text = "do:\n  - a: { call: agent, with: { agent: helper, input: { task: wait } } }\n";
    let file = workflow(&second, "waits", text);
    let begun = second
        .client(&["run", "-f", &file, "--detach", "--json"])
        .expect_code(0);
    let run = begun.json()["run"].as_str().unwrap().to_owned();
    let followed = || {
        let events = second.client(&["runs", "events", &run, "--json"]).stdout;
        events.contains("goes_on").then_some(())
    };
    until("the task's name to be durable", LONG, followed);
    daemon.kill();
    daemon = second.start();
    assert_eq!(patient(&serving).len(), 1, "it was told once");
    drop(second.client(&["runs", "cancel", &run, "--json"]).expect_code(0));
    assert_eq!(settled(&second, &run)["status"], "cancelled");
    until("the task to be called off where it works", LONG, || {
        let runs = patient(&serving);
        (runs.len() == 1 && runs[0]["status"] == "cancelled").then_some(())
    });
    let everything = second.client(&["runs", "events", &run, "--json"]).stdout + &second.log();
    assert!(!everything.contains(&serving.token), "the token is told");
    daemon.stop();
}
