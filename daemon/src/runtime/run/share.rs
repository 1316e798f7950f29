//! What a run shares with others that come from the same one: the duty to undo what was done before them.
//!
//! Does not decide whose it is; `lineage::heirs` does. Invariant: the answer stands on what the others are at its commit.

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::entity::WorkflowExecution;
use dirigent_protocol::run::{Lineage, Origin};
use dirigent_store::CommitError;
use dirigent_store::error::Conflict;

use super::commit::NotCommitted;
use super::driver::{Broken, Driver};
use super::steps::settled;
use crate::runtime::error::RuntimeError;
use crate::runtime::lineage::heirs::{self, Shares};
use crate::runtime::plans::body;

/// Attempts against others that begin or are cancelled at the same moment.
pub(crate) const ATTEMPTS: usize = 100;

impl Driver {
    /// Everything has stopped: what was done before this run is undone where no other may need it.
    pub(crate) async fn undo_own_part(&mut self) -> Result<(), Broken> {
        for _ in 0..ATTEMPTS {
            let done: Vec<u64> = self.state.undo_inherited().collect();
            let document = self.document.as_ref().map(|stored| &stored.document);
            let execution = document.and_then(|document| body::<WorkflowExecution>(document).ok());
            let origin = execution.and_then(|execution| execution.origin);
            let (left, shares) = match heirs::part(&self.core, self.run, origin.as_ref(), &done) {
                Ok(part) => part,
                Err(error) => {
                    tracing::error!(run = %self.run, %error, "what others need of a cancelled run cannot be read");
                    return Err(Broken);
                }
            };
            let mut batch = self.open_batch()?;
            self.decide_quietly(&mut batch, &Stimulus::Undo { left }, None)
                .await?;
            let Shares { guards, puts } = shares;
            batch.guards = guards;
            match self.commit(batch, None, puts).await {
                Err(NotCommitted::Refused(error)) if lost(&error) => {}
                other => return settled(other),
            }
        }
        Err(Broken)
    }

    /// What the commit of a run's beginning writes, and stands on, where it takes over what another did.
    pub(crate) fn take_over(&self, origin: &Origin) -> Result<Shares, RuntimeError> {
        if origin.how == Lineage::Retried && self.state.can_undo() {
            heirs::join(&self.core, self.run, origin)
        } else {
            Ok(Shares::default())
        }
    }
}

/// Somebody else's commit was first; it is to be looked at again.
pub(crate) fn lost(error: &RuntimeError) -> bool {
    matches!(
        error,
        RuntimeError::Commit(CommitError::Conflict(Conflict::Key { .. }))
    )
}
