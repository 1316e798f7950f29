//! bubblewrap: namespaces of processes, mounts, names and, where nothing may connect, of the network. What is not the
//! command's own is mounted read-only, so that not even permission bits can be changed there; when it ends, all it began
//! ends.

use std::ffi::OsString;

use super::super::enter::Room;
use super::super::profile::Grant;
use super::{Wall, words};

pub(super) const WALL: Wall = Wall {
    name: "bubblewrap",
    words: before,
};

fn before(grant: Grant, room: &Room) -> Vec<OsString> {
    // It would die of the signal that asks the command to end, and take the command with it before that has ended in
    // good order.
    let mut before: Vec<OsString> = words(["env", "--ignore-signal=TERM", "bwrap"]).collect();
    if !room.outlives {
        before.extend(words(["--die-with-parent"]));
    }
    before.extend(words([
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--cap-drop",
        "ALL",
    ]));
    if !grant.network {
        before.extend(words(["--unshare-net"]));
    }
    before.extend(words(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]));
    // What of it may be written says the sandbox.
    for (how, path) in [
        ("--bind", Some(&room.workspace)),
        ("--bind-try", room.temporary.as_ref()),
    ] {
        if let Some(path) = path {
            before.extend([how.into(), path.into(), path.into()]);
        }
    }
    before.extend([OsString::from("--chdir"), room.workspace.clone().into()]);
    before.extend(words(["--", "env", "--default-signal=TERM"]));
    before
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process_group};

    use super::*;
    use crate::sandbox::Profile;

    #[test]
    fn a_command_that_is_asked_to_end_does_so_in_good_order() {
        let workspace = tempfile::tempdir().unwrap();
        let room = Room {
            workspace: workspace.path().to_owned(),
            ..Room::default()
        };
        let words = before(Profile::Build.grant(), &room);
        let stands = Command::new(&words[0]).args(&words[1..]).arg("true").status();
        if !stands.is_ok_and(|status| status.success()) {
            let must = std::env::var_os("DIRIGENT_NO_SKIP").is_some();
            assert!(!must, "bubblewrap is not installed, or may make no namespaces");
            return;
        }
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args([
                "sh",
                "-c",
                "trap 'echo asked; exit 3' TERM; echo ready; sleep 600 & wait",
            ])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        output.read_line(&mut ready).unwrap();
        let group = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        kill_process_group(group, Signal::TERM).unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!((ready.as_str(), rest.as_str()), ("ready\n", "asked\n"));
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }
}
