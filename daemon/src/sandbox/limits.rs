//! Limits of resources; a command may lower them further. There is none for the number of processes: the kernel counts a
//! user's together, so it would hold for everything else this user does.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::error::SandboxError;
use super::profile::Grant;

/// Open files of a process.
const OPEN_FILES: u64 = 1_024;

/// Sets them for this process and all it starts.
pub(super) fn set(grant: Grant) -> Result<(), SandboxError> {
    let limits = [
        (Resource::Core, 0),
        (Resource::As, grant.memory),
        (Resource::Cpu, grant.cpu.as_secs()),
        (Resource::Fsize, grant.file),
        (Resource::Nofile, OPEN_FILES),
    ];
    for (resource, most) in limits {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit).map_err(|error| SandboxError::Limit(error.into()))?;
    }
    Ok(())
}
