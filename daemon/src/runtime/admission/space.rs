//! What the disk has room for: the runtime's side of it. Who measures says when it changes.

use crate::runtime::error::RuntimeError;

/// What the disk has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Everything.
    Enough,
    /// Runs go on, none begins.
    NoRuns {
        /// Free now, MiB.
        free_mib: u64,
        /// Least that must be free for a run to begin.
        needed_mib: u64,
    },
    /// No step begins either; outcomes, decisions and cancels are stored.
    NoSteps {
        /// Free now, MiB.
        free_mib: u64,
        /// Least that must be free for a run to begin.
        needed_mib: u64,
    },
}

impl Space {
    /// Whether no step may begin.
    pub(crate) fn holds_steps(self) -> bool {
        matches!(self, Self::NoSteps { .. })
    }

    /// Refuses a new run where there is no room for one.
    pub(crate) fn admit(self) -> Result<(), RuntimeError> {
        match self {
            Self::Enough => Ok(()),
            Self::NoRuns { free_mib, needed_mib } | Self::NoSteps { free_mib, needed_mib } => {
                Err(RuntimeError::StorageFull { free_mib, needed_mib })
            }
        }
    }
}
