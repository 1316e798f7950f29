//! Why a store does not open, and what a person does then.

use super::faults::{Damage, IoFault, StateFault};
use crate::types::Position;
use std::path::PathBuf;

/// Why a store does not open. The directory is left as it was found.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store {} is in use by process {pid}", dir.display())]
    InUse {
        /// Store directory.
        dir: PathBuf,
        /// As written in the lock file; 0 if unreadable.
        pid: u32,
    },
    /// Written by a newer version.
    #[error("{} has format {found}; this version reads up to {supported}", file.display())]
    NewerFormat {
        /// File that says so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// The journal is damaged where it is needed.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// There is state, but no journal, or its newest segment is gone.
    #[error("{}: the journal, or its newest segment, is missing", dir.display())]
    JournalMissing {
        /// Journal directory.
        dir: PathBuf,
    },
    /// Something outside the journal knows of later commits than the journal has.
    #[error("{}: the journal ends at commit {journal}, but commit {known} was acknowledged", dir.display())]
    JournalBehind {
        /// Journal directory.
        dir: PathBuf,
        /// Newest in the journal.
        journal: Position,
        /// Newest known elsewhere.
        known: Position,
    },
    /// The state must be rebuilt, but neither the journal nor an export reaches back far enough.
    #[error("the state in {} must be rebuilt ({fault}), but the journal begins at {oldest} and no verified export covers what is before", dir.display())]
    NotRebuildable {
        /// State directory.
        dir: PathBuf,
        /// Why it must be rebuilt.
        fault: StateFault,
        /// Oldest commit of the journal.
        oldest: Position,
    },
    /// The rebuilt state failed as well.
    #[error("the rebuilt state in {} cannot be used: {fault}", dir.display())]
    State {
        /// State directory.
        dir: PathBuf,
        /// What went wrong.
        fault: StateFault,
    },
    /// An option out of range.
    #[error("option {name} must be between {least} and {most}")]
    Option {
        /// Field of `Options`.
        name: &'static str,
        /// Smallest allowed.
        least: u64,
        /// Largest allowed.
        most: u64,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl OpenError {
    /// One line for a person: what to do now.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the other daemon, or give this one its own directory",
            Self::NewerFormat { .. } => {
                "start the newer version, or restore the snapshot made before the upgrade"
            }
            Self::Damaged(_) | Self::JournalMissing { .. } | Self::JournalBehind { .. } => {
                "nothing was changed; run the check, then restore the newest backup into an empty directory"
            }
            Self::NotRebuildable { .. } => {
                "nothing was deleted; put a verified export into exports/ and start again"
            }
            Self::State { .. } => "check the disk, then start again: the state is rebuilt from the journal",
            Self::Option { .. } => "correct the configuration",
            Self::Io(_) => "check that the directory exists, is writable by this user and has free space",
        }
    }
}
