//! What commands are granted: one row for each profile.

use std::time::Duration;

use dirigent_protocol::run::Sandbox;

/// A profile of security: what a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Computes: reads programs and its workspace, writes only `tmp` in it.
    Pure,
    /// Builds: writes its workspace.
    Build,
    /// As that, and connects to the network.
    Online,
}

/// What a profile grants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    /// The whole workspace may be written, not only `tmp` in it.
    pub(super) writes_workspace: bool,
    /// Connections of the internet's protocols may be opened.
    pub(super) network: bool,
    /// Permission bits may be changed, but for those that give other rights to whoever runs the file.
    pub(super) changes_modes: bool,
    /// Memory a process may map, bytes.
    pub(super) memory: u64,
    /// Processor time of a process.
    pub(super) cpu: Duration,
    /// Largest file, bytes.
    pub(super) file: u64,
    /// What a unit holds the command and all it begins to.
    pub(super) together: Together,
}

/// What the processes of a command may have at once, all together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together {
    /// Memory in use, bytes.
    pub(super) memory: u64,
    /// Processes and threads.
    pub(super) tasks: u64,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Pure, Self::Build, Self::Online];

    /// The profile of what is asked for; none is nothing.
    #[must_use]
    pub const fn of(wanted: Sandbox) -> Option<Self> {
        match wanted {
            Sandbox::Pure => Some(Self::Pure),
            Sandbox::Build => Some(Self::Build),
            Sandbox::Online => Some(Self::Online),
            Sandbox::Host => None,
        }
    }

    /// What is asked for where this profile is meant.
    #[must_use]
    pub const fn asked(self) -> Sandbox {
        match self {
            Self::Pure => Sandbox::Pure,
            Self::Build => Sandbox::Build,
            Self::Online => Sandbox::Online,
        }
    }

    /// As the configuration and the command line name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Build => "build",
            Self::Online => "online",
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
                network: false,
                changes_modes: false,
                memory: 256 << 20,
                cpu: Duration::from_secs(30),
                file: 100 << 20,
                together: Together {
                    memory: 1 << 30,
                    tasks: 64,
                },
            },
            Self::Build | Self::Online => Grant {
                writes_workspace: true,
                network: matches!(self, Self::Online),
                changes_modes: true,
                // Programs that run others' code set aside far more than they take.
                memory: 64 << 30,
                cpu: Duration::from_secs(3_600),
                file: 2 << 30,
                together: Together {
                    memory: 8 << 30,
                    tasks: 2_048,
                },
            },
        }
    }
}
