//! Seccomp: system calls that no command of ours needs, and that would lead around the other layers.
//!
//! A list of what is forbidden, for commands are any programs: what is not named here goes on as the kernel allows it to
//! a process without privileges to gain.

use std::collections::BTreeMap;
use std::fs;

use libc::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS,
    c_long,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use super::error::SandboxError;
use super::profile::Grant;

/// Other processes, mounts and namespaces, the kernel's keys, programs and modules, the machine's clock and name, ways
/// around the checks of paths and sockets.
const NEVER: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_setns,
    libc::SYS_setrlimit,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    // Landlock does not look at owners and attributes.
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_setxattr,
];
/// The same, of the processors that still have them.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_chown,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kexec_file_load,
    libc::SYS_lchown,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// Calls that change permission bits, and which argument holds them.
const MODES: &[(c_long, u8)] = &[(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (FCHMODAT2, 2)];
#[cfg(target_arch = "x86_64")]
const OLD_MODES: &[(c_long, u8)] = &[(libc::SYS_chmod, 1)];
#[cfg(not(target_arch = "x86_64"))]
const OLD_MODES: &[(c_long, u8)] = &[];
/// One number on every processor.
const FCHMODAT2: c_long = 452;

/// On x86-64 the same calls have a second number, with this bit.
const X32: c_long = 0x4000_0000;

/// The bits of a socket's type that are its kind.
const KIND_OF_SOCKET: u64 = 0xf;

const NAMESPACES: i32 =
    CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Whether the kernel has seccomp.
pub(super) fn available() -> Result<(), SandboxError> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if status.lines().any(|line| line.starts_with("Seccomp:")) {
        Ok(())
    } else {
        Err(SandboxError::Seccomp("it has none".into()))
    }
}

/// Filters the calls of this process and of all it becomes.
pub(super) fn filter(grant: Grant) -> Result<(), SandboxError> {
    let forbidden = compile(rules(grant)?, libc::EPERM)?;
    // Its arguments lie in memory that a filter cannot read: told that there is none, callers take `clone`.
    let missing = compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
    for program in [missing, forbidden] {
        apply_filter(&program).map_err(refused)?;
    }
    Ok(())
}

fn rules(grant: Grant) -> Result<Rules, SandboxError> {
    let mut rules: Rules = NEVER.iter().chain(OLD).map(|call| (*call, Vec::new())).collect();
    for (call, at) in MODES.iter().chain(OLD_MODES) {
        let these = if grant.changes_modes {
            vec![
                has(*at, u64::from(libc::S_ISUID))?,
                has(*at, u64::from(libc::S_ISGID))?,
            ]
        } else {
            Vec::new()
        };
        rules.insert(*call, these);
    }
    let namespaces = (0..i32::BITS)
        .map(|bit| 1 << bit)
        .filter(|bit| NAMESPACES & bit != 0);
    let cloned: Result<_, _> = namespaces
        .map(|bit: i32| has(0, u64::from(bit.unsigned_abs())))
        .collect();
    rules.insert(libc::SYS_clone, cloned?);
    rules.insert(libc::SYS_socket, sockets(grant)?);
    // Text typed into somebody's terminal.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX];
    let typed: Result<_, _> = typing.into_iter().map(|request| is(1, request)).collect();
    rules.insert(libc::SYS_ioctl, typed?);
    // Limits are read by everybody and set by nobody.
    let set = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0).map_err(refused)?;
    rules.insert(libc::SYS_prlimit64, vec![rule(set)?]);
    if cfg!(target_arch = "x86_64") {
        let twice: Rules = rules
            .iter()
            .map(|(call, these)| (call | X32, these.clone()))
            .collect();
        rules.extend(twice);
    }
    Ok(rules)
}

/// Which sockets are none: all, or all but those of the internet that carry no packets of one's own making.
fn sockets(grant: Grant) -> Result<Vec<SeccompRule>, SandboxError> {
    if !grant.network {
        return Ok(Vec::new());
    }
    let other = |family: i32| {
        let family = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family).map_err(refused)
    };
    let raw = SeccompCondition::new(
        1,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(KIND_OF_SOCKET),
        u64::from(libc::SOCK_RAW.unsigned_abs()),
    );
    let elsewhere = SeccompRule::new(vec![other(libc::AF_INET)?, other(libc::AF_INET6)?]);
    Ok(vec![elsewhere.map_err(refused)?, rule(raw.map_err(refused)?)?])
}

/// The argument has that bit.
fn has(at: u8, bit: u64) -> Result<SeccompRule, SandboxError> {
    let masked = SeccompCmpOp::MaskedEq(bit);
    rule(SeccompCondition::new(at, SeccompCmpArgLen::Dword, masked, bit).map_err(refused)?)
}

/// The argument is that.
fn is(at: u8, value: u64) -> Result<SeccompRule, SandboxError> {
    rule(SeccompCondition::new(at, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).map_err(refused)?)
}

fn rule(condition: SeccompCondition) -> Result<SeccompRule, SandboxError> {
    SeccompRule::new(vec![condition]).map_err(refused)
}

fn compile(rules: Rules, error: i32) -> Result<BpfProgram, SandboxError> {
    let target: TargetArch = std::env::consts::ARCH.try_into().map_err(refused)?;
    let action = SeccompAction::Errno(error.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, action, target)
        .and_then(BpfProgram::try_from)
        .map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> SandboxError {
    SandboxError::Seccomp(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    #[test]
    fn every_profile_compiles() {
        for profile in Profile::ALL {
            let rules = rules(profile.grant()).unwrap();
            assert!(rules.contains_key(&libc::SYS_socket));
            compile(rules, libc::EPERM).unwrap();
        }
    }
}
