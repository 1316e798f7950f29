//! What commands are granted: one row for each profile.

use std::time::Duration;

/// A profile of security: what a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Computes: reads programs and its workspace, writes only `tmp` in it.
    Pure,
    /// Builds: writes its workspace.
    Build,
}

/// What a profile grants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    /// The whole workspace may be written, not only `tmp` in it.
    pub(super) writes_workspace: bool,
    /// Permission bits may be changed, but for those that give other rights to whoever runs the file.
    pub(super) changes_modes: bool,
    /// Memory a process may map, bytes.
    pub(super) memory: u64,
    /// Processor time of a process.
    pub(super) cpu: Duration,
    /// Largest file, bytes.
    pub(super) file: u64,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Pure, Self::Build];

    /// As the configuration and the command line name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Build => "build",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    pub(super) const fn grant(self) -> Grant {
        match self {
            Self::Pure => Grant {
                writes_workspace: false,
                changes_modes: false,
                memory: 256 << 20,
                cpu: Duration::from_secs(30),
                file: 100 << 20,
            },
            Self::Build => Grant {
                writes_workspace: true,
                changes_modes: true,
                memory: 8 << 30,
                cpu: Duration::from_secs(3_600),
                file: 2 << 30,
            },
        }
    }
}
