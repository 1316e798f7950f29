//! The record of who did, or was refused, what; written in the commit of the deed itself.

use dirigent_protocol::entity::{AuditLog, Kind, Verdict};
use dirigent_protocol::hello::Subject;
use dirigent_store::Txn;
use jiff::Timestamp;

use super::error::RecordError;
use super::write::{Draft, put};

/// One decision of the door.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// Who.
    pub subject: &'a Subject,
    /// What: `create`, `update`, `run.start`, `approval.decide`, ...
    pub action: &'a str,
    /// On what: `Agent/summary`.
    pub object: &'a str,
    /// What the door said.
    pub verdict: Verdict,
    /// The call's request id.
    pub request: Option<&'a str>,
    /// How many calls this stands for; 1 for every write.
    pub count: u64,
    /// More, in words.
    pub detail: &'a str,
}

impl<'a> Audit<'a> {
    /// A deed that was let through.
    #[must_use]
    pub fn allowed(subject: &'a Subject, action: &'a str, object: &'a str) -> Self {
        Self {
            subject,
            action,
            object,
            verdict: Verdict::Allowed,
            request: None,
            count: 1,
            detail: "",
        }
    }
}

/// Adds the record to a commit.
///
/// # Errors
/// It cannot be encoded.
pub fn audit(txn: &mut Txn, now: Timestamp, audit: &Audit<'_>) -> Result<(), RecordError> {
    let body = AuditLog {
        subject: audit.subject.name.clone(),
        action: audit.action.to_owned(),
        object: audit.object.to_owned(),
        verdict: audit.verdict,
        request: audit.request.map(str::to_owned),
        count: audit.count,
        detail: audit.detail.to_owned(),
    };
    let document = Draft::of(Kind::AuditLog, "", serde_json::to_value(body).unwrap_or_default())
        .org(audit.subject.org)
        .owner(audit.subject.user)
        .document(now);
    put(txn, None, &document)
}
