//! Agents that others wrote, as steps: examples of the protocol's own kits from npm and PyPI, one that does what the test
//! says, and command lines.

mod command;
mod kits;
mod protocol;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dirigent_tests::{Daemon, Home, LONG, until};
use serde_json::{Value, json};

use crate::agents_tools::events;
use crate::standard::workflow;

/// A home with a repository and a file that nobody may read.
pub(super) struct Story {
    pub(super) home: Home,
    daemon: Option<Daemon>,
}

pub(super) fn quietly(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn git(repository: &Path, words: &[&str]) -> String {
    let ran = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["-c", "user.name=dana", "-c", "user.email=dana@example.org"])
        .args(words)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).unwrap()
}

impl Story {
    pub(super) fn new() -> Self {
        let home = Home::new(&[]);
        std::fs::write(home.path("secret.txt"), "TOP-SECRET").unwrap();
        let repository = home.path("repository");
        std::fs::create_dir(&repository).unwrap();
        std::fs::write(repository.join("README"), "the readme\n").unwrap();
        git(&repository, &["init", "-q"]);
        git(&repository, &["add", "-A"]);
        git(&repository, &["commit", "-q", "-m", "first"]);
        let daemon = Some(home.start());
        Self { home, daemon }
    }

    /// Publishes `helper`, which is a program.
    pub(super) fn publish(&self, foreign: &Value) {
        let mut foreign = foreign.clone();
        if foreign["repository"].is_null() {
            foreign["repository"] = json!(self.home.path("repository"));
        }
        let spec = json!({ "prompt": "{{ input.task }}", "foreign": foreign, "timeout_s": 60 });
        let agent = json!({ "kind": "Agent", "metadata": { "name": "helper" }, "spec": spec });
        let file = self.home.write("helper.json", &agent.to_string());
        let applied = self
            .home
            .client(&["apply", "-f", file.to_str().unwrap(), "--json"]);
        drop(applied.expect_code(0));
    }

    /// A run of one step, `more` of it beside the call.
    pub(super) fn ask(&self, task: &str, more: &str) -> Value {
        let text = format!(
            "do:\n  - a:\n      call: agent\n      with: {{ agent: helper, input: {{ task: '${{ .task }}' }} }}\n{more}"
        );
        let file = workflow(&self.home, "ask", &text);
        let input = json!({ "task": task }).to_string();
        let words = [
            "run",
            "-f",
            &file,
            "--input",
            &input,
            "--no-wait-approvals",
            "--json",
        ];
        let printed = self.home.client(&words);
        serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", self.home.log()))
    }

    /// The newest question of a run that nobody answered.
    pub(super) fn question(&self, run: &Value) -> Value {
        let id = run["run"].as_str().unwrap_or_else(|| panic!("{run}"));
        until("a question", LONG, || {
            let events = events(&self.home, id);
            let decided = |asked: &Value| {
                events.iter().any(|event| {
                    event["type"] == "approval.decided" && event["approval"] == asked["approval"]
                })
            };
            let mut asked = events
                .iter()
                .filter(|event| event["type"] == "approval.requested");
            asked.rfind(|asked| !decided(asked)).cloned()
        })
    }

    pub(super) fn decide(&self, asked: &Value, word: &str) {
        let (approval, digest) = (
            asked["approval"].as_str().unwrap(),
            asked["digest"].as_str().unwrap(),
        );
        let words = [
            "approvals",
            word,
            approval,
            "--digest",
            digest,
            "--reason",
            "so I say",
            "--json",
        ];
        drop(self.home.client(&words).expect_code(0));
    }

    pub(super) fn settled(&self, run: &Value) -> Value {
        let id = run["run"].as_str().unwrap_or_else(|| panic!("{run}"));
        until("the run to end", LONG, || {
            let run = self
                .home
                .client(&["runs", "show", id, "--json"])
                .expect_code(0)
                .json();
            let over = ["completed", "faulted", "cancelled"];
            over.iter().any(|word| run["status"] == *word).then_some(run)
        })
    }

    pub(super) fn kill(&mut self) {
        self.daemon.take().unwrap().kill();
        self.daemon = Some(self.home.start());
    }

    /// Worktrees that the repository knows of beside itself.
    pub(super) fn worktrees(&self) -> usize {
        let listed = git(
            &self.home.path("repository"),
            &["worktree", "list", "--porcelain"],
        );
        listed.matches("worktree ").count() - 1
    }

    /// Processes that work for agents.
    pub(super) fn processes(&self) -> Vec<String> {
        let folder = self.home.path("data/foreign");
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            if cwd.starts_with(&folder) {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push(String::from_utf8_lossy(&line).replace('\0', " "));
            }
        }
        found
    }
}

/// The agent that does what the first word of its prompt says.
pub(super) fn scripted(more: &[&str]) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("e2e/foreign/agent.py");
    let arguments: Vec<&str> = [&[script.to_str().unwrap()][..], more].concat();
    json!({ "command": "/usr/bin/python3", "arguments": arguments, "reads": [script] })
}
