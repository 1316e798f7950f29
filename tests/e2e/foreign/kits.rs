//! Agents nobody here wrote: the examples of the protocol's kits for TypeScript (npm) and Python (PyPI).

use std::path::PathBuf;
use std::process::Command;

use dirigent_tests::skip;
use serde_json::{Value, json};

use super::Story;
use crate::installed::{beside, from_pypi, quietly, source_of};

/// The last version whose package holds its example.
const NPM: [&str; 2] = ["@zed-industries/agent-client-protocol@0.4.5", "esbuild@0.25.10"];
const PYPI: &str = "agent-client-protocol==0.12.1";

/// The example of the TypeScript kit as one file, made once beside what is built.
fn typescript() -> Option<Value> {
    let folder = beside("e2e-acp-npm");
    let (bundle, modules) = (folder.join("agent.mjs"), folder.join("node_modules"));
    let made = bundle.exists() || {
        std::fs::create_dir_all(&folder).unwrap();
        let mut install = Command::new("npm");
        install
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .args(NPM);
        let mut build = Command::new(modules.join(".bin/esbuild"));
        build
            .arg(modules.join("@zed-industries/agent-client-protocol/typescript/examples/agent.ts"))
            .args(["--bundle", "--platform=node", "--format=esm", "--log-level=error"])
            .arg(format!("--outfile={}", bundle.display()));
        quietly(&mut install) && quietly(&mut build)
    };
    if !made {
        skip("npm does not bring the example of the protocol's TypeScript kit");
        return None;
    }
    let bundle = bundle.canonicalize().unwrap();
    Some(json!({ "command": "node", "arguments": [bundle], "reads": [bundle] }))
}

/// The echoing example of the Python kit.
fn python() -> Option<Value> {
    let bin = from_pypi("e2e-acp-pypi", &[PYPI])?;
    let source = source_of(&bin, PYPI, "agent_client_protocol-0.12.1")?;
    let (python, folder) = (bin.join("python"), source.parent().unwrap());
    let folder = folder.canonicalize().unwrap();
    let asked = Command::new(&python)
        .args(["-c", "import sys; print(sys.base_prefix)"])
        .output()
        .unwrap();
    let base = PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim());
    Some(json!({
        "command": folder.join("bin/python"),
        "arguments": [folder.join("agent_client_protocol-0.12.1/examples/echo_agent.py")],
        "reads": [folder, base],
    }))
}

#[test]
fn the_typescript_kits_example_asks_and_obeys() {
    let Some(agent) = typescript() else { return };
    let story = Story::new();
    story.publish(&agent);
    for (word, said) in [
        ("approve", "Perfect!"),
        ("deny", "I'll skip the configuration update"),
    ] {
        let run = story.ask("make it better", "");
        assert_eq!(run["status"], "waiting", "{run}\n{}", story.home.log());
        let asked = story.question(&run);
        let request = &asked["request"];
        assert!(
            request["title"]
                .as_str()
                .unwrap()
                .contains("Modifying critical configuration file"),
            "{asked}"
        );
        let shown = &request["payload"]["request"]["permission"];
        assert_eq!(
            (&shown["option"], shown["options"].as_array().unwrap().len()),
            (&json!("allow"), 2),
            "{asked}"
        );
        story.decide(&asked, word);
        let run = story.settled(&run);
        let text = run["output"]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{run}\n{}", story.home.log()));
        assert!(text.contains("read") && text.contains(said), "{text}");
        assert_eq!(
            (&run["output"]["stop_reason"], &run["output"]["diff"]),
            (&json!("end_turn"), &json!(""))
        );
    }
    assert_eq!((story.worktrees(), story.agents()), (0, 0));
}

#[test]
fn the_python_kits_example_echoes() {
    let Some(agent) = python() else { return };
    let story = Story::new();
    story.publish(&agent);
    let run = story.ask("hällo, agent", "");
    assert_eq!(
        run["output"]["text"],
        "hällo, agent",
        "{run}\n{}",
        story.home.log()
    );
    assert_eq!((story.worktrees(), story.agents()), (0, 0));
}
