//! One approval, as the inbox shows it.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Document, Visibility, WorkflowApproval};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::Risk;
use jiff::Timestamp;

/// An approval: its id and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Its id.
    pub id: EntityId,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Its document's revision.
    pub revision: u64,
    /// Digest of everything a decision depends on: it stays when a question or its answer comes.
    pub picture: Digest,
    /// Who sees it, and so may decide.
    pub visibility: Visibility,
    /// How many others it is shown to by name.
    pub shared: usize,
    /// Everything else.
    pub body: WorkflowApproval,
}

impl Approval {
    /// Reads a `WorkflowApproval` document.
    #[must_use]
    pub fn read(document: &Document) -> Option<Self> {
        let body: WorkflowApproval = document.body().ok()?;
        let meta = &document.metadata;
        let mut asked = body.clone();
        asked.questions.clear();
        Some(Self {
            picture: Digest::of(&serde_json::to_value(asked).unwrap_or_default()),
            id: meta.id,
            asked_at: body.requested_at.unwrap_or(meta.created_at),
            revision: meta.revision,
            visibility: meta.visibility,
            shared: meta.shared_with.len(),
            body,
        })
    }

    /// Nobody has decided.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.body.status == ApprovalStatus::Pending
    }

    /// Who may decide, as its document says.
    #[must_use]
    pub fn deciders(&self) -> String {
        let by = match self.body.started_by.as_str() {
            "" => "the run's owner",
            by => by,
        };
        let mut who = match self.visibility {
            Visibility::Organization => return "anybody in the organisation, you too".to_owned(),
            Visibility::Team => format!("{by}, the team it belongs to"),
            Visibility::Private => by.to_owned(),
        };
        if self.shared > 0 {
            let others = if self.shared == 1 { "" } else { "s" };
            who.push_str(&format!(", {} other{others} by name", self.shared));
        }
        who.push_str(", an administrator");
        who
    }

    /// The word to type before a yes, where one is asked.
    #[must_use]
    pub fn confirm_word(&self) -> Option<&str> {
        if self.body.risk < Risk::High {
            return None;
        }
        let given = self
            .body
            .confirm
            .as_deref()
            .filter(|word| !word.trim().is_empty());
        Some(given.unwrap_or("approve"))
    }
}
