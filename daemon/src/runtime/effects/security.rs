//! What performers meet that whoever watches over this daemon must see: each is an audit record of its own.
//!
//! Decides nothing: what is noted here was refused, masked or stopped already. Invariant: a note names the run it
//! happened in and holds no secret.

use dirigent_protocol::entity::{Kind, Verdict};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::RunId;
use dirigent_store::Txn;

use crate::clock::Clock;
use crate::records::{Audit, BOOTSTRAP_USER, DEFAULT_ORG, Records, audit};

/// Longest words of one note.
const MAX_DETAIL: usize = 500;

/// Writes such records.
pub(crate) struct Security {
    records: Records,
    clock: Clock,
}

impl Security {
    pub(crate) fn new(records: Records, clock: Clock) -> Self {
        Self { records, clock }
    }

    /// Notes that something was not let through: `action` as in `tools.sampling`, `object` what asked or was asked.
    /// Durable when this returns; a store that does not commit is a line of the log.
    pub(crate) async fn note(&self, run: RunId, action: &str, object: &str, detail: &str) {
        tracing::warn!(%run, action, object, detail, "a matter of security");
        let execution = self
            .records
            .get(Kind::WorkflowExecution, run.into())
            .ok()
            .flatten();
        let metadata = execution.map(|stored| stored.document.metadata);
        let subject = Subject {
            user: metadata.as_ref().map_or(BOOTSTRAP_USER, |known| known.owner),
            name: format!("run:{run}"),
            org: metadata.as_ref().map_or(DEFAULT_ORG, |known| known.org),
            administrator: false,
        };
        let record = Audit {
            verdict: Verdict::Denied,
            detail: &detail[..detail.floor_char_boundary(MAX_DETAIL)],
            ..Audit::allowed(&subject, action, object)
        };
        let mut txn = Txn::default();
        if let Err(error) = audit(&mut txn, (self.clock)(), &record) {
            tracing::error!(%error, action, "the record of a matter of security cannot be made");
            return;
        }
        if let Err(error) = self.records.store().commit(txn).await {
            tracing::error!(%error, action, "the record of a matter of security was not stored");
        }
    }
}
