//! What the screen was left like, over the end of the client: one small private file per daemon.
//!
//! A line that drops, a terminal that is closed or a kill must not cost the place, the filter or a half-written
//! reason. The file is written whenever something in it changed, whole or not at all. After an end in good order it
//! is only taken up when asked for (`--resume`); after any other end it is taken up by itself.
//!
//! It never restores a decision nor a confirming word, and it opens no dialog: texts wait until the person takes them
//! up again. A file that cannot be read or written costs the comfort, never the client.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest file that is read, bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Where one was (`runs/8f20`).
    pub place: String,
    /// What each page keeps, by its id.
    pub pages: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    /// The client that has the file; nobody's behind an end in good order.
    open: Option<i32>,
    #[serde(flatten)]
    kept: Kept,
}

/// The file of a daemon, known by its host or socket, in the directory for states.
#[must_use]
pub fn file(dir: &Path, daemon: &str) -> PathBuf {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            c
        } else {
            '_'
        }
    };
    let name: Vec<char> = daemon.chars().rev().take(100).map(safe).collect();
    dir.join(format!(
        "screen-{}.json",
        name.into_iter().rev().collect::<String>()
    ))
}

/// The file, read and written.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    last: Option<Kept>,
    /// Another client is there and has the file; or it cannot be written.
    idle: bool,
}

impl Keeper {
    /// The file at a path, see [`file`].
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self {
            path,
            last: None,
            idle: false,
        }
    }

    /// What is to be taken up: after an end that was not in good order, or if asked for.
    pub fn take_up(&mut self, asked: bool) -> Option<Kept> {
        let size = std::fs::metadata(&self.path).ok()?.len();
        if size > MAX_FILE {
            return None;
        }
        let file: File = serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()?;
        let alive = file.open.is_some_and(is_alive);
        self.idle = alive;
        (asked || file.open.is_some() && !alive).then_some(file.kept)
    }

    /// Writes what is to be kept, if it changed.
    pub fn keep(&mut self, kept: Kept) {
        if self.idle || self.last.as_ref() == Some(&kept) {
            return;
        }
        self.idle = self
            .write(Some(rustix::process::getpid().as_raw_nonzero().get()), &kept)
            .is_err();
        self.last = Some(kept);
    }

    /// The client ends in good order.
    pub fn close(&mut self) {
        if let Some(kept) = self.last.take().filter(|_| !self.idle) {
            let _lost = self.write(None, &kept);
        }
    }

    fn write(&self, open: Option<i32>, kept: &Kept) -> std::io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        // A fresh file that only its owner may read, put in the place of the old one.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        let text = serde_json::to_vec(&File {
            open,
            kept: kept.clone(),
        })?;
        file.write_all(&text)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn is_alive(id: i32) -> bool {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    id != me && Pid::from_raw(id).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn kept(place: &str) -> Kept {
        Kept {
            place: place.to_owned(),
            pages: BTreeMap::from([("runs".to_owned(), serde_json::json!({ "filter": "crm" }))]),
        }
    }

    /// A process that is no more.
    fn dead() -> i32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        i32::try_from(child.id()).unwrap()
    }

    #[test]
    fn an_end_in_good_order_waits_to_be_asked() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::at(file(dir.path(), "ssh://me@host/x"));
        keeper.keep(kept("runs"));
        keeper.keep(kept("runs/1"));
        keeper.close();
        assert_eq!(
            Keeper::at(file(dir.path(), "ssh://me@host/x")).take_up(false),
            None
        );
        assert_eq!(
            Keeper::at(file(dir.path(), "ssh://me@host/x")).take_up(true),
            Some(kept("runs/1"))
        );
        assert_eq!(Keeper::at(file(dir.path(), "another")).take_up(true), None);
    }

    #[test]
    fn any_other_end_is_taken_up_and_a_living_client_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::at(file(dir.path(), "local"));
        keeper.keep(kept("runs/1"));
        let path = keeper.path.clone();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        keeper.write(Some(dead()), &kept("runs/1")).unwrap();
        assert_eq!(
            Keeper::at(file(dir.path(), "local")).take_up(false),
            Some(kept("runs/1"))
        );
        // Somebody else's client, the first process, is alive.
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        keeper
            .write(i32::try_from(child.id()).ok(), &kept("runs/1"))
            .unwrap();
        let mut second = Keeper::at(file(dir.path(), "local"));
        assert_eq!(second.take_up(false), None);
        second.keep(kept("approvals"));
        second.close();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(
            Keeper::at(file(dir.path(), "local")).take_up(false),
            Some(kept("runs/1"))
        );
    }

    #[test]
    fn rubbish_is_no_state() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::at(file(dir.path(), "local"));
        for rubbish in ["", "{", "[]", "{\"open\":\"x\"}"] {
            std::fs::write(&keeper.path, rubbish).unwrap();
            assert_eq!(keeper.take_up(true), None);
        }
        std::fs::write(&keeper.path, " ".repeat(2_000_000)).unwrap();
        assert_eq!(keeper.take_up(true), None);
    }
}
