//! The one border where the rooms' typed errors become what crosses the wire.
//!
//! Invariant: no fault carries a secret, a stack, or a path of the daemon's machine that the caller did not name.

use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::source::Diagnostic;
use dirigent_store::{CommitError, ReadError};

use crate::door::Denial;
use crate::records::RecordError;
use crate::service::ServiceError;

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        let text = error.to_string();
        let fault = |code| Self::new(code, text.clone());
        match error {
            ServiceError::Denied(denial) => denial.into(),
            ServiceError::NotFound { kind, .. } => fault(Code::NotFound).help(format!(
                "`dirigent get {}` lists what there is",
                kind.definition().plural
            )),
            ServiceError::Ambiguous { .. } => fault(Code::Ambiguous).help("write more of the id"),
            ServiceError::Exists { .. } => {
                fault(Code::Conflict).help("change the one that is there, or choose another")
            }
            ServiceError::Changed { .. } => {
                fault(Code::Conflict).help("read it again and make the change on what it is now")
            }
            ServiceError::Contended => fault(Code::Conflict).help("try again").retry_after_ms(100),
            ServiceError::Invalid { details, .. } => {
                let first = details.iter().find(|finding| finding.is_error()).map(place);
                let mut fault = fault(Code::Invalid).details(details);
                fault.at = first;
                fault.help("correct what `details` names; nothing was stored")
            }
            ServiceError::InUse { .. } => fault(Code::InUse).help("end or change what uses it first"),
            ServiceError::Permanent { .. } => fault(Code::WrongState),
            ServiceError::BadCursor { .. } => fault(Code::BadCursor).help("begin again without a cursor"),
            ServiceError::UnknownWord { help, .. } => fault(Code::Usage).help(help),
            ServiceError::NotReviewable { .. } => fault(Code::WrongState),
            ServiceError::DecidedBefore { .. } => {
                fault(Code::AlreadyDecided).help("`dirigent suggestions show ID` says how and why")
            }
            ServiceError::StaleSuggestion { .. } => {
                fault(Code::Stale).help("decline it, or let the agent look back again")
            }
            ServiceError::DraftThere { .. } => fault(Code::Conflict)
                .help("publish that draft first, or put this one in its place: `--replace`"),
            ServiceError::BadReason { .. } => fault(Code::Usage).help("give it with `--reason`"),
            ServiceError::Reused => {
                fault(Code::RequestIdReused).help("make a new request id for each new call")
            }
            ServiceError::Record(error) => error.into(),
            ServiceError::Commit(error) => commit(&error),
        }
    }
}

fn place(finding: &Diagnostic) -> String {
    if finding.at.line == 0 {
        finding.at.path.clone()
    } else {
        finding.at.to_string()
    }
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Self {
        let text = denial.to_string();
        match denial {
            Denial::Hidden { kind, .. } => Self::new(Code::NotFound, text).help(format!(
                "`dirigent get {}` lists what there is",
                kind.definition().plural
            )),
            Denial::Stranger { uid } => Self::new(Code::NotPermitted, text).help(format!(
                "an administrator makes you one: `kind: User` with `uid: {uid}` in its spec"
            )),
            Denial::Private => Self::new(Code::NotPermitted, text)
                .help("start your own with `dirigent daemon start`, or ask for the shared daemon's socket"),
            Denial::Disabled { .. } | Denial::NeedsAdministrator { .. } | Denial::NeedsOwner { .. } => {
                Self::new(Code::NotPermitted, text).help("ask an administrator of this daemon")
            }
            Denial::Token => Self::new(Code::NotPermitted, text)
                .help("`dirigent tokens create NAME` makes one; send it as `Authorization: Bearer ...`"),
            Denial::DaemonWrites { .. } => Self::new(Code::NotPermitted, text),
        }
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        match &error {
            RecordError::Read(error) => read(error),
            RecordError::Name { .. } => Self::new(Code::TooLarge, error.to_string()),
            RecordError::Decode { .. } | RecordError::Format { .. } => {
                Self::new(Code::StoreDamaged, error.to_string())
                    .help("stop the daemon, then `dirigent check`; a newer version may have written this")
            }
            RecordError::Encode { .. } | RecordError::Identity { .. } => {
                Self::new(Code::Internal, error.to_string())
            }
        }
    }
}

/// What a failed read of the store is to a caller.
fn read(error: &ReadError) -> Fault {
    match error {
        ReadError::Compacted { oldest } => Fault::new(
            Code::BadCursor,
            format!("that part of the feed is gone; it begins at {oldest}"),
        ),
        ReadError::Rebuilding { retry_after, .. } => overloaded(error.to_string(), *retry_after),
        ReadError::Limit => Fault::new(Code::Internal, error.to_string()),
        // The words of these name files of the daemon's machine: the log has them.
        ReadError::Damaged(_) | ReadError::State(_) => {
            tracing::error!(%error, "the store cannot be read");
            Fault::new(Code::StoreDamaged, "the store is damaged where this call reads")
                .help("the daemon's log names the place; restart it, then `dirigent check`")
        }
        ReadError::Io(_) => {
            tracing::error!(%error, "the store cannot be read");
            Fault::new(Code::Io, "the daemon cannot read its store").help("see the daemon's log")
        }
    }
}

/// What a failed commit is to a caller.
#[must_use]
pub fn commit(error: &CommitError) -> Fault {
    let text = error.to_string();
    match error {
        CommitError::Conflict(_) => Fault::new(Code::Conflict, "somebody else changed the same meanwhile")
            .help("read it again and try again"),
        CommitError::Overloaded { retry_after } | CommitError::Rebuilding { retry_after } => {
            overloaded(text, *retry_after)
        }
        CommitError::Full => Fault::new(Code::StorageFull, "the disk of the daemon is full")
            .help("free space on the disk of the data directory"),
        CommitError::RequestReused => {
            Fault::new(Code::RequestIdReused, text).help("make a new request id for each new call")
        }
        CommitError::Unknown => Fault::new(Code::OutcomeUnknown, text)
            .help("ask again with the same request id: it takes effect once"),
        CommitError::TooLarge { .. } => Fault::new(Code::TooLarge, text).help("make it smaller, or split it"),
        CommitError::Failed(_) | CommitError::Fenced { .. } => {
            tracing::error!(%error, "the store acknowledges nothing any more");
            Fault::new(Code::StoreFailed, "the store acknowledges nothing any more")
                .help("the daemon's log says why; restart it")
        }
        CommitError::BlobMissing(_) => Fault::new(Code::Internal, text),
    }
}

fn overloaded(text: String, retry_after: Duration) -> Fault {
    let ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
    Fault::new(Code::Overloaded, text)
        .retry_after_ms(ms.max(1))
        .help("try again a little later")
}
