//! Why a command cannot be put into its sandbox.

use std::io;

/// A layer that is missing, or the command that could not be begun behind them.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Landlock is missing or too old.
    #[error("the kernel's Landlock cannot keep files, TCP and signals apart (ABI 6, Linux 6.12): {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// Landlock took the rules but not all of them.
    #[error("the kernel's Landlock enforces the rules only in part")]
    InPart,
    /// A path of the rules cannot be opened.
    #[error("a path of the sandbox cannot be opened: {0}")]
    Path(#[from] landlock::PathFdError),
    /// Seccomp is missing or refuses the filter.
    #[error("the kernel's seccomp refuses the filter: {0}")]
    Seccomp(String),
    /// A limit cannot be set.
    #[error("a limit of resources cannot be set: {0}")]
    Limit(#[source] io::Error),
    /// The workspace cannot be used.
    #[error("the workspace {path} cannot be used: {source}")]
    Workspace {
        /// Where it should be.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Everything is in place, but the program is not there.
    #[error("{program} cannot be begun: {source}")]
    Program {
        /// What was to begin.
        program: String,
        /// Why not.
        source: io::Error,
    },
}
