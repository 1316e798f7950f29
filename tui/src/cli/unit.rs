//! The service manager's part: which unit keeps a daemon, and what the manager is asked for it.
//!
//! Owns the words for `systemctl` and `journalctl`. A daemon belongs to a unit when it runs in that unit's control
//! group; a unit is ours when its name begins with `dirigent`.

use std::process::{Command, Output, Stdio};

use dirigent_protocol::fault::{Code, Fault};

use crate::text::clean;

/// A unit that keeps a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// `dirigent.service`
    pub name: String,
    /// A user's own service manager keeps it, not the system's.
    pub user: bool,
}

impl Unit {
    /// The unit of a process of this machine; none where nobody keeps it.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        groups.lines().find_map(Self::in_group)
    }

    /// From a line of `/proc/PID/cgroup`: `0::/system.slice/dirigent.service`.
    fn in_group(line: &str) -> Option<Self> {
        let path = line.splitn(3, ':').nth(2)?;
        let (above, name) = path.rsplit_once('/')?;
        let ours = name.starts_with("dirigent") && name.ends_with(".service");
        ours.then(|| Self {
            name: name.to_owned(),
            user: above.contains("/user@"),
        })
    }

    /// This user's unit, where its socket is switched on: then the manager starts the daemon.
    #[must_use]
    pub fn enabled() -> Option<Self> {
        let asked = Command::new("systemctl")
            .args(["--user", "is-enabled", "--quiet", "dirigent.socket"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success()).then(|| Self {
            name: "dirigent.service".to_owned(),
            user: true,
        })
    }

    /// `system` or `user`.
    #[must_use]
    pub const fn manager(&self) -> &'static str {
        if self.user { "user" } else { "system" }
    }

    /// The command for people: `systemctl --user restart dirigent.service`.
    #[must_use]
    pub fn words(&self, verb: &str) -> String {
        let scope = if self.user {
            "systemctl --user"
        } else {
            "sudo systemctl"
        };
        format!("{scope} {verb} {}", self.name)
    }

    /// Asks the manager to `start`, `stop` or `restart` it, and waits until it is done.
    ///
    /// # Errors
    /// The manager refuses (the system's needs the administrator) or cannot be asked.
    pub fn ask(&self, verb: &str) -> Result<(), Fault> {
        let mut command = Command::new("systemctl");
        command.args(self.user.then_some("--user"));
        command.args(["--no-ask-password", verb, &self.name]);
        let done = run(command, "systemctl")?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        let what = format!(
            "the service manager does not {verb} {}: {}",
            self.name,
            clean(said.trim())
        );
        let code = if self.user { Code::Io } else { Code::NotPermitted };
        Err(Fault::new(code, what)
            .at(self.name.clone())
            .help(format!("`{}`", self.words(verb))))
    }

    /// The end of its log in the system's journal, at most `lines` lines.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn log(&self, lines: u64) -> Result<String, Fault> {
        let mut command = Command::new("journalctl");
        command.args(self.user.then_some("--user"));
        command.args(["--no-pager", "--quiet", "--output=short-iso"]);
        command.args(["--unit", &self.name, "--lines", &lines.to_string()]);
        let done = run(command, "journalctl")?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            return Err(Fault::new(
                Code::Io,
                format!("the journal cannot be read: {}", clean(said.trim())),
            )
            .at(self.name.clone())
            .help("members of group systemd-journal may read it"));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

fn run(mut command: Command, name: &str) -> Result<Output, Fault> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Fault::new(Code::Io, format!("`{name}` cannot be started: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_tells_who_keeps_the_daemon() {
        let of = |line| Unit::in_group(line).map(|unit| (unit.name.clone(), unit.manager()));
        assert_eq!(
            of("0::/system.slice/dirigent.service"),
            Some(("dirigent.service".into(), "system"))
        );
        assert_eq!(
            of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/dirigent.service"),
            Some(("dirigent.service".into(), "user"))
        );
        assert_eq!(of("0::/user.slice/user-1000.slice/session-3.scope"), None);
        assert_eq!(of("0::/system.slice/ssh.service"), None);
        assert_eq!(of("9:name=systemd:/"), None);
    }
}
