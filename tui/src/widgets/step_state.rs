//! What a step (or a run) is doing, as the run widgets show it: finer than the specification's status, with sign and word.
//! Owns the states and their signs; looks come from the theme. Knows no event.
//! Invariant: every state has a sign and a word, and ended states are never shown as live.

use crate::theme::{Role, Sign};
use dirigent_protocol::run::Status;

/// The states a step or a run can be shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepState {
    /// Defined, not reached yet.
    #[default]
    Pending,
    /// Ready, waiting for a permit (concurrency, rate, budget).
    Queued,
    /// At work.
    Running,
    /// Waits for a timer or an event.
    Waiting,
    /// A try failed and another is due.
    Retry,
    /// Waits for a person.
    Person,
    /// Paused by a person.
    Suspended,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Faulted,
    /// Ended because somebody or a competing branch ended it.
    Cancelled,
    /// Its condition was false: passed over.
    Skipped,
    /// Ended well, and undone since.
    Undone,
    /// Begun, and nobody knows how it ended.
    Unknown,
}

impl StepState {
    /// Every state once, in the order of legends and counts.
    pub const ALL: [Self; 13] = [
        Self::Completed,
        Self::Running,
        Self::Person,
        Self::Unknown,
        Self::Faulted,
        Self::Retry,
        Self::Waiting,
        Self::Queued,
        Self::Suspended,
        Self::Cancelled,
        Self::Skipped,
        Self::Undone,
        Self::Pending,
    ];

    /// Sign, word and role.
    #[must_use]
    pub const fn sign(self) -> Sign {
        match self {
            Self::Pending => Sign::status(Status::Pending),
            Self::Queued => Sign {
                sign: "▒",
                word: "queued",
                role: Role::Waiting,
            },
            Self::Running => Sign::status(Status::Running),
            Self::Waiting => Sign::status(Status::Waiting),
            Self::Retry => Sign::RETRY,
            Self::Person => Sign::PERSON,
            Self::Suspended => Sign::status(Status::Suspended),
            Self::Completed => Sign::status(Status::Completed),
            Self::Faulted => Sign::status(Status::Faulted),
            Self::Cancelled => Sign::status(Status::Cancelled),
            Self::Skipped => Sign::SKIPPED,
            Self::Undone => Sign::UNDONE,
            Self::Unknown => Sign::UNKNOWN,
        }
    }

    /// Nothing more will happen to it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Faulted | Self::Cancelled | Self::Skipped | Self::Undone
        )
    }

    /// Time passes for it: its clock on the screen ticks.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Queued | Self::Running | Self::Waiting | Self::Retry | Self::Person
        )
    }
}

impl From<Status> for StepState {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Running => Self::Running,
            Status::Waiting => Self::Waiting,
            Status::Suspended => Self::Suspended,
            Status::Completed => Self::Completed,
            Status::Faulted => Self::Faulted,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn sign_and_word_together_tell_every_state_apart() {
        let pairs: BTreeSet<_> = StepState::ALL
            .iter()
            .map(|state| (state.sign().sign, state.sign().word))
            .collect();
        assert_eq!(pairs.len(), StepState::ALL.len());
        assert!(pairs.iter().all(|(sign, _)| sign.width() == 1));
    }
}
