//! What an agent elsewhere says: a message, or a task and where it stands, in both revisions of the protocol.

use dirigent_protocol::run::WorkflowError;
use serde_json::{Value, json};

/// Longest name of a task or a context, bytes.
const MOST_NAME: usize = 512;
/// Most of an agent's words in an error or a question, characters.
const MOST_WORDS: usize = 4_000;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum State {
    /// It is not over and wants nothing.
    Working,
    /// It wants words.
    InputRequired,
    /// It wants somebody to sign in.
    AuthRequired,
    Completed,
    Failed,
    Canceled,
    Rejected,
}

impl State {
    fn read(word: &str) -> Self {
        let word = word.strip_prefix("TASK_STATE_").unwrap_or(word);
        match word.to_ascii_lowercase().replace('_', "-").as_str() {
            "input-required" => Self::InputRequired,
            "auth-required" => Self::AuthRequired,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            "rejected" => Self::Rejected,
            _ => Self::Working,
        }
    }

    /// Nothing will change any more.
    pub(in super::super) const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Canceled | Self::Rejected
        )
    }
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Told {
    Message(Value),
    Task(Value),
}

impl Told {
    /// Reads the result of a message that was sent, or of a look at a task.
    pub(super) fn read(result: Value) -> Result<Self, String> {
        let (task, message) = (&result["task"], &result["message"]);
        let told = if task.is_object() {
            Self::Task(task.clone())
        } else if message.is_object() && result.get("status").is_none() {
            Self::Message(message.clone())
        } else if result["status"].is_object() {
            Self::Task(result)
        } else if result["parts"].is_array() {
            Self::Message(result)
        } else {
            return Err("the agent answered with neither a message nor a task".to_owned());
        };
        match &told {
            Self::Task(task) if name(&task["id"]).is_none() => {
                Err("the agent's task has no name that could be asked for".to_owned())
            }
            _ => Ok(told),
        }
    }

    pub(in super::super) fn state(&self) -> State {
        match self {
            Self::Message(_) => State::Completed,
            Self::Task(task) => State::read(task["status"]["state"].as_str().unwrap_or_default()),
        }
    }

    pub(in super::super) fn task(&self) -> Option<&str> {
        match self {
            Self::Message(_) => None,
            Self::Task(task) => name(&task["id"]),
        }
    }

    pub(in super::super) fn context(&self) -> Option<&str> {
        let (Self::Message(said) | Self::Task(said)) = self;
        name(&said["contextId"])
    }

    /// What it says of where it stands.
    pub(in super::super) fn words(&self) -> String {
        let message = match self {
            Self::Message(message) => message,
            Self::Task(task) => &task["status"]["message"],
        };
        let mut said = Said::default();
        said.take(message);
        if said.text.is_empty() && !said.data.is_empty() {
            said.text = Value::Array(said.data).to_string();
        }
        said.text.chars().take(MOST_WORDS).collect()
    }

    /// The fault of a task that came to no good end.
    pub(in super::super) fn problem(&self, whom: &str) -> Option<WorkflowError> {
        let (status, title) = match self.state() {
            State::Failed => (502, format!("{whom} failed")),
            State::Rejected => (422, format!("{whom} refuses")),
            State::Canceled => (409, format!("{whom} was called off elsewhere")),
            _ => return None,
        };
        let words = self.words();
        let detail = match words.is_empty() {
            true => "it does not say why".to_owned(),
            false => words,
        };
        let mut problem = WorkflowError::standard("runtime", status, title).detail(detail);
        let state = match self.state() {
            State::Failed => "failed",
            State::Rejected => "rejected",
            _ => "canceled",
        };
        problem.data = json!({ "code": format!("a2a_{state}"), "state": state, "task": self.task() });
        Some(problem)
    }

    /// Everything that came out: artifacts, else what it says last.
    pub(in super::super) fn said(&self) -> Said {
        let mut said = Said::default();
        match self {
            Self::Message(message) => said.take(message),
            Self::Task(task) => {
                let artifacts = task["artifacts"].as_array().into_iter().flatten();
                artifacts.for_each(|artifact| said.take(artifact));
                if said.is_empty() {
                    said.take(&task["status"]["message"]);
                }
                let history = task["history"].as_array();
                let last = history.and_then(|history| history.last());
                let agents =
                    last.filter(|last| matches!(last["role"].as_str(), Some("agent" | "ROLE_AGENT")));
                if let Some(last) = agents.filter(|_| said.is_empty()) {
                    said.take(last);
                }
            }
        }
        said
    }
}

fn name(value: &Value) -> Option<&str> {
    value
        .as_str()
        .filter(|name| !name.is_empty() && name.len() <= MOST_NAME)
}

/// Parts of messages and artifacts, by kind.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Said {
    pub(in super::super) text: String,
    pub(in super::super) data: Vec<Value>,
    pub(in super::super) files: Vec<Value>,
}

impl Said {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.data.is_empty() && self.files.is_empty()
    }

    fn take(&mut self, from: &Value) {
        for part in from["parts"].as_array().into_iter().flatten() {
            if let Some(text) = part["text"].as_str() {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(text);
            } else if let Some(data) = part.get("data") {
                self.data.push(data.clone());
            } else if part["file"].is_object() {
                let file = &part["file"];
                self.files.push(json!({
                    "name": file["name"], "media_type": file["mimeType"], "bytes": file["bytes"], "uri": file["uri"],
                }));
            } else if part["raw"].is_string() || part["url"].is_string() {
                self.files.push(json!({
                    "name": part["filename"], "media_type": part["mediaType"], "bytes": part["raw"], "uri": part["url"],
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_revisions_are_read() {
        let older = json!({ "kind": "task", "id": "t", "contextId": "c", "status": { "state": "input-required",
            "message": { "parts": [{ "kind": "text", "text": "which?" }] } } });
        let newer = json!({ "task": { "id": "t", "contextId": "c", "status": { "state": "TASK_STATE_INPUT_REQUIRED",
            "message": { "parts": [{ "text": "which?" }] } } } });
        for result in [older, newer] {
            let told = Told::read(result).unwrap();
            assert_eq!(
                (told.state(), told.task(), told.context()),
                (State::InputRequired, Some("t"), Some("c"))
            );
            assert_eq!(told.words(), "which?");
        }
        let message =
            Told::read(json!({ "message": { "messageId": "m", "parts": [{ "text": "hi" }] } })).unwrap();
        assert_eq!(
            (message.state(), message.said().text),
            (State::Completed, "hi".to_owned())
        );
        for strange in [
            json!(7),
            json!({}),
            json!({ "status": { "state": "working" } }),
            json!({ "task": { "id": 7 } }),
        ] {
            assert!(Told::read(strange.clone()).is_err(), "{strange}");
        }
    }

    #[test]
    fn parts_are_kept_by_their_kind() {
        let told = Told::Task(
            json!({ "id": "t", "status": { "state": "completed" }, "artifacts": [
            { "parts": [{ "text": "a" }, { "data": { "n": 1 } }] },
            { "parts": [{ "file": { "name": "f", "bytes": "eA==" } }, { "url": "http://h/x", "filename": "x" }, 7] },
        ] }),
        );
        let said = told.said();
        assert_eq!(
            (said.text.as_str(), said.data, said.files.len()),
            ("a", vec![json!({ "n": 1 })], 2)
        );
        let failed = Told::Task(json!({ "id": "t", "status": { "state": "TASK_STATE_REJECTED" } }));
        assert_eq!(failed.problem("x").unwrap().data["state"], "rejected");
    }
}
