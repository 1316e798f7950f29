//! Giving up, and becoming the command.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::SandboxError;
use super::profile::Profile;
use super::{files, limits, syscalls};

/// Its own place for temporary files, in the workspace.
const TEMPORARY: &str = "tmp";

/// Where a command is and what it sees of the rest.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// Its directory.
    pub workspace: PathBuf,
    /// Its place for temporary files, and its home; in the workspace where there is none.
    pub temporary: Option<PathBuf>,
    /// What else it may read.
    pub reads: Vec<PathBuf>,
    /// It goes on when the daemon ends.
    pub outlives: bool,
}

/// Before the name of a variable that is meant for the command alone: whoever chooses it chooses no program, no library
/// and no language of what keeps the command.
const OWN: &str = "DIRIGENT_OWN_";

/// The variable in the environment of what keeps a command that becomes the command's own.
#[must_use]
pub fn own_variable(name: &str) -> String {
    format!("{OWN}{name}")
}

/// Puts this process into the sandbox and makes it the program, with the environment it has; returns only if it cannot.
/// It must have one thread: what is given up is given up by the calling one.
pub fn enter(profile: Profile, room: &Room, program: &[OsString]) -> SandboxError {
    let temporary = room.temporary.clone();
    let temporary = temporary.unwrap_or_else(|| room.workspace.join(TEMPORARY));
    match prepare(profile, room, &temporary) {
        Ok(()) => begin(room, &temporary, program),
        Err(error) => error,
    }
}

fn prepare(profile: Profile, room: &Room, temporary: &Path) -> Result<(), SandboxError> {
    let grant = profile.grant();
    fs::create_dir_all(temporary)
        .and_then(|()| std::env::set_current_dir(&room.workspace))
        .map_err(|source| SandboxError::Workspace {
            path: room.workspace.display().to_string(),
            source,
        })?;
    limits::set(grant)?;
    files::restrict(grant, room, temporary)?;
    // Last: the filter forbids what the layers before it need.
    syscalls::filter(grant)
}

fn begin(room: &Room, temporary: &Path, program: &[OsString]) -> SandboxError {
    let (name, arguments) = program
        .split_first()
        .map_or_else(Default::default, |(name, rest)| (name.clone(), rest.to_vec()));
    let home = room.temporary.as_ref().unwrap_or(&room.workspace);
    let mut command = Command::new(&name);
    for (kept, value) in std::env::vars_os() {
        let Some(own) = kept.to_str().and_then(|kept| kept.strip_prefix(OWN)) else {
            continue;
        };
        command.env_remove(&kept);
        // What says whose the command is, is not the command's to say.
        if !(own.starts_with("DIRIGENT_") && std::env::var_os(own).is_some()) {
            command.env(own, value);
        }
    }
    let source = command
        .args(arguments)
        .env("HOME", home)
        .env("TMPDIR", temporary)
        .exec();
    SandboxError::Program {
        program: name.to_string_lossy().into_owned(),
        source,
    }
}
