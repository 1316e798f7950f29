//! Giving up, and becoming the command.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::error::SandboxError;
use super::profile::Profile;
use super::{files, limits, syscalls};

/// Its own place for temporary files, in the workspace.
const TEMPORARY: &str = "tmp";

/// Puts this process into the sandbox and makes it the program, with the environment it has; returns only if it cannot.
/// It must have one thread: what is given up is given up by the calling one.
pub fn enter(profile: Profile, workspace: &Path, program: &[OsString]) -> SandboxError {
    match prepare(profile, workspace) {
        Ok(()) => begin(workspace, program),
        Err(error) => error,
    }
}

fn prepare(profile: Profile, workspace: &Path) -> Result<(), SandboxError> {
    let grant = profile.grant();
    let temporary = workspace.join(TEMPORARY);
    fs::create_dir_all(&temporary)
        .and_then(|()| std::env::set_current_dir(workspace))
        .map_err(|source| SandboxError::Workspace {
            path: workspace.display().to_string(),
            source,
        })?;
    limits::set(grant)?;
    files::restrict(grant, workspace, &temporary)?;
    // Last: the filter forbids what the layers before it need.
    syscalls::filter(grant)
}

fn begin(workspace: &Path, program: &[OsString]) -> SandboxError {
    let (name, arguments) = program
        .split_first()
        .map_or_else(Default::default, |(name, rest)| (name.clone(), rest.to_vec()));
    let source = Command::new(&name)
        .args(arguments)
        .env("HOME", workspace)
        .env("TMPDIR", workspace.join(TEMPORARY))
        .exec();
    SandboxError::Program {
        program: name.to_string_lossy().into_owned(),
        source,
    }
}
