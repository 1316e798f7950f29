//! One run, as lists show it.

use dirigent_protocol::entity::{Document, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::Status;
use jiff::Timestamp;

/// A run: its id, its document's dates and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// Its document's revision.
    pub revision: u64,
    /// With which agent it is a conversation.
    pub talks_with: Option<String>,
    /// Everything else. Input and output are kept out of the mirror; the monitor has them from the journal.
    pub body: WorkflowExecution,
}

impl Run {
    /// Reads a `WorkflowExecution` document.
    #[must_use]
    pub fn read(document: &Document) -> Option<Self> {
        let mut body: WorkflowExecution = document.body().ok()?;
        body.input = serde_json::Value::Null;
        body.output = serde_json::Value::Null;
        let meta = &document.metadata;
        Some(Self {
            id: meta.id.into(),
            created_at: meta.created_at,
            updated_at: meta.updated_at,
            revision: meta.revision,
            talks_with: meta.labels.get(super::talk::LABEL).cloned(),
            body,
        })
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.body.status
    }

    /// The one line why it faulted.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        let error = &self.body.error;
        error
            .get("detail")
            .or_else(|| error.get("title"))
            .and_then(serde_json::Value::as_str)
    }

    /// Seconds from its start to its end, or to `now` while it lives.
    #[must_use]
    pub fn seconds(&self, now: Timestamp) -> i64 {
        let start = self.body.started_at.unwrap_or(self.created_at);
        let end = self.body.ended_at.unwrap_or(if self.status().is_final() {
            self.updated_at
        } else {
            now
        });
        (end.as_second() - start.as_second()).max(0)
    }
}
