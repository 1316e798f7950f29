//! Answered requests: the same request id again gets the first answer, for seven days.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId};
use dirigent_store::{RequestKey, Txn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bytes::{decode, encode};
use super::error::RecordError;
use super::expiry::forget_later;
use super::key;
use super::read::Records;

/// Days for which an answer is kept.
const KEPT_DAYS: i64 = 7;

/// Who asks for a change, under which request id.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who; the door has let them through.
    pub subject: Subject,
    /// The client's id of the call.
    pub request: RequestId,
    /// The same within this user, with the digest of what was asked.
    pub key: RequestKey,
}

impl Actor {
    /// The actor of a command. Request ids are scoped by user: another user's is unknown to this one.
    #[must_use]
    pub fn of(subject: Subject, request: RequestId, command: &Command) -> Self {
        let asked = serde_json::to_value(command).unwrap_or_default();
        let key = RequestKey {
            id: scoped(subject.user, request),
            digest: Digest::of(&asked).0,
        };
        Self {
            subject,
            request,
            key,
        }
    }

    /// What earlier versions kept this request under.
    #[must_use]
    pub fn earlier_key(&self) -> RequestKey {
        RequestKey {
            id: scoped_by_digest(self.subject.user, self.request),
            ..self.key
        }
    }
}

/// Bytes of a request's id that say when it was made.
const TIME: usize = 6;

/// Begins with the time of the request: what is remembered together is kept together, and no store has to look through
/// all that it remembers for a place.
fn scoped(user: EntityId, request: RequestId) -> [u8; 16] {
    let mut id = scoped_by_digest(user, request);
    id.copy_within(..16 - TIME, TIME);
    id[..TIME].copy_from_slice(&request.bytes()[..TIME]);
    id
}

fn scoped_by_digest(user: EntityId, request: RequestId) -> [u8; 16] {
    let mut both = [0; 32];
    both[..16].copy_from_slice(&user.bytes());
    both[16..].copy_from_slice(&request.bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&Digest::of_bytes(&both).0[..16]);
    id
}

#[derive(Serialize, Deserialize)]
struct Answer {
    digest: Digest,
    reply: CommandReply,
}

/// Makes the commit answer its request: asked again, the same id gets `reply`.
///
/// # Errors
/// The reply cannot be encoded.
pub fn remember(
    txn: &mut Txn,
    request: RequestKey,
    reply: &CommandReply,
    now: Timestamp,
) -> Result<(), RecordError> {
    let row = key::request(request.id);
    let answer = Answer {
        digest: Digest(request.digest),
        reply: reply.clone(),
    };
    txn.request = Some(request);
    txn.puts.push((row.clone(), encode(&answer, "an answer")?));
    forget_later(txn, &row, now, KEPT_DAYS);
    Ok(())
}

/// Why a request has no remembered answer.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// The id was used for something else.
    #[error("the request id was used before for another call")]
    Reused,
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The answer this request got before; none where it is new.
///
/// # Errors
/// The id was used for another call, or the store did not answer.
pub fn recall(records: &Records, request: RequestKey) -> Result<Option<CommandReply>, RecallError> {
    let Some(found) = records.raw(&key::request(request.id))? else {
        return Ok(None);
    };
    let answer: Answer = decode(&found.value, "an answer")?;
    if answer.digest.0 != request.digest {
        return Err(RecallError::Reused);
    }
    Ok(Some(answer.reply))
}
