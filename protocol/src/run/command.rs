//! Programs that agents may start, what programs are kept to, and what programs that are agents ask for.
//!
//! Invariant: a command is a program and its arguments, never a line that a shell would read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a program is kept to, strictest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// It reads programs and its workspace, and writes temporary files; little memory and time, no network.
    #[default]
    Pure,
    /// As that, and it writes its workspace.
    Build,
    /// As that, and it may open connections to the network.
    Online,
    /// It may do what the daemon's user may.
    Host,
}

impl Sandbox {
    /// Every one, strictest first.
    pub const ALL: [Self; 4] = [Self::Pure, Self::Build, Self::Online, Self::Host];

    /// As documents and the configuration name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Build => "build",
            Self::Online => "online",
            Self::Host => "host",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// One program of an agent, in its sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommandCall {
    /// The program: a path, or a name that is looked for where programs are.
    pub program: String,
    /// Its arguments, unchanged.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Text on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Its working directory, absolute.
    pub workspace: String,
    /// What it is kept to; the daemon's own rule may be stricter.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Milliseconds before it is ended.
    pub timeout_ms: u64,
}

/// An agent that somebody else wrote asks for leave to do something; the answer goes back to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PermissionCall {
    /// What it says it wants, one line.
    pub title: String,
    /// What it says about it, as the Agent Client Protocol has it.
    pub tool_call: Value,
    /// What it offers as answers.
    pub options: Vec<PermissionOption>,
    /// The one that is chosen where it is allowed.
    pub option: String,
}

/// An answer an agent offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PermissionOption {
    /// What goes back.
    pub id: String,
    /// For people.
    pub name: String,
    /// `allow_once`, `allow_always`, `reject_once`, `reject_always`.
    pub kind: String,
}

impl CommandCall {
    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        let shown: Vec<String> = words.map(|word| shown(word)).collect();
        format!(
            "{} in {} ({})",
            shown.join(" "),
            self.workspace,
            self.sandbox.name()
        )
    }
}

/// A word as it is, or in quotes where one could take it for several.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("{word:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_and_the_strictest_is_the_least() {
        let call = CommandCall {
            program: "grep".into(),
            arguments: vec!["-n".into(), "a b; rm".into()],
            workspace: "/srv/x".into(),
            ..CommandCall::default()
        };
        assert_eq!(call.summary(), "grep -n \"a b; rm\" in /srv/x (pure)");
        assert!(Sandbox::ALL.is_sorted());
        assert_eq!(Sandbox::named("online"), Some(Sandbox::Online));
        assert_eq!(Sandbox::named("none"), None);
    }
}
