//! The one error that crosses the wire: kind, place and help, in words for people.
//!
//! Rooms keep typed errors of their own; the daemon turns them into a [`Fault`] at one border.
//! Invariant: `code` is stable and documented; scripts match on it, never on the words.

use serde::{Deserialize, Serialize};

/// What went wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Stable name of the kind.
    pub code: Code,
    /// One sentence, what happened.
    pub message: String,
    /// Where: `file:line:column`, a JSON pointer, an object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Milliseconds after which the same call may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Every single finding, where one call has several (a document's errors).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<crate::source::Diagnostic>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $exit:literal;)+) => {
        /// Kinds of faults; the text is what scripts see, the number is the client's exit code (sysexits).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
            /// A code of a newer daemon.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ Self::Unknown => "unknown" }
            }

            /// The exit code of a command that ends with this fault.
            #[must_use]
            pub const fn exit(self) -> u8 {
                match self { $(Self::$variant => $exit,)+ Self::Unknown => 1 }
            }

            /// Every code, for the manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }
    };
}

codes! {
    /// The call's own words are off.
    Usage = "usage", 2;
    /// A document or a value has errors; `details` has each.
    Invalid = "invalid", 65;
    /// Nothing of that name, or nothing this subject may see.
    NotFound = "not_found", 1;
    /// A short id or a name fits several.
    Ambiguous = "ambiguous", 2;
    /// The object changed since it was read, or exists already.
    Conflict = "conflict", 1;
    /// The request id was used before for another call.
    RequestIdReused = "request_id_reused", 1;
    /// The approval was decided before.
    AlreadyDecided = "already_decided", 1;
    /// What was shown is not what would run any more.
    Stale = "stale", 1;
    /// There is no agent to ask.
    NoAgent = "no_agent", 1;
    /// The subject may not do this.
    NotPermitted = "not_permitted", 77;
    /// Too much at once; `retry_after_ms` says when to come back.
    Overloaded = "overloaded", 69;
    /// No room on the disk for new work.
    StorageFull = "storage_full", 74;
    /// The store stopped acknowledging; the daemon must be restarted.
    StoreFailed = "store_failed", 74;
    /// The store is damaged; `at` says where.
    StoreDamaged = "store_damaged", 65;
    /// The object is used by something that still lives.
    InUse = "in_use", 1;
    /// The object is not in a state that allows this.
    WrongState = "wrong_state", 1;
    /// The cursor is from another store, the future or a range that is gone.
    BadCursor = "bad_cursor", 2;
    /// Client and daemon share no protocol version.
    VersionMismatch = "version_mismatch", 69;
    /// The daemon does not know this method or feature.
    Unsupported = "unsupported", 1;
    /// A value is larger than its limit.
    TooLarge = "too_large", 65;
    /// The daemon cannot be reached.
    Unreachable = "unreachable", 69;
    /// The configuration has errors.
    Configuration = "configuration", 78;
    /// Reading or writing failed on this side.
    Io = "io", 74;
    /// Nobody knows whether the call took effect; ask again with the same request id.
    OutcomeUnknown = "outcome_unknown", 74;
    /// A defect of Dirigent.
    Internal = "internal", 1;
}

impl Fault {
    /// A fault with its two required parts.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            at: None,
            help: None,
            retry_after_ms: None,
            details: Vec::new(),
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.at = Some(place.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// Adds every single finding.
    #[must_use]
    pub fn details(mut self, details: Vec<crate::source::Diagnostic>) -> Self {
        self.details = details;
        self
    }
}
