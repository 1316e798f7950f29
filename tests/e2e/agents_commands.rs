//! Programs of agents in their sandbox, against a scripted model: what they need works, what leads out is denied and told
//! to the model, and nobody gets more than the daemon's own rule allows.

use std::time::Duration;

use dirigent_tests::{Home, Model, Say};
use serde_json::{Value, json};

use crate::agent_steps::{events, home, publish, results};
use crate::standard::workflow;

/// `[run]` as it is.
const USUAL: &str = "shell = \"allow\"";

/// What an agent with these tools answers when its model makes these calls, one after the other.
fn answers(run: &str, tools: &Value, calls: Vec<(&'static str, Value)>) -> (Home, Vec<String>) {
    let model = Model::start(Duration::ZERO, move |body| match calls.get(results(body).len()) {
        Some((name, arguments)) => Say::call(name, arguments.clone()),
        None => Say::Text(json!(results(body)).to_string()),
    });
    let home = home(&model, &[]);
    let config = std::fs::read_to_string(home.path("daemon.toml")).unwrap();
    drop(home.write("daemon.toml", &config.replace("shell = \"allow\"", run)));
    let daemon = home.start();
    let work = home.path("work");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("a.txt"), "one\ntwo words\n").unwrap();
    std::fs::write(work.join("build.sh"), "tr a-z A-Z < a.txt > made && cat made\n").unwrap();
    let leave = "echo x > ../outside.txt; cat ../secret.txt; echo y > inside.txt\n";
    std::fs::write(work.join("leave.sh"), leave).unwrap();
    std::fs::write(home.path("secret.txt"), "TOP-SECRET").unwrap();
    let placed = tools.to_string().replace("WORK", work.to_str().unwrap());
    let spec = json!({ "tools": serde_json::from_str::<Value>(&placed).unwrap() });
    publish(&home, "helper", &spec);
    let document = workflow(
        &home,
        "ask",
        "do:\n  - a: { call: agent, with: { agent: helper, input: { task: go } } }\n",
    );
    let run = home
        .client(&["run", "-f", &document, "--json"])
        .expect_code(0)
        .json();
    let said = run["output"]
        .as_str()
        .unwrap_or_else(|| panic!("{run}\n{}", home.log()));
    let told = serde_json::from_str(said).unwrap();
    daemon.stop();
    (home, told)
}

/// A tool that asks nobody.
fn tool(name: &str, program: &str, more: Value) -> Value {
    let mut command = json!({ "name": name, "program": program, "workspace": "WORK" });
    for (field, value) in more.as_object().unwrap() {
        command[field] = value.clone();
    }
    json!({ "command": command, "approval": "never", "traits": {} })
}

/// What the sandbox denied, or the wall before it.
fn denials(told: &str) -> usize {
    told.matches("ermission denied").count() + told.matches("Read-only file system").count()
}

#[test]
fn an_agent_searches_and_builds_and_what_leads_out_is_denied_and_told() {
    let mut search = tool("search", "grep", json!({ "arguments": ["-rn"] }));
    search["arguments"] = json!({ "search": {
        "properties": { "arguments": { "maxItems": 2, "items": { "not": { "pattern": "^-" } } } },
    } });
    let tools = json!([
        search,
        tool(
            "build",
            "sh",
            json!({ "arguments": ["./build.sh"], "sandbox": "build" })
        ),
        tool("look", "sh", json!({ "arguments": ["./leave.sh"] })),
        tool(
            "leave",
            "sh",
            json!({ "arguments": ["./leave.sh"], "sandbox": "build" })
        ),
        tool(
            "upper",
            "tr",
            json!({ "arguments": ["a-z", "A-Z"], "stdin": true })
        ),
        tool("slow", "sleep", json!({ "timeout_s": 1 })),
    ]);
    let calls = vec![
        ("search", json!({ "arguments": ["two words", "."] })),
        ("search", json!({ "arguments": ["--file=/etc/passwd", "."] })),
        ("search", json!({ "arguments": ["SECRET", "../secret.txt"] })),
        ("build", json!({})),
        ("look", json!({})),
        ("leave", json!({})),
        ("upper", json!({ "arguments": [], "stdin": "abc" })),
        ("slow", json!({ "arguments": ["100"] })),
    ];
    let (home, told) = answers(USUAL, &tools, calls);
    assert_eq!(told.len(), 8, "{told:#?}");
    assert!(told[0].contains("a.txt:2:two words"), "{told:#?}");
    assert!(
        told[1].contains("refused") && told[1].contains("do not fit"),
        "{told:#?}"
    );
    assert!(told[2].contains("Permission denied"), "{told:#?}");
    assert!(told[3].contains("TWO WORDS"), "{told:#?}");
    // What only reads writes nothing, not even in its workspace.
    assert_eq!(denials(&told[4]), 3, "{told:#?}");
    assert_eq!(denials(&told[5]), 2, "{told:#?}");
    assert!(told[6].contains("ABC"), "{told:#?}");
    assert!(told[7].contains("ended after 1 s"), "{told:#?}");
    assert!(
        told.iter().all(|answer| !answer.contains("TOP-SECRET")),
        "{told:#?}"
    );
    assert!(!home.path("outside.txt").exists());
    let mut left: Vec<_> = std::fs::read_dir(home.path("work"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["a.txt", "build.sh", "inside.txt", "leave.sh", "made"]);
}

#[test]
fn nobody_gets_more_than_the_daemon_allows() {
    let tools = json!([tool("make", "touch", json!({ "sandbox": "online" }))]);
    let calls = || vec![("make", json!({ "arguments": ["made"] }))];
    let (home, told) = answers(USUAL, &tools, calls());
    assert!(told[0].contains("agent_sandbox"), "{told:#?}");
    assert!(!home.path("work/made").exists());
    let (home, told) = answers("agent_sandbox = \"online\"", &tools, calls());
    assert!(home.path("work/made").exists(), "{told:#?}");
    // The rule for all commands is stricter than what agents may ask for.
    let config = "agent_sandbox = \"online\"\nsandbox = \"pure\"";
    let (home, told) = answers(config, &tools, calls());
    assert!(told[0].contains("Permission denied"), "{told:#?}");
    assert!(!home.path("work/made").exists());
    let (_, told) = answers("shell = \"deny\"", &tools, calls());
    assert!(told[0].contains("Commands are not allowed"), "{told:#?}");
}

#[test]
fn a_program_that_writes_is_shown_to_a_person_word_by_word() {
    let model = Model::start(Duration::ZERO, |body| match results(body).last() {
        None => Say::call("touch", json!({ "arguments": ["a b", "$(id)"] })),
        Some(answer) => Say::Text(answer.clone()),
    });
    let home = home(&model, &[]);
    let _daemon = home.start();
    std::fs::create_dir_all(home.path("work")).unwrap();
    let command =
        json!({ "name": "touch", "program": "touch", "workspace": home.path("work"), "sandbox": "build" });
    publish(&home, "helper", &json!({ "tools": [{ "command": command }] }));
    let document = workflow(
        &home,
        "ask",
        "do:\n  - a: { call: agent, with: { agent: helper, input: { task: go } } }\n",
    );
    let run = home
        .client(&["run", "-f", &document, "--no-wait-approvals", "--json"])
        .json();
    assert_eq!(run["status"], "waiting", "{run}");
    let asked = events(&home, run["run"].as_str().unwrap())
        .into_iter()
        .find(|event| event["type"] == "approval.requested")
        .unwrap();
    let shown = &asked["request"]["payload"]["request"]["command"];
    assert_eq!(shown["arguments"], json!(["a b", "$(id)"]), "{asked}");
    assert_eq!(
        (&shown["program"], &shown["sandbox"]),
        (&json!("touch"), &json!("build"))
    );
    assert_eq!(std::fs::read_dir(home.path("work")).unwrap().count(), 0);
}

#[test]
fn a_step_may_ask_for_a_stricter_sandbox_and_never_for_a_looser_one() {
    for (policy, asked, begun) in [
        ("host", None, true),
        ("host", Some("build"), false),
        ("pure", Some("host"), false),
    ] {
        let home = Home::new(&[]);
        drop(home.write(
            "daemon.toml",
            &format!("[run]\nshell = \"allow\"\nsandbox = {policy:?}\n"),
        ));
        let daemon = home.start();
        let out = home.path("out");
        let mut step = json!({ "run": { "shell": { "command": format!("echo x > {}", out.display()) }, "return": "code" } });
        if let Some(asked) = asked {
            step["metadata"] = json!({ "dirigent": { "sandbox": asked } });
        }
        let document = json!({
            "document": { "dsl": "1.0.3", "namespace": "t", "name": "strict", "version": "1.0.0" },
            "do": [{ "go": step }],
        });
        let file = home.write("strict.yaml", &document.to_string());
        let run = home
            .client(&["run", "--json", "-f", file.to_str().unwrap()])
            .expect_code(0)
            .json();
        assert_eq!(run["output"] == 0, begun, "{policy} {asked:?}: {run}");
        assert_eq!(out.exists(), begun, "{policy} {asked:?}");
        daemon.stop();
    }
}

#[test]
fn a_model_runs_what_it_writes_in_its_sandbox_and_in_no_other_language() {
    let script = json!({ "languages": ["sh"], "workspace": "WORK", "timeout_s": 5 });
    let tools = json!([{ "script": script, "approval": "never", "traits": {} }]);
    let calls = vec![
        (
            "run_script",
            json!({ "code": "n=0; while read -r line; do n=$((n + 1)); done < a.txt; echo \"$n lines\"" }),
        ),
        (
            "run_script",
            json!({ "code": "cat ../secret.txt; echo x > made" }),
        ),
        ("run_script", json!({ "code": "print(1)", "language": "python" })),
        ("run_script", json!({ "code": "while :; do :; done" })),
    ];
    let (home, told) = answers(USUAL, &tools, calls);
    assert!(told[0].contains("2 lines"), "{told:#?}");
    assert_eq!(denials(&told[1]), 2, "{told:#?}");
    assert!(told[2].contains("refused"), "{told:#?}");
    assert!(told[3].contains("ended after 5 s"), "{told:#?}");
    assert!(!home.path("work/made").exists());
    assert!(!told.concat().contains("TOP-SECRET"), "{told:#?}");
}
