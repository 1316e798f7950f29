//! The sandbox of commands: this program re-executed as `dirigentd sandbox`, which gives up what its profile does not
//! grant and only then becomes the command.
//!
//! Three layers, all of them required: Landlock (files, TCP, signals), seccomp (system calls) and limits of resources.
//! It knows no runs, effects or approvals. Invariant: a command whose layers are not all in place does not begin.
//!
//! Not covered, for it would take a namespace of its own: a command under `build` may change the plain permission bits of
//! files its user owns, and the number of its processes has no limit.

mod enter;
mod error;
mod files;
mod limits;
mod profile;
mod syscalls;

pub use enter::{Room, enter};
pub use error::SandboxError;
pub use profile::Profile;

/// Whether this system has every layer; the error names the one that is missing.
///
/// # Errors
/// As said.
pub fn available() -> Result<(), SandboxError> {
    files::available()?;
    syscalls::available()
}
