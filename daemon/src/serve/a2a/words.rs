//! How tasks are said in each revision of A2A.

use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::serve::work::Moment;

/// A revision of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revision {
    /// 0.3: members say their `kind`, enumerations are lower case.
    V03,
    /// 1.0: JSON of the protocol buffers.
    V10,
}

/// Where a task stands, in both revisions.
fn state(moment: &Moment) -> (&'static str, &'static str) {
    match moment.body.status {
        Status::Pending => ("submitted", "TASK_STATE_SUBMITTED"),
        Status::Waiting if moment.waits_for_person() => ("input-required", "TASK_STATE_INPUT_REQUIRED"),
        Status::Running | Status::Waiting | Status::Suspended => ("working", "TASK_STATE_WORKING"),
        Status::Completed => ("completed", "TASK_STATE_COMPLETED"),
        Status::Faulted => ("failed", "TASK_STATE_FAILED"),
        Status::Cancelled => ("canceled", "TASK_STATE_CANCELED"),
    }
}

impl Revision {
    fn text(self, text: &str) -> Value {
        match self {
            Self::V03 => json!({ "kind": "text", "text": text }),
            Self::V10 => json!({ "text": text }),
        }
    }

    fn data(self, data: &Value) -> Value {
        match self {
            Self::V03 => json!({ "kind": "data", "data": data }),
            Self::V10 => json!({ "data": data }),
        }
    }

    /// Where it stands, with a line for people.
    fn status(self, moment: &Moment) -> Value {
        let (older, newer) = state(moment);
        let words = match moment.body.status {
            Status::Completed => "completed".to_owned(),
            Status::Faulted | Status::Cancelled => moment.problem(),
            _ => moment.words(),
        };
        let run = moment.run.to_string();
        let mut message = json!({
            "messageId": format!("{run}-{}", moment.body.events),
            "taskId": run,
            "contextId": run,
            "parts": [self.text(&words)],
        });
        let state = match self {
            Self::V03 => {
                message["kind"] = "message".into();
                message["role"] = "agent".into();
                older
            }
            Self::V10 => {
                message["role"] = "ROLE_AGENT".into();
                newer
            }
        };
        json!({ "state": state, "timestamp": moment.at.to_string(), "message": message })
    }

    /// What came out; none before the end, and none where it came to nothing.
    pub(super) fn artifact(self, moment: &Moment) -> Option<Value> {
        if moment.body.status != Status::Completed {
            return None;
        }
        let part = match &moment.body.output {
            Value::Null => return None,
            Value::String(text) => self.text(text),
            object @ Value::Object(_) => self.data(object),
            other => self.text(&other.to_string()),
        };
        Some(json!({ "artifactId": "result", "name": "result", "parts": [part] }))
    }

    /// The whole task.
    pub(super) fn task(self, moment: &Moment) -> Value {
        let run = moment.run.to_string();
        let artifacts: Vec<Value> = self.artifact(moment).into_iter().collect();
        let mut task = json!({
            "id": run,
            "contextId": run,
            "status": self.status(moment),
            "artifacts": artifacts,
        });
        if self == Self::V03 {
            task["kind"] = "task".into();
        }
        task
    }

    /// The task as the answer to a message.
    pub(super) fn sent(self, moment: &Moment) -> Value {
        match self {
            Self::V03 => self.task(moment),
            Self::V10 => json!({ "task": self.task(moment) }),
        }
    }

    /// A change of the status, in a stream; `last` is its end.
    pub(super) fn status_event(self, moment: &Moment, last: bool) -> Value {
        let run = moment.run.to_string();
        let mut event = json!({ "taskId": run, "contextId": run, "status": self.status(moment) });
        match self {
            Self::V03 => {
                event["kind"] = "status-update".into();
                event["final"] = last.into();
                event
            }
            Self::V10 => json!({ "statusUpdate": event }),
        }
    }

    /// What came out, in a stream.
    pub(super) fn artifact_event(self, moment: &Moment) -> Option<Value> {
        let run = moment.run.to_string();
        let artifact = self.artifact(moment)?;
        let mut event = json!({
            "taskId": run, "contextId": run, "artifact": artifact, "append": false, "lastChunk": true,
        });
        Some(match self {
            Self::V03 => {
                event["kind"] = "artifact-update".into();
                event
            }
            Self::V10 => json!({ "artifactUpdate": event }),
        })
    }
}
