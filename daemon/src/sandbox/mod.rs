//! The sandbox of commands: this program re-executed as `dirigentd sandbox`, which gives up what its profile does not
//! grant and only then becomes the command.
//!
//! Three layers, all of them required: Landlock (files, TCP, signals), seccomp (system calls) and limits of resources.
//! Around them stand the walls a machine has: a unit of systemd, bubblewrap (see [`walls`]).
//! It knows no runs, effects or approvals. Invariant: a command whose layers are not all in place does not begin.
//!
//! Not covered where no wall stands: a command under `build` may change the plain permission bits of files its user owns
//! (bubblewrap closes that), and the number of its processes has no limit (a unit sets one).

mod enter;
mod error;
mod files;
mod limits;
mod profile;
mod syscalls;
pub mod walls;

pub use enter::{Room, enter, own_variable};
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

/// The program of `dirigentd` and its words that keep what follows to a profile, in a room, behind these walls.
#[must_use]
pub fn command_line(
    walls: &[&'static walls::Wall],
    dirigentd: &std::path::Path,
    profile: Profile,
    room: &Room,
) -> Vec<std::ffi::OsString> {
    let mut line = walls::before(walls, profile.grant(), room);
    line.push(dirigentd.into());
    line.extend(["sandbox", "--profile", profile.name(), "--workspace"].map(Into::into));
    line.push(room.workspace.clone().into());
    if let Some(temporary) = &room.temporary {
        line.extend(["--temporary".into(), temporary.into()]);
    }
    for path in &room.reads {
        line.extend(["--read".into(), path.into()]);
    }
    line.push("--".into());
    line
}
