//! What stands around the sandbox where the system has it: other programs that close what only a unit or namespaces can.
//!
//! A wall is a prefix of the command line: it sets something up and becomes, or begins, what follows. One row per wall,
//! the outermost first. Whether one stands is tried once, with a command that does nothing. It grants nothing: the layers
//! of the sandbox are in place behind every wall, and behind none.

mod bubblewrap;
mod stand;
mod unit;

use std::ffi::OsString;

pub use stand::{known, standing, unwanted};

use super::enter::Room;
use super::profile::Grant;

/// See the module header.
#[derive(Debug)]
pub struct Wall {
    /// As `status` and errors name it.
    pub name: &'static str,
    /// What comes before the command.
    words: fn(Grant, &Room) -> Vec<OsString>,
}

/// Every wall, the outermost first.
pub const WALLS: &[Wall] = &[unit::WALL, bubblewrap::WALL];

/// The words before a command that is kept to a profile in a room, behind these walls.
pub(super) fn before(walls: &[&'static Wall], grant: Grant, room: &Room) -> Vec<OsString> {
    walls.iter().flat_map(|wall| (wall.words)(grant, room)).collect()
}

fn words<const N: usize>(words: [&str; N]) -> impl Iterator<Item = OsString> {
    words.map(OsString::from).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Profile;

    fn spoken(profile: Profile) -> String {
        let room = Room {
            workspace: "/w".into(),
            temporary: Some("/t".into()),
            ..Room::default()
        };
        let walls: Vec<_> = WALLS.iter().collect();
        let words = before(&walls, profile.grant(), &room);
        words.join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn only_who_may_connect_keeps_the_network() {
        assert!(spoken(Profile::Pure).contains("--unshare-net"));
        assert!(spoken(Profile::Build).contains("--unshare-net"));
        assert!(!spoken(Profile::Online).contains("--unshare-net"));
    }

    #[test]
    fn the_unit_is_outside_and_says_how_much_all_of_it_may_take() {
        let pure = spoken(Profile::Pure);
        assert!(pure.find("systemd-run") < pure.find("bwrap"), "{pure}");
        assert!(pure.contains("--property=TasksMax=64"), "{pure}");
        assert!(pure.contains("--bind /w /w --bind-try /t /t"), "{pure}");
    }
}
