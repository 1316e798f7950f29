//! Why the service did not do what was asked.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::source::Diagnostic;
use dirigent_store::{CommitError, ReadError};

use crate::door::{Denial, DoorError};
use crate::records::{RecallError, RecordError};

/// Why the service did not do what was asked; nothing changed unless the commit's outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The door did not open.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Nothing of that name or id, or nothing this subject may see.
    #[error("there is no {kind} `{what}`")]
    NotFound {
        /// Its kind.
        kind: Kind,
        /// As asked.
        what: String,
    },
    /// A short id or prefix fits several.
    #[error("`{what}` fits several: {}", candidates.join(", "))]
    Ambiguous {
        /// As asked.
        what: String,
        /// Some of them.
        candidates: Vec<String>,
    },
    /// The name or a unique value is taken.
    #[error("the {field} `{value}` is taken: another {kind} has it")]
    Exists {
        /// The kind.
        kind: Kind,
        /// `name`, or the unique field.
        field: String,
        /// What is taken.
        value: String,
    },
    /// Somebody changed it in between.
    #[error("the {kind} `{name}` is at revision {found}, the change was made from {given}")]
    Changed {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The revision the caller had.
        given: u64,
        /// The revision it has.
        found: u64,
    },
    /// Other calls changed the same things again and again.
    #[error("other calls changed the same documents meanwhile")]
    Contended,
    /// Values or documents have errors.
    #[error("{what} has {}", errors(details))]
    Invalid {
        /// `the file review.yaml`, `the Agent `summary``.
        what: String,
        /// Every finding.
        details: Vec<Diagnostic>,
    },
    /// It is used.
    #[error("the {kind} `{name}` is used by {}", users.join(", "))]
    InUse {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// By what.
        users: Vec<String>,
    },
    /// It may never be deleted.
    #[error("the {kind} `{name}` belongs to the daemon and cannot be deleted")]
    Permanent {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The cursor is not one of ours, or not of this list.
    #[error("the cursor is not valid here: {why}")]
    BadCursor {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A field, relation or other word that does not exist.
    #[error("{kind} has no {what} `{word}`")]
    UnknownWord {
        /// The kind.
        kind: Kind,
        /// `field`, `relation`.
        what: &'static str,
        /// As asked.
        word: String,
        /// What to write instead.
        help: String,
    },
    /// Nobody can ask this agent to look back.
    #[error("`{agent}` cannot look back on its work: {why}")]
    NotReviewable {
        /// Its name.
        agent: String,
        /// Why not.
        why: &'static str,
    },
    /// A suggestion that somebody decided.
    #[error("the suggestion is {status} already, by {by}")]
    DecidedBefore {
        /// How.
        status: &'static str,
        /// By whom.
        by: String,
    },
    /// A suggestion that does not fit its agent any more.
    #[error("the suggestion does not fit version {number}: {why}")]
    StaleSuggestion {
        /// The agent's newest version.
        number: u64,
        /// What is in the way.
        why: String,
    },
    /// An accepted draft of the agent is not published.
    #[error("`{agent}` has a draft already: `{title}`, accepted by {by}")]
    DraftThere {
        /// The agent.
        agent: String,
        /// Who accepted it.
        by: String,
        /// What it is.
        title: String,
    },
    /// Words that do not do as a reason.
    #[error("{words}")]
    BadReason {
        /// Why not.
        words: String,
    },
    /// The request id was used for another call.
    #[error("the request id was used before for another call")]
    Reused,
    /// The store did not answer, or not with a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The store did not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

fn errors(details: &[Diagnostic]) -> String {
    match details.iter().filter(|finding| finding.is_error()).count() {
        1 => "an error".to_owned(),
        count => format!("{count} errors"),
    }
}

impl From<ReadError> for ServiceError {
    fn from(error: ReadError) -> Self {
        Self::Record(error.into())
    }
}

impl From<RecallError> for ServiceError {
    fn from(error: RecallError) -> Self {
        match error {
            RecallError::Reused => Self::Reused,
            RecallError::Record(error) => Self::Record(error),
        }
    }
}

impl From<DoorError> for ServiceError {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Denied(denial) => Self::Denied(denial),
            DoorError::Record(error) => Self::Record(error),
            DoorError::Commit(error) => Self::Commit(error),
        }
    }
}
