//! Why somebody was not let through.

use dirigent_protocol::entity::Kind;

/// Why somebody was not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No user has this user id of the system.
    #[error("no user of this daemon has the user id {uid}")]
    Stranger {
        /// The peer's user id.
        uid: u32,
    },
    /// The daemon serves its owner alone.
    #[error("this daemon is private: it serves only the user who started it")]
    Private,
    /// The user was switched off.
    #[error("the user `{name}` is disabled")]
    Disabled {
        /// Who.
        name: String,
    },
    /// A token that is not good.
    #[error("the token is not good")]
    Token,
    /// Nothing the subject may see; told as if it did not exist.
    #[error("there is no {kind} `{what}`")]
    Hidden {
        /// Its kind.
        kind: Kind,
        /// What was asked for.
        what: String,
    },
    /// Only an administrator may.
    #[error("`{action}` on {object} needs an administrator")]
    NeedsAdministrator {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
    },
    /// Only its owner or an administrator may.
    #[error("`{action}` on {object} needs its owner or an administrator")]
    NeedsOwner {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
    },
    /// The daemon alone writes documents of this kind.
    #[error("documents of the kind {kind} are written by the daemon alone")]
    DaemonWrites {
        /// The kind.
        kind: Kind,
    },
}
