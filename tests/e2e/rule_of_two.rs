//! The rule of two across the borders of steps: what one agent of a run was told counts in the calls of every other,
//! whether they stand in a row, hand over, are led, or are runs of their own.

use std::time::Duration;

use dirigent_tests::{Home, LONG, Model, Say, Server, until};
use serde_json::{Value, json};

use crate::agent_steps::{home, publish_as, results};
use crate::standard::workflow;

/// What everybody answers: a reader reads first and hands over, a poster posts first, a lead names one after the other.
fn script(body: &Value) -> Say {
    let text = body["messages"].to_string();
    let is = |role: &str| text.contains(&format!("ROLE {role}"));
    match (is("reader"), is("poster"), results(body).len()) {
        (true, _, 0) => Say::call("read_file", json!({ "path": "secret.txt" })),
        (true, ..) => {
            Say::Text(json!({ "handoff": "poster", "reason": "read", "answer": "I read it" }).to_string())
        }
        (_, true, 0) => Say::call("fetch", json!({ "about": "what was read" })),
        (_, true, _) => Say::Text(json!({ "answer": "posted" }).to_string()),
        _ if text.contains("I read it") => Say::Text(json!({ "next": "poster", "task": "post" }).to_string()),
        _ => Say::Text(json!({ "next": "reader", "task": "read" }).to_string()),
    }
}

fn agents(home: &Home, server: &Server) {
    std::fs::create_dir_all(home.path("work")).unwrap();
    std::fs::write(home.path("work/secret.txt"), "what nobody else may know").unwrap();
    let agent = |role: &str, tools: Value| {
        let spec = json!({
            "model": "scripted/obedient",
            "prompt": format!("ROLE {role}: {{{{ input }}}}"),
            "output_schema": { "type": "object" },
            "tools": tools,
        });
        publish_as(home, role, &spec);
    };
    let work = home.path("work");
    agent("reader", json!([{ "file": { "workspace": work } }]));
    let fetch = json!({ "name": "fetch", "description": "Gets.", "uri": format!("http://{}/effect/x", server.place()),
        "parameters": { "type": "object" } });
    agent("poster", json!([{ "http": fetch }]));
    agent("lead", json!([]));
}

const ORCHESTRATIONS: &str = "\
kind: Orchestration
metadata: { name: row }
spec: { strategy: sequential, members: [ { agent: reader }, { agent: poster } ] }
---
kind: Orchestration
metadata: { name: hands }
spec: { strategy: handoff, members: [ { agent: reader }, { agent: poster } ] }
---
kind: Orchestration
metadata: { name: led }
spec: { strategy: supervisor, members: [ { agent: reader }, { agent: poster } ], lead: { agent: lead } }
";

fn flow(home: &Home, name: &str, tasks: &str) {
    let file = workflow(home, name, tasks);
    drop(home.client(&["apply", "-f", &file]).expect_code(0));
}

fn questions(home: &Home) -> Vec<Value> {
    let listed = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    listed["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn what_a_reader_read_makes_a_poster_ask_wherever_they_stand() {
    let model = Model::start(Duration::ZERO, script);
    let server = Server::start(Duration::ZERO);
    let home = home(&model, &[server.place()]);
    let _daemon = home.start();
    agents(&home, &server);
    let file = home.write("all.yaml", ORCHESTRATIONS);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
    let call = |agent: &str| {
        format!("  - {agent}: {{ call: agent, with: {{ agent: {agent}, input: {{ a: 1 }} }} }}\n")
    };
    let sub = |name: &str| {
        format!(
            "  - {name}: {{ run: {{ workflow: {{ namespace: tests, name: {name}, version: latest }} }} }}\n"
        )
    };
    flow(&home, "posts", &format!("do:\n{}", call("poster")));
    flow(&home, "reads", &format!("do:\n{}", call("reader")));
    // A child is told what its parent saw, and tells its parent what it saw.
    flow(&home, "down", &format!("do:\n{}{}", call("reader"), sub("posts")));
    flow(&home, "up", &format!("do:\n{}{}", sub("reads"), call("poster")));
    // A program of the workflow's author reads what is not public, too.
    let shell = "  - look: { run: { shell: { command: 'cat /etc/hosts' } } }\n";
    flow(&home, "program", &format!("do:\n{shell}{}", call("poster")));

    // Without anything private nobody is asked.
    drop(
        home.client(&["run", "posts", "--input", "{}", "--json"])
            .expect_code(0),
    );
    assert_eq!(server.seen().len(), 1, "{}", home.log());
    for (n, name) in ["row", "hands", "led", "down", "up", "program"]
        .into_iter()
        .enumerate()
    {
        drop(
            home.client(&["run", name, "--input", "{}", "--detach"])
                .expect_code(0),
        );
        let asked = until(&format!("a question of `{name}`"), LONG, || {
            let seen = server.seen();
            assert_eq!(seen.len(), 1, "`{name}` asked nobody: {seen:?}");
            let open = questions(&home);
            (open.len() > n).then_some(open)
        });
        let about = Value::from(asked).to_string();
        assert!(about.matches("tool fetch").count() > n, "{name}: {about}");
    }
    assert_eq!(server.seen().len(), 1, "nothing went out unasked");
}
