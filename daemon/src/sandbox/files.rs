//! Landlock: which files, no TCP, no signals to processes outside and no abstract sockets of theirs.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::enter::Room;
use super::error::SandboxError;
use super::profile::Grant;

/// Linux 6.12: files with truncation and devices, TCP, signals and abstract sockets.
const NEEDED: ABI = ABI::V6;

/// Programs, libraries and what they look up; nothing that holds a secret, no other process.
const READ: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
];
/// What programs that connect look up.
const NAMES: &[&str] = &[
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
];
const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Whether the kernel knows all of it; nothing is restricted.
pub(super) fn available() -> Result<(), SandboxError> {
    Ok(ruleset(false).map(drop)?)
}

/// Everything that is handled is forbidden until a rule grants it.
fn ruleset(network: bool) -> Result<RulesetCreated, RulesetError> {
    let files = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?;
    let tcp = if network {
        // It connects, and nobody connects to it.
        BitFlags::from(AccessNet::BindTcp)
    } else {
        AccessNet::from_all(NEEDED)
    };
    files.handle_access(tcp)?.scope(Scope::from_all(NEEDED))?.create()
}

/// Restricts this process and all it becomes.
pub(super) fn restrict(grant: Grant, room: &Room, temporary: &Path) -> Result<(), SandboxError> {
    let read = AccessFs::from_read(NEEDED);
    let all = AccessFs::from_all(NEEDED);
    let devices: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile;
    let own = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let in_workspace = if grant.writes_workspace { own } else { read };
    let names = if grant.network { NAMES } else { &[] };
    let status = ruleset(grant.network)?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(names, read))?
        .add_rules(path_beneath_rules(&room.reads, read))?
        .add_rules(path_beneath_rules(DEVICES, devices))?
        .add_rule(PathBeneath::new(PathFd::new(&room.workspace)?, in_workspace))?
        .add_rule(PathBeneath::new(PathFd::new(temporary)?, own))?
        .restrict_self()?;
    match status.ruleset {
        RulesetStatus::FullyEnforced if status.no_new_privs => Ok(()),
        _ => Err(SandboxError::InPart),
    }
}
