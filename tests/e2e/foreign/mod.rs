//! Agents that others wrote, as steps: examples of the protocol's own kits from npm and PyPI, one that does what the test
//! says, and command lines.

mod command;
mod elsewhere;
mod kits;
mod protocol;

use std::path::{Path, PathBuf};
use std::process::Command;

use dirigent_tests::{Daemon, Home};
use serde_json::{Value, json};

use crate::agent_steps::{ask, decide, publish_as, question, settled};

/// A home with a repository and a file that nobody may read.
pub(super) struct Story {
    pub(super) home: Home,
    daemon: Option<Daemon>,
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
        publish_as(&self.home, "helper", &spec);
    }

    /// A run of one step, `more` of it beside the call.
    pub(super) fn ask(&self, task: &str, more: &str) -> Value {
        ask(&self.home, task, more)
    }

    pub(super) fn question(&self, run: &Value) -> Value {
        question(&self.home, run)
    }

    pub(super) fn decide(&self, asked: &Value, word: &str) {
        decide(&self.home, asked, word, "so I say");
    }

    pub(super) fn settled(&self, run: &Value) -> Value {
        settled(&self.home, run["run"].as_str().unwrap_or_else(|| panic!("{run}")))
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

    /// The same without the wall around them, which waits for its command.
    pub(super) fn agents(&self) -> usize {
        let processes = self.processes();
        processes
            .iter()
            .filter(|line| !line.starts_with("bwrap "))
            .count()
    }
}

/// The agent that does what the first word of its prompt says.
pub(super) fn scripted(more: &[&str]) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("e2e/foreign/agent.py");
    let arguments: Vec<&str> = [&[script.to_str().unwrap()][..], more].concat();
    json!({ "command": "/usr/bin/python3", "arguments": arguments, "reads": [script] })
}
