//! A machine of its own: a real systemd as process 1, in namespaces of this one, with the binaries under test and the
//! units of this repository installed.
//!
//! Needs root, `systemd-nspawn` and the file system that `tests/systemd/rootfs` makes. Everything that is written in it
//! goes away with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::home::output;
use crate::{LONG, Output, client_path, daemon_path, until};

/// One at a time: they share the file system below.
static ONE: Mutex<()> = Mutex::new(());
/// What a command in the machine may take, seconds.
const LIMIT: &str = "90";

/// A machine that has booted. Switched off when dropped.
pub struct Machine {
    container: Child,
    /// Its process 1, as this machine numbers it.
    leader: u32,
    _one: MutexGuard<'static, ()>,
}

/// Where the file system is: `DIRIGENT_SYSTEMD_ROOT`.
fn root() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("DIRIGENT_SYSTEMD_ROOT")?);
    folder.join("made").exists().then(|| folder.join("root"))
}

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/systemd")
}

impl Machine {
    /// Boots one with the system's units in place and its user made; nothing of Dirigent is started. None where this
    /// machine cannot, unless a skip counts as a failure.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn boot() -> Option<Self> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(root) = root() else {
            assert!(
                std::env::var_os("DIRIGENT_NO_SKIP").is_none(),
                "DIRIGENT_SYSTEMD_ROOT names no file system: run tests/systemd/rootfs"
            );
            eprintln!("skipped: DIRIGENT_SYSTEMD_ROOT names no file system (tests/systemd/rootfs makes one)");
            return None;
        };
        let container = Self::container(&root);
        let mut machine = Self {
            container,
            leader: 0,
            _one: one,
        };
        until("the machine to boot", LONG, || {
            if let Ok(Some(status)) = machine.container.try_wait() {
                panic!("the machine did not start: {status}");
            }
            // Its first child is only on the way to becoming process 1.
            let pid = machine.container.id();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            machine.leader = children.split_whitespace().next()?.parse().ok()?;
            let state = machine.run("systemctl is-system-running").stdout;
            (state.trim() == "running").then_some(())
        });
        machine.must("systemd-sysusers && systemctl daemon-reload");
        Some(machine)
    }

    fn container(root: &Path) -> Child {
        let bind = |from: &Path, to: &str| format!("--bind-ro={}:{to}", from.display());
        let units = units().canonicalize().unwrap();
        Command::new("systemd-nspawn")
            .arg("--directory")
            .arg(root)
            .args(["--volatile=overlay", "--boot", "--quiet", "--console=pipe"])
            .args(["--register=no", "--keep-unit", "--private-network"])
            .args(["--machine=dirigent-test", "--link-journal=no"])
            // What commands are kept by; a container has not got it unless that is said.
            .arg("--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self")
            .arg(bind(&daemon_path(), "/usr/bin/dirigentd"))
            .arg(bind(&client_path(), "/usr/bin/dirigent"))
            .arg(bind(&units.join("system"), "/run/systemd/system"))
            .arg(bind(&units.join("user"), "/run/systemd/user"))
            .arg(bind(&units.join("sysusers.d"), "/run/sysusers.d"))
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("systemd-nspawn (package systemd-container)")
    }

    /// Runs a shell command in the machine, as root.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, command: &str) -> Output {
        let mut inside = Command::new("nsenter");
        inside
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .args(["--target", &self.leader.to_string()])
            .args([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
            ])
            .args(["--", "timeout", LIMIT, "sh", "-c", command])
            .stdin(Stdio::null());
        output(inside.output().unwrap())
    }

    /// Runs a shell command in the machine, as root, which must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub fn must(&self, command: &str) {
        let ended = self.run(command);
        assert_eq!(ended.code, Some(0), "{command}: {ended:#?}");
    }

    /// Runs a shell command in the machine as somebody, in a session of theirs if they have one.
    #[must_use]
    pub fn run_as(&self, who: &str, command: &str) -> Output {
        let quoted = command.replace('\'', r"'\''");
        self.run(&format!(
            "cd / && XDG_RUNTIME_DIR=/run/user/$(id -u {who}) exec runuser -u {who} -- sh -c '{quoted}'"
        ))
    }

    /// Writes a file in the machine, and the folders above it.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, path: &str, text: &str) {
        let quoted = text.replace('\'', r"'\''");
        self.must(&format!(
            "mkdir -p \"$(dirname {path})\" && printf %s '{quoted}' > {path} && chmod 644 {path}"
        ));
    }

    /// Waits until a command prints that text.
    ///
    /// # Panics
    /// When it does not; the message shows what it prints, and the journal's end.
    pub fn wait_for(&self, command: &str, text: &str, deadline: Duration) {
        let mut last = String::new();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(text, deadline, || {
                last = self.run(command).stdout;
                last.contains(text).then_some(())
            });
        }));
        assert!(
            outcome.is_ok(),
            "`{command}` did not print `{text}` but `{last}`; the journal ends:\n{}",
            self.run("journalctl --no-pager -n 60").stdout
        );
    }

    /// What the service manager says of a unit.
    #[must_use]
    pub fn property(&self, unit: &str, name: &str) -> String {
        let shown = self.run(&format!("systemctl show --value -p {name} {unit}"));
        shown.stdout.trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With its process 1 everything in it ends.
        if self.leader != 0 {
            drop(
                Command::new("kill")
                    .args(["-KILL", &self.leader.to_string()])
                    .status(),
            );
        } else {
            drop(self.container.kill());
        }
        drop(self.container.wait());
    }
}
