//! What runs on behalf of an effect: its process group, noted in a file, and everything that carries its key.
//!
//! A command may fork away from its group, but not from its environment: a process is ours if it is in the noted group
//! (same leader, same start) or has the effect's key in its environment. Invariant: after [`empty`] none is left, so
//! that a repeat of the command never runs beside the first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::EffectId;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// The variable every command and all its children carry.
pub(super) const KEY_VARIABLE: &str = "DIRIGENT_IDEMPOTENCY_KEY";
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How often it is looked for what a dying process started.
const LOOKS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that is spoken to: pipes, a process group of its own, the daemon's own way to programs and no more of its
/// environment, and `key` on it and on all it starts.
pub(super) fn spoken_to<'a>(
    mut command: Command,
    arguments: &[String],
    environment: impl IntoIterator<Item = (&'a String, &'a String)>,
    key: &str,
) -> Command {
    let own = ["PATH", "HOME", "LANG"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    command
        .args(arguments)
        .env_clear()
        .envs(own)
        .envs(environment)
        .env(KEY_VARIABLE, key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A process group, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    /// Process id of the leader, which names the group.
    pub(super) pid: i32,
    /// When the leader started, clock ticks since boot.
    pub(super) started: u64,
    /// Which boot: pids of another one mean nothing.
    pub(super) boot: String,
}

impl Group {
    /// The group of a process just started as its own leader.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Self {
            pid,
            started: stat(pid)?.started,
            boot: boot(),
        })
    }

    /// Sends a signal to all of it.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            // It may be gone by now.
            kill_process_group(pid, signal).ok();
        }
    }

    /// Whether anything of it is left.
    pub(super) fn lives(&self) -> bool {
        Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process_group(pid).is_ok())
    }

    /// Whether the number still names the group it was noted for.
    fn is_current(&self) -> bool {
        self.boot == boot() && stat(self.pid).is_none_or(|now| now.started == self.started)
    }
}

/// Where the group of an effect is noted.
pub(super) fn note_path(dir: &Path, run: RunId, effect: EffectId) -> PathBuf {
    dir.join(format!("{run}-{}.json", effect.0))
}

/// Notes a group. Not synced: it matters only while its processes live, and they end with the machine.
pub(super) fn note(path: &Path, group: &Group) -> std::io::Result<()> {
    fs::write(path, serde_json::to_vec(group)?)
}

/// Kills everything of an effect and waits until it is gone. Without a readable note the key alone decides.
/// Returns whether all is gone.
pub(super) async fn empty(path: &Path, key: &str) -> bool {
    let noted: Option<Group> = fs::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let group = noted.filter(Group::is_current);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (group, key) = (group.clone(), key.to_owned());
        let left = tokio::task::spawn_blocking(move || kill_all(group.as_ref(), &key))
            .await
            .unwrap_or(true);
        if !left {
            drop(fs::remove_file(path));
            return true;
        }
        if tokio::time::Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Ends every noted group: SIGTERM, then SIGKILL after `grace`. The notes stay: what they name is emptied again when its
/// effect is settled.
pub(super) async fn end_noted(dir: &Path, grace: Duration) {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let group: Group = serde_json::from_slice(&fs::read(entry.ok()?.path()).ok()?).ok()?;
        group.is_current().then_some(group)
    };
    let groups: Vec<Group> = fs::read_dir(dir).into_iter().flatten().filter_map(read).collect();
    groups.iter().for_each(|group| group.signal(Signal::TERM));
    let deadline = tokio::time::Instant::now() + grace;
    while groups.iter().any(Group::lives) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    groups
        .iter()
        .filter(|group| group.lives())
        .for_each(|group| group.signal(Signal::KILL));
}

/// Kills everything that is noted there or carries the key, at once; what was started meanwhile, too.
pub(super) fn end_now(path: &Path, key: &str) {
    let Some(noted) = fs::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice::<Group>(&text).ok())
    else {
        return;
    };
    let group = Some(noted).filter(Group::is_current);
    for _ in 0..LOOKS {
        if !kill_all(group.as_ref(), key) {
            break;
        }
    }
    drop(fs::remove_file(path));
}

/// Sends SIGKILL to everything of an effect; says whether there was anything, or something of which nobody can tell yet.
fn kill_all(group: Option<&Group>, key: &str) -> bool {
    let needle = format!("{KEY_VARIABLE}={key}");
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    let mut any = false;
    for pid in pids().filter(|pid| *pid != me) {
        let Some(stat) = stat(pid).filter(|stat| !stat.zombie) else {
            continue;
        };
        let grouped = group.is_some_and(|group| stat.group == group.pid);
        match carries(pid, needle.as_bytes()) {
            carried if grouped || carried == Some(true) => {
                any = true;
                if let Some(pid) = Pid::from_raw(pid) {
                    kill_process(pid, Signal::KILL).ok();
                }
            }
            // It is becoming another program: whose it is, is seen at the next look.
            None if !stat.kernel => any = true,
            _ => {}
        }
    }
    any
}

struct Stat {
    group: i32,
    started: u64,
    zombie: bool,
    /// The kernel's own: it has no environment.
    kernel: bool,
}

/// Of the flags of a process: it is a thread of the kernel.
const KERNEL: u32 = 0x0020_0000;

/// Fields 3, 5, 9 and 22 of `/proc/PID/stat`; the name in field 2 may hold anything but ends at the last `)`.
fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        kernel: fields.get(6)?.parse::<u32>().ok()? & KERNEL != 0,
    })
}

/// Whether a process has that in its environment; none while it is becoming another program, and has neither an
/// environment nor words.
fn carries(pid: i32, needle: &[u8]) -> Option<bool> {
    let of = |file: &str| fs::read(format!("/proc/{pid}/{file}"));
    let Ok(environment) = of("environ") else {
        return Some(false);
    };
    if environment.is_empty() && of("cmdline").is_ok_and(|words| words.is_empty()) {
        return None;
    }
    let carried = environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == needle);
    Some(carried)
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_left_its_group_is_found_by_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = format!("test-{}", RunId::new());
        let script = "setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!";
        let out = tokio::process::Command::new("/bin/sh")
            .args(["-c", script])
            .env(KEY_VARIABLE, &key)
            .output()
            .await
            .unwrap();
        assert!(out.status.success());
        let path = note_path(dir.path(), RunId::new(), EffectId(1));
        let needle = format!("{KEY_VARIABLE}={key}");
        let alive = || {
            let carried = |pid| carries(pid, needle.as_bytes()) == Some(true);
            pids().any(|pid| carried(pid) && stat(pid).is_some_and(|stat| !stat.zombie))
        };
        // The shell ended; what it began may still be becoming `sleep`, and is not lost meanwhile.
        assert!(empty(&path, &key).await);
        assert!(!alive());
    }

    #[test]
    fn what_has_no_environment_is_the_kernels_or_is_looked_at_again() {
        // A thread of the kernel, where one is seen: it is never waited for.
        if let Some(stat) = stat(2).filter(|stat| stat.kernel) {
            assert!(!stat.zombie);
            assert_ne!(carries(2, b"A=b"), Some(true));
        }
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(!stat(me).unwrap().kernel);
        assert_eq!(carries(me, b"NO_SUCH_VARIABLE=1"), Some(false));
    }

    #[test]
    fn a_reused_number_is_not_our_group() {
        let me = Group::of(std::process::id()).unwrap();
        assert!(me.is_current());
        assert!(
            !Group {
                started: me.started + 1,
                ..me.clone()
            }
            .is_current()
        );
        assert!(
            !Group {
                boot: "another".into(),
                ..me
            }
            .is_current()
        );
    }
}
