//! A unit of its own under systemd: a transient scope, in which memory and processes of the command and all it begins are
//! counted together. It becomes what follows: process, pipes and signals are those of the command.
//!
//! Only a manager that takes orders from the daemon's user can be asked: root's, or that of the user's session.

use std::ffi::OsString;

use super::super::enter::Room;
use super::super::profile::Grant;
use super::{Wall, words};

/// Where the user's manager is found.
const RUNTIME: &str = "XDG_RUNTIME_DIR";

pub(super) const WALL: Wall = Wall {
    name: "unit",
    words: before,
};

fn before(grant: Grant, _: &Room) -> Vec<OsString> {
    let mut before: Vec<OsString> = words(["env"]).collect();
    let root = rustix::process::geteuid().is_root();
    if let Some(runtime) = std::env::var_os(RUNTIME).filter(|_| !root) {
        let mut pair = OsString::from(RUNTIME);
        pair.push("=");
        pair.push(runtime);
        before.push(pair);
    }
    let manager = if root { "--system" } else { "--user" };
    before.extend(words(["systemd-run", manager, "--scope", "--quiet", "--collect"]));
    before.extend([
        format!("--property=MemoryMax={}", grant.together.memory).into(),
        format!("--property=TasksMax={}", grant.together.tasks).into(),
    ]);
    before.extend(words([
        "--property=MemorySwapMax=0",
        "--description=A step of Dirigent",
        "--",
        "env",
        "-u",
        RUNTIME,
    ]));
    before
}
