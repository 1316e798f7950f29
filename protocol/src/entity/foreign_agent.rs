//! An agent that somebody else wrote: a program of this machine and where it works, or an agent elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::{ApprovalClass, Sandbox};

/// How a foreign agent is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForeignKind {
    /// It speaks the Agent Client Protocol over its standard input and output.
    #[default]
    Acp,
    /// It is given the prompt, and prints an answer.
    Command,
    /// It is elsewhere and speaks the A2A protocol, 0.3 or 1.0.
    A2a,
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForeignOutput {
    /// Words.
    #[default]
    Text,
    /// One JSON value.
    Json,
    /// A JSON value a line.
    Jsonl,
}

/// What becomes of an agent's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeepTree {
    /// It goes; what was changed is in the step's output.
    Never,
    /// It stays where something was changed.
    #[default]
    Changed,
    /// It stays.
    Always,
}

/// A program that is an agent, or an agent elsewhere. Its prompt, schemas and time are those of the definition around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForeignAgent {
    /// How it is spoken to.
    pub kind: ForeignKind,
    /// Of `a2a`: the address of its card.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub card: String,
    /// Of `a2a`: its JSON-RPC address, where it has no card or its card leads to another server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    /// Of `a2a`: `NAME` or `NAME/KEY` of the secret it is sent as a bearer token. It goes to that server alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// Of `a2a`: the longest time between two looks at its task, seconds; 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_s: Option<u32>,
    /// The program: an absolute path, or a name on the daemon's PATH.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Its arguments. Of a `command`, `{prompt}` in one is the prompt; without it, the prompt is its standard input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Its variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Secrets it is granted: a variable, and `NAME` or `NAME/KEY` of the secret. They are in its environment alone: not in
    /// its arguments, not in that of commands it has run for it, and no live text of it is shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// The git repository it works on, absolute: it gets a worktree of its own. Without one it begins in an empty directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repository: String,
    /// The commit, branch or tag it begins at; what is checked out where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base: String,
    /// What it is kept to: `build` has no network. The daemon's `[run] agent_sandbox` says how far that may go.
    pub sandbox: Sandbox,
    /// What else it may read, absolute paths: its own installation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// What becomes of its tree.
    pub keep: KeepTree,
    /// Whether a person is asked where it asks for permission. Without it: asked; a rule may answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalClass>,
    /// What a `command` prints.
    pub output: ForeignOutput,
    /// JSON pointer of the answer in that; of lines, in the last one that has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// JSON pointer of what it cost, US dollars.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cost_usd: String,
    /// JSON pointer of the tokens it read.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub input_tokens: String,
    /// JSON pointer of the tokens it wrote.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output_tokens: String,
}

impl Default for ForeignAgent {
    fn default() -> Self {
        Self {
            kind: ForeignKind::default(),
            card: String::new(),
            endpoint: String::new(),
            token: String::new(),
            poll_s: None,
            command: String::new(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            repository: String::new(),
            base: String::new(),
            sandbox: Sandbox::Build,
            reads: Vec::new(),
            keep: KeepTree::default(),
            approval: None,
            output: ForeignOutput::default(),
            answer: String::new(),
            cost_usd: String::new(),
            input_tokens: String::new(),
            output_tokens: String::new(),
        }
    }
}

impl ForeignAgent {
    /// What is wrong with it, and in which field.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.kind == ForeignKind::A2a {
            return self.problem_elsewhere();
        }
        let remote = [
            ("card", &self.card),
            ("endpoint", &self.endpoint),
            ("token", &self.token),
        ];
        if let Some((name, _)) = remote.iter().find(|(_, text)| !text.is_empty()) {
            return Some((*name, "it needs `kind: a2a`"));
        }
        if self.poll_s.is_some() {
            return Some(("poll_s", "it needs `kind: a2a`"));
        }
        let absolute = |path: &String| path.starts_with('/');
        let pointer = |text: &String| text.is_empty() || text.starts_with('/');
        if self.command.is_empty() || (self.command.contains('/') && !absolute(&self.command)) {
            return Some(("command", "it must be a name, or an absolute path"));
        }
        if !self.repository.is_empty() && !absolute(&self.repository) {
            return Some(("repository", "it must be an absolute path"));
        }
        if !self.reads.iter().all(absolute) {
            return Some(("reads", "they must be absolute paths"));
        }
        let variable = |name: &String| {
            let mut letters = name.chars();
            letters
                .next()
                .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        if !self.secrets.keys().all(variable) || self.secrets.values().any(String::is_empty) {
            return Some(("secrets", "write `VARIABLE: name-of-the-secret`"));
        }
        if self
            .secrets
            .keys()
            .any(|name| self.environment.contains_key(name))
        {
            return Some(("secrets", "one of them is in `environment` too"));
        }
        for (name, text) in [
            ("answer", &self.answer),
            ("cost_usd", &self.cost_usd),
            ("input_tokens", &self.input_tokens),
            ("output_tokens", &self.output_tokens),
        ] {
            if !pointer(text) {
                return Some((name, "it must be a JSON pointer, such as `/result`"));
            }
            if !text.is_empty() && (self.kind != ForeignKind::Command || self.output == ForeignOutput::Text) {
                return Some((name, "it needs `kind: command` and `output: json` or `jsonl`"));
            }
        }
        None
    }

    /// What is wrong with an agent elsewhere.
    fn problem_elsewhere(&self) -> Option<(&'static str, &'static str)> {
        let web = |text: &String| text.starts_with("https://") || text.starts_with("http://");
        if self.card.is_empty() && self.endpoint.is_empty() {
            return Some(("card", "write the address of its card, or its `endpoint`"));
        }
        for (name, text) in [("card", &self.card), ("endpoint", &self.endpoint)] {
            if !text.is_empty() && !web(text) {
                return Some((name, "it must be an address, `https://…` or `http://…`"));
            }
        }
        if self.poll_s.is_some_and(|seconds| !(1..=3_600).contains(&seconds)) {
            return Some(("poll_s", "it must be 1 to 3600 seconds"));
        }
        let programs = [
            ("command", self.command.is_empty()),
            ("arguments", self.arguments.is_empty()),
            ("environment", self.environment.is_empty()),
            ("secrets", self.secrets.is_empty()),
            ("repository", self.repository.is_empty()),
            ("base", self.base.is_empty()),
            ("reads", self.reads.is_empty()),
            ("sandbox", self.sandbox == Sandbox::Build),
            ("answer", self.answer.is_empty()),
            ("cost_usd", self.cost_usd.is_empty()),
            ("input_tokens", self.input_tokens.is_empty()),
            ("output_tokens", self.output_tokens.is_empty()),
        ];
        let set = programs.iter().find(|(_, empty)| !empty);
        set.map(|(name, _)| {
            (
                *name,
                "an agent elsewhere is no program of this machine: leave it out",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_elsewhere_has_an_address_and_no_program() {
        let of = |text: &str| {
            let foreign: ForeignAgent = serde_json::from_str(text).unwrap_or_default();
            foreign.problem().map(|(field, _)| field)
        };
        for (text, wrong) in [
            (r#"{"kind": "a2a", "card": "https://h/card"}"#, None),
            (
                r#"{"kind": "a2a", "endpoint": "http://h/rpc", "token": "t/k", "poll_s": 2}"#,
                None,
            ),
            (r#"{"kind": "a2a"}"#, Some("card")),
            (r#"{"kind": "a2a", "card": "file:/x"}"#, Some("card")),
            (
                r#"{"kind": "a2a", "card": "https://h", "poll_s": 0}"#,
                Some("poll_s"),
            ),
            (
                r#"{"kind": "a2a", "card": "https://h", "command": "x"}"#,
                Some("command"),
            ),
            (
                r#"{"kind": "a2a", "card": "https://h", "sandbox": "host"}"#,
                Some("sandbox"),
            ),
            (r#"{"command": "x", "token": "t"}"#, Some("token")),
        ] {
            assert_eq!(of(text), wrong, "{text}");
        }
    }
}
