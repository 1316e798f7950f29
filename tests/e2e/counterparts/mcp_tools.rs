//! The reference servers of the Model Context Protocol as tools of an agent: server-everything over pipes and over
//! streamable HTTP, server-filesystem over pipes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dirigent_tests::{Home, Model, Say};
use serde_json::{Value, json};

use crate::agent_steps::{ask, decide, events, home, publish, question, results, settled};
use crate::installed::{free_port, from_npm, reference_server_alone, served};

const EVERYTHING: &str = "@modelcontextprotocol/server-everything@2026.8.31";
const FILESYSTEM: &str = "@modelcontextprotocol/server-filesystem@2026.8.31";

/// The folder of a package with all it needs, which its program may read.
fn installed(program: &Path) -> &Path {
    let all = program.ancestors().find(|place| place.ends_with("node_modules"));
    all.unwrap()
}

/// The list of tools that a run's first turn was offered, by digest.
fn manifest(home: &Home, run: &Value) -> String {
    let events = events(home, run["run"].as_str().unwrap());
    let turn = events
        .iter()
        .find(|event| event["outcome"]["turn"].is_object())
        .unwrap_or_else(|| panic!("{run}\n{}", home.log()));
    turn["outcome"]["turn"]["facts"]["manifests"][0]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_everything_server_is_tools_of_an_agent_over_both_transports() {
    let Some(server) = from_npm(EVERYTHING, "mcp-server-everything") else {
        return;
    };
    let _alone = reference_server_alone();
    let port = free_port();
    let place = format!("localhost:{port}");
    let mut command = Command::new(&server);
    command.arg("streamableHttp").env("PORT", port.to_string());
    let _served = served(&mut command, &place);
    let model = Model::start(Duration::ZERO, |body| match results(body).len() {
        0 => Say::Calls(vec![
            ("echo".into(), json!({ "message": "hällo" })),
            ("get-sum".into(), json!({ "a": 2, "b": 40 })),
        ]),
        2 => Say::call("get-tiny-image", json!({})),
        _ => Say::Text(results(body).join("|")),
    });
    let home = home(&model, std::slice::from_ref(&place));
    let _daemon = home.start();
    for transport in [
        json!({ "command": server, "reads": [installed(&server)] }),
        json!({ "endpoint": format!("http://{place}/mcp") }),
    ] {
        used(&home, &transport);
    }
}

/// The same story over any transport.
fn used(home: &Home, transport: &Value) {
    let grant = |pinned: Option<&str>, approval: &str| {
        let mut mcp = transport.clone();
        if let Some(pinned) = pinned {
            mcp["manifest"] = json!(pinned);
        }
        json!({ "tools": [ { "mcp": mcp, "allow": ["echo", "get-sum"], "approval": approval, "traits": {} } ] })
    };
    publish(home, "helper", &grant(None, "never"));
    let run = ask(home, "say", "");
    assert_eq!(run["status"], "completed", "{run}\n{}", home.log());
    let said = run["output"].as_str().unwrap();
    assert!(said.contains("Echo: hällo") && said.contains("42"), "{said}");
    assert!(said.contains("refused"), "what was not granted: {said}");
    // The list it was is pinned: it holds, and another one asks a person first.
    let pinned = manifest(home, &run);
    publish(home, "helper", &grant(Some(&pinned), "never"));
    assert_eq!(ask(home, "say", "")["status"], "completed");
    publish(home, "helper", &grant(Some(&"0".repeat(64)), "never"));
    let run = ask(home, "say", "");
    assert_eq!(run["status"], "waiting", "{run}");
    let asked = question(home, &run);
    assert!(
        asked["request"]["reason"]
            .as_str()
            .unwrap()
            .contains("not the ones"),
        "{asked}"
    );
    // Its class holds: a person sees the call and where it goes.
    publish(home, "helper", &grant(Some(&pinned), "ask"));
    let run = ask(home, "say", "");
    assert_eq!(run["status"], "waiting", "{run}");
    let asked = question(home, &run);
    let shown = &asked["request"]["payload"];
    let parameters = &shown["request"]["mcp"]["parameters"];
    assert!(
        parameters["name"] == "echo" || parameters["name"] == "get-sum",
        "{asked}"
    );
    assert!(!shown["destination"].as_str().unwrap().is_empty(), "{asked}");
}

#[test]
fn the_filesystem_server_writes_what_a_person_has_seen_and_nothing_outside() {
    let Some(server) = from_npm(FILESYSTEM, "mcp-server-filesystem") else {
        return;
    };
    let model = Model::start(Duration::ZERO, |body| {
        let messages = body["messages"].as_array().unwrap();
        let task = messages[0]["content"].as_str().unwrap().to_owned();
        match results(body).last() {
            None if task.starts_with("read ") => {
                Say::call("read_text_file", json!({ "path": task["read ".len()..] }))
            }
            None => Say::call("write_file", json!({ "path": task, "content": "new" })),
            Some(answer) => Say::Text(answer.clone()),
        }
    });
    let home = home(&model, &[]);
    let _daemon = home.start();
    let work = home.path("work");
    std::fs::create_dir_all(&work).unwrap();
    let work = work.canonicalize().unwrap();
    let server =
        json!({ "command": server, "arguments": [work], "workspace": work, "reads": [installed(&server)] });
    let tools = json!({ "tools": [
        { "mcp": server, "allow": ["write_file"], "approval": "ask" },
        { "mcp": server, "allow": ["read_text_file"], "approval": "never", "traits": {} },
    ] });
    publish(&home, "helper", &tools);
    let (path, outside) = (work.join("a.txt"), home.path("outside.txt"));
    std::fs::write(&path, "old").unwrap();
    std::fs::write(&outside, "SECRET").unwrap();
    let read = ask(&home, &format!("read {}", path.display()), "");
    assert!(
        read["output"].as_str().is_some_and(|text| text.contains("old")),
        "{read}\n{}",
        home.log()
    );
    let read = ask(&home, &format!("read {}", outside.display()), "");
    let said = read["output"].as_str().unwrap();
    assert!(!said.contains("SECRET") && said.contains("denied"), "{said}");
    for (word, file, now) in [
        ("deny", &path, "old"),
        ("approve", &path, "new"),
        ("approve", &outside, "SECRET"),
    ] {
        writes(&home, file, word);
        assert_eq!(
            std::fs::read_to_string(file).unwrap(),
            now,
            "{word} {}",
            file.display()
        );
    }
}

/// The agent wants to write; a person sees what and where it goes, and answers.
fn writes(home: &Home, file: &Path, word: &str) {
    let run = ask(home, &file.display().to_string(), "");
    assert_eq!(run["status"], "waiting", "{run}");
    let asked = question(home, &run);
    let shown = &asked["request"]["payload"];
    let call = &shown["request"]["mcp"]["parameters"];
    let wanted = json!({ "path": file, "content": "new" });
    assert_eq!(
        (&call["name"], &call["arguments"]),
        (&json!("write_file"), &wanted),
        "{asked}"
    );
    let destination = shown["destination"].as_str().unwrap();
    assert!(destination.contains("server-filesystem"), "{asked}");
    decide(home, &asked, word, "so I say");
    let run = settled(home, run["run"].as_str().unwrap());
    assert_eq!(run["status"], "completed", "{run}");
}
