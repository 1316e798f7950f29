//! The tree an agent works in: a worktree of a repository at one commit, or an empty directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::git::{At, git};

/// A tree and where it came from, as it is noted beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Worktree {
    /// The tree itself.
    pub(super) tree: PathBuf,
    /// The repository; none where the tree began empty.
    pub(super) origin: Option<Origin>,
}

/// Where a tree came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    repository: PathBuf,
    /// Git's own directory of the worktree: outside of the tree.
    git: PathBuf,
    /// What all worktrees of the repository have in common.
    pub(super) common: PathBuf,
    /// The commit it began at.
    base: String,
}

/// What became of a tree.
pub(super) struct Changes {
    /// As `git diff` says it, and whether it is whole.
    pub(super) diff: String,
    pub(super) cut: bool,
    files: Vec<Value>,
    base: String,
}

impl Worktree {
    /// Makes one; what stands there goes.
    pub(super) async fn make(tree: &Path, repository: &str, base: &str) -> Result<Self, String> {
        let tree = tree.to_owned();
        if repository.is_empty() {
            std::fs::create_dir_all(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
            return Ok(Self { tree, origin: None });
        }
        let repository = PathBuf::from(repository);
        let at = At::Repository(&repository);
        let commit = format!("{}^{{commit}}", if base.is_empty() { "HEAD" } else { base });
        let base = text(git(at, &["rev-parse", "--verify", "--end-of-options", &commit]).await?);
        let place = tree.display().to_string();
        git(at, &["worktree", "prune"]).await?;
        git(at, &["worktree", "add", "--force", "--detach", &place, &base]).await?;
        let inside = At::Repository(&tree);
        let dir = text(git(inside, &["rev-parse", "--absolute-git-dir"]).await?);
        let common = text(
            git(
                inside,
                &["rev-parse", "--path-format=absolute", "--git-common-dir"],
            )
            .await?,
        );
        let origin = Some(Origin {
            repository,
            git: dir.into(),
            common: common.into(),
            base,
        });
        Ok(Self { tree, origin })
    }

    /// What was changed in it, at most so many bytes; none without a repository.
    pub(super) async fn changes(&self, most: usize) -> Result<Option<Changes>, String> {
        let Some(origin) = &self.origin else {
            return Ok(None);
        };
        let at = At::Tree {
            git: &origin.git,
            tree: &self.tree,
        };
        git(at, &["add", "--all"]).await?;
        let plain = ["diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-color"];
        let against = |more: &[&'static str]| [&plain[..], more].concat();
        let whole = git(at, &[&against(&["--binary"])[..], &[&origin.base]].concat()).await?;
        let names = git(
            at,
            &[
                &against(&["--name-status", "-z", "--no-renames"])[..],
                &[&origin.base],
            ]
            .concat(),
        )
        .await?;
        let mut diff = String::from_utf8_lossy(&whole).into_owned();
        let cut = diff.len() > most;
        diff.truncate(diff.floor_char_boundary(most));
        let names = String::from_utf8_lossy(&names).into_owned();
        let mut words = names.split('\0').filter(|word| !word.is_empty());
        let mut files = Vec::new();
        while let (Some(status), Some(path)) = (words.next(), words.next()) {
            files.push(json!({ "status": status, "path": path }));
        }
        Ok(Some(Changes {
            diff,
            cut,
            files,
            base: origin.base.clone(),
        }))
    }

    /// Takes it away.
    pub(super) async fn remove(&self) {
        if let Some(origin) = &self.origin {
            let place = self.tree.display().to_string();
            let at = At::Repository(&origin.repository);
            let gone = git(at, &["worktree", "remove", "--force", "--force", &place]).await;
            if let Err(error) = gone {
                tracing::warn!(%error, tree = place, "the worktree is removed by hand");
            }
        }
        drop(std::fs::remove_dir_all(&self.tree));
        if let Some(origin) = &self.origin {
            drop(git(At::Repository(&origin.repository), &["worktree", "prune"]).await);
        }
    }
}

impl Changes {
    /// Nothing was.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Adds what a step's output says of them.
    pub(super) fn tell(&self, output: &mut Value) {
        output["diff"] = json!(self.diff);
        output["files"] = json!(self.files);
        output["base"] = json!(self.base);
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}
