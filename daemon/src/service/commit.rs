//! Making a change durable, with its audit record and its remembered answer.

use std::future::Future;

use dirigent_protocol::command::CommandReply;
use dirigent_store::{CommitError, Txn};

use super::core::Service;
use super::error::ServiceError;
use crate::door::{Action, Object};
use crate::records::{Actor, Audit, audit, recall, remember};

/// Attempts against documents that others change at the same moment.
const ATTEMPTS: usize = 5;

impl Service {
    /// The answer this request got before; none where it is new.
    ///
    /// # Errors
    /// The id was used for another call, or the store did not answer.
    pub fn recall(&self, actor: &Actor) -> Result<Option<CommandReply>, ServiceError> {
        match recall(&self.records, actor.key)? {
            Some(first) => Ok(Some(first)),
            // Asked of an earlier version, asked again of this one.
            None => Ok(recall(&self.records, actor.earlier_key())?),
        }
    }

    /// Records a deed that changes no document.
    ///
    /// # Errors
    /// The store did not commit.
    pub async fn record(
        &self,
        actor: &Actor,
        action: Action,
        object: &Object<'_>,
    ) -> Result<CommandReply, ServiceError> {
        Ok(self
            .finish(actor, Txn::default(), action, object, CommandReply::Accepted {})
            .await?
            .0)
    }

    /// Adds the audit record and the answer, commits, and answers; a repeated request gets its first answer.
    pub(super) async fn finish(
        &self,
        actor: &Actor,
        txn: Txn,
        action: Action,
        object: &Object<'_>,
        reply: CommandReply,
    ) -> Result<(CommandReply, u64), ServiceError> {
        self.finish_as(actor, txn, action, &object.to_string(), reply)
            .await
    }

    /// As [`Self::finish`], with the object in words.
    pub(super) async fn finish_as(
        &self,
        actor: &Actor,
        mut txn: Txn,
        action: Action,
        object: &str,
        reply: CommandReply,
    ) -> Result<(CommandReply, u64), ServiceError> {
        let now = self.now();
        let request = actor.request.to_string();
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, action.as_str(), object)
        };
        audit(&mut txn, now, &record)?;
        remember(&mut txn, actor.key, &reply, now)?;
        let receipt = self
            .records
            .store()
            .commit(txn)
            .await
            .map_err(|error| match error {
                CommitError::RequestReused => ServiceError::Reused,
                other => ServiceError::Commit(other),
            })?;
        if receipt.replayed
            && let Some(first) = self.recall(actor)?
        {
            return Ok((first, receipt.position.0));
        }
        Ok((reply, receipt.position.0))
    }
}

/// Tries again, from reading on, what lost against somebody else's commit.
pub(super) async fn persist<T, F: Future<Output = Result<T, ServiceError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, ServiceError> {
    for _ in 0..ATTEMPTS {
        match attempt().await {
            Err(ServiceError::Commit(CommitError::Conflict(_))) => {}
            other => return other,
        }
    }
    Err(ServiceError::Contended)
}
