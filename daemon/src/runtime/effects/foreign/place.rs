//! Where an agent's session is on the disk: its tree, its home, and what must be known of it after a crash.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::process;
use super::worktree::Worktree;

/// The directory of one session.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Names the session: the same for all turns of one attempt.
    pub(super) name: String,
    root: PathBuf,
}

/// What is noted of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) worktree: Worktree,
    /// The agent's own name for it, where it can be taken up again.
    #[serde(default)]
    pub(super) session: Option<String>,
}

impl Place {
    /// The place of the session that an effect's key belongs to; keys of later turns end with `-tN`.
    pub(super) fn of(dir: &Path, key: &str) -> Self {
        let name = match key.rsplit_once("-t") {
            Some((first, turn)) if turn.bytes().all(|byte| byte.is_ascii_digit()) => first,
            _ => key,
        };
        Self {
            name: name.to_owned(),
            root: dir.join(name),
        }
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// Its home, and its place for temporary files.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub(super) fn group(&self) -> PathBuf {
        self.root.join("group.json")
    }

    /// What an earlier process of the daemon, or an earlier turn, began here.
    pub(super) fn noted(&self) -> Option<Noted> {
        serde_json::from_slice(&std::fs::read(self.root.join("session.json")).ok()?).ok()
    }

    pub(super) fn note(&self, noted: &Noted) -> std::io::Result<()> {
        std::fs::create_dir_all(self.home())?;
        std::fs::write(self.root.join("session.json"), serde_json::to_vec(noted)?)
    }

    /// Everything but the tree goes; the tree too, where it is not kept.
    pub(super) fn leave(&self, keeps_tree: bool) {
        if keeps_tree {
            drop(std::fs::remove_dir_all(self.home()));
            drop(std::fs::remove_file(self.root.join("session.json")));
        } else {
            drop(std::fs::remove_dir_all(&self.root));
        }
    }
}

/// Ends whatever an earlier process of the daemon left running.
pub(super) fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        process::end_now(&Place::of(dir, &name).group(), &name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_share_the_place_of_their_session() {
        let of = |key| Place::of(Path::new("/d"), key).name;
        assert_eq!(of("run-f3-1"), "run-f3-1");
        assert_eq!(of("run-f3-1-t12"), "run-f3-1");
        assert_eq!(of("run-t-x"), "run-t-x");
    }
}
