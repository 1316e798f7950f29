//! Errors inside a run: problem details (RFC 9457) as the Open Workflow Specification asks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StepId;

/// Where the specification's own error types live.
pub const TYPE_BASE: &str = "https://open-workflow-specification.org/spec/1.0.0/errors/";

/// A fault of a task or a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title} ({status})")]
pub struct WorkflowError {
    /// URI of the kind of error.
    #[serde(rename = "type")]
    pub kind: String,
    /// Status code, HTTP's meaning.
    pub status: u16,
    /// One line for people.
    pub title: String,
    /// The particular case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The step that raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<StepId>,
    /// Anything more the raiser attached.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

impl WorkflowError {
    /// An error of one of the specification's types: `communication`, `runtime`, `timeout`, `expression`, ...
    #[must_use]
    pub fn standard(name: &str, status: u16, title: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{name}"),
            status,
            title: title.into(),
            detail: None,
            instance: None,
            data: Value::Null,
        }
    }

    /// Adds the particular case.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says which step.
    #[must_use]
    pub fn instance(mut self, step: StepId) -> Self {
        self.instance = Some(step);
        self
    }
}
