//! `dirigentd sandbox`: what the daemon starts in the place of a command that is to be confined.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::sandbox::{self, Profile, Room};

/// As shells say it: the command was not begun.
const NOT_BEGUN: u8 = 126;

/// Returns only when the command cannot begin.
pub(super) fn enter(profile: &str, room: &Room, program: &[OsString]) -> ExitCode {
    let Some(profile) = Profile::named(profile) else {
        eprintln!("sandbox_unavailable: there is no profile `{profile}`");
        return ExitCode::from(NOT_BEGUN);
    };
    let error = sandbox::enter(profile, room, program);
    eprintln!("sandbox_unavailable: {error}");
    ExitCode::from(NOT_BEGUN)
}
