//! What a server of tools asks a person in the middle of a call of an agent: in the inbox, over the daemon's death, and
//! what is done is done once.

use std::process::Command;
use std::time::Duration;

use dirigent_tests::{Home, LONG, McpServer, Model, Say, skip, until};
use serde_json::{Value, json};

use crate::agent_steps::{home, publish, question, results, settled};
use crate::installed::{Served, free_port, served};
use crate::standard::workflow;

const SERVER: &str = include_str!("mcp_asks.py");

/// A model that books, and says what it was told.
fn booker() -> Model {
    Model::start(Duration::ZERO, |body| match results(body).len() {
        0 => Say::call("book", json!({})),
        _ => Say::Text(results(body).concat()),
    })
}

/// A process of its own on loopback; none where there is no Python.
fn server(port: u16, home: &Home) -> Option<Served> {
    let version = Command::new("python3").arg("--version").output();
    if !version.is_ok_and(|out| out.status.success()) {
        skip("there is no Python for the server of tools");
        return None;
    }
    let script = home.write("asks.py", SERVER);
    let mut command = Command::new("python3");
    command.arg(script).arg(port.to_string()).arg(home.path("deeds"));
    Some(served(&mut command, &format!("127.0.0.1:{port}")))
}

fn deeds(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.path("deeds")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn start(home: &Home) -> String {
    let text = "do: [ { a: { call: agent, with: { agent: helper, input: { task: go } } } } ]\n";
    let file = workflow(home, "asks", text);
    let run = home.client(&["run", "-f", &file, "--detach", "--json"]).json();
    run["run"].as_str().unwrap().to_owned()
}

/// Approves a question with that content.
fn fill_in(home: &Home, asked: &Value, content: &Value) {
    let mut edited = asked["request"]["payload"].clone();
    edited["content"] = content.clone();
    let (approval, digest) = (
        asked["approval"].as_str().unwrap(),
        asked["digest"].as_str().unwrap(),
    );
    let text = edited.to_string();
    let words = [
        "approvals",
        "approve",
        approval,
        "--digest",
        digest,
        "--edit",
        &text,
        "--json",
    ];
    drop(home.client(&words).expect_code(0));
}

#[test]
fn a_question_of_a_server_outlives_the_daemon_and_its_deed_is_done_once() {
    let model = booker();
    let port = free_port();
    let place = format!("127.0.0.1:{port}");
    let home = home(&model, std::slice::from_ref(&place));
    let Some(_server) = server(port, &home) else {
        return;
    };
    let daemon = home.start();
    let mcp = json!({ "endpoint": format!("http://{place}/mcp"), "elicitation": "ask" });
    let grant = json!({ "mcp": mcp, "allow": ["book"], "approval": "never", "traits": {} });
    publish(&home, "helper", &json!({ "tools": [grant] }));
    let run = start(&home);
    let asked = question(&home, &json!({ "run": run }));
    let shown = &asked["request"]["payload"];
    assert_eq!(shown["message"], "How many seats?", "{asked}\n{}", home.log());
    assert_eq!(asked["request"]["risk"], "high", "no rule answers: {asked}");

    daemon.kill();
    let daemon = home.start();
    let same = question(&home, &json!({ "run": run }));
    assert_eq!(same["approval"], asked["approval"]);
    fill_in(&home, &same, &json!({ "seats": 3 }));
    let booked = until("the booking", LONG, || {
        let deeds = deeds(&home);
        deeds.iter().any(|one| one.starts_with("booked")).then_some(deeds)
    });
    assert_eq!(booked, ["asked", "booked 3"]);
    let done = settled(&home, &run);
    assert_eq!(done["status"], "completed", "{done}\n{}", home.log());
    assert!(
        done["output"].as_str().unwrap().contains("\"seats\": 3"),
        "{done}"
    );
    daemon.kill();
    let _daemon = home.start();
    assert_eq!(settled(&home, &run)["status"], "completed");
    assert_eq!(deeds(&home), ["asked", "booked 3"], "what is done is done once");
    assert_eq!(model.told().len(), 2, "no call of the model is repeated");
}

#[test]
fn the_tools_of_an_agent_are_shown_and_pinned_and_a_changed_list_is_named() {
    let tool =
        |about: &str| json!([{ "name": "look", "description": about, "inputSchema": { "type": "object" } }]);
    let server = McpServer::start(tool("Looks."));
    let model = booker();
    let home = home(&model, &[server.place()]);
    let _daemon = home.start();
    let mcp = json!({ "endpoint": format!("http://{}/mcp", server.place()) });
    let grant = json!({ "mcp": mcp, "allow": ["*"], "approval": "never", "traits": { "untrusted": true } });
    publish(&home, "helper", &json!({ "tools": [grant] }));
    let shown = |more: &[&str]| {
        let words = [&["agents", "tools", "helper"], more].concat();
        home.client(&words).expect_code(0)
    };
    let first = shown(&["--json"]).json();
    let one = &first["grants"][0];
    assert_eq!(one["tools"][0]["name"], "look", "{first}");
    assert_eq!(one["tools"][0]["approval"], "never", "{first}");
    assert!(one["pinned"].is_null() && one["manifest"].is_string(), "{first}");
    assert!(shown(&[]).stdout.contains("is not pinned"));
    let _pinned = shown(&["--pin"]);
    let now = shown(&["--json"]).json();
    assert_eq!(now["grants"][0]["pinned"], one["manifest"], "{now}");
    assert_ne!(now["version"], first["version"], "a version of its own");
    server.set_tools(tool("Looks, and tells everybody."));
    let words = shown(&[]).stdout;
    assert!(
        words.contains("ANOTHER") && words.contains("tells everybody"),
        "{words}"
    );
    assert_eq!(model.told().len(), 0, "no model is asked");
    assert!(server.calls().is_empty(), "no tool is called");
}
