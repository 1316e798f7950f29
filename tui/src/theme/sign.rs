//! The sign and the word of every state. The words are the specification's, everywhere.

use dirigent_protocol::run::{Risk, Status};

use super::Role;

/// A state on the screen: sign, word, role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// One cell wide.
    pub sign: &'static str,
    /// What it says.
    pub word: &'static str,
    /// How it looks.
    pub role: Role,
}

impl Sign {
    const fn new(sign: &'static str, word: &'static str, role: Role) -> Self {
        Self { sign, word, role }
    }

    /// Of a run or a step.
    #[must_use]
    pub const fn status(status: Status) -> Self {
        match status {
            Status::Pending => Self::new("·", "pending", Role::Dim),
            Status::Running => Self::new("●", "running", Role::Live),
            Status::Waiting => Self::new("◌", "waiting", Role::Waiting),
            Status::Suspended => Self::new("‖", "suspended", Role::Warn),
            Status::Completed => Self::new("✓", "completed", Role::Good),
            Status::Faulted => Self::new("✗", "faulted", Role::Bad),
            Status::Cancelled => Self::new("⊘", "cancelled", Role::Dim),
        }
    }

    /// Something that waits for a person.
    pub const PERSON: Self = Self::new("⚑", "waiting", Role::Waiting);
    /// Between two attempts.
    pub const RETRY: Self = Self::new("◌", "retry", Role::Waiting);
    /// Skipped by its condition.
    pub const SKIPPED: Self = Self::new("○", "skipped", Role::Dim);
    /// Done, and undone since.
    pub const UNDONE: Self = Self::new("↺", "undone", Role::Warn);
    /// An alert.
    pub const ALERT: Self = Self::new("▲", "alert", Role::Bad);
    /// Changed by a person here.
    pub const EDITED: Self = Self::new("✎", "edited", Role::Mine);
    /// Ended by time.
    pub const EXPIRED: Self = Self::new("◷", "expired", Role::Dim);
    /// A crash left it open: nobody knows whether it happened.
    pub const UNKNOWN: Self = Self::new("?", "unknown", Role::Bad);

    /// Of a risk.
    #[must_use]
    pub const fn risk(risk: Risk) -> Self {
        match risk {
            Risk::Low => Self::new(" ", "low", Role::Text),
            Risk::Medium => Self::new("-", "med", Role::Waiting),
            Risk::High => Self::new("!", "high", Role::Bad),
        }
    }

    /// The word, spelled out.
    #[must_use]
    pub const fn word_long(&self) -> &'static str {
        match self.word.as_bytes() {
            b"med" => "medium",
            _ => self.word,
        }
    }
}
