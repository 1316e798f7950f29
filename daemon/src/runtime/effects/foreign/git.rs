//! The one way git is run here: on a repository that its owner trusts, over a tree that an agent may have filled with
//! anything. Invariant: nothing that stands in the tree decides what is run or where git looks.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Longest time for one command.
const LIMIT: Duration = Duration::from_secs(120);
/// Neither hooks nor helpers, and no looking into repositories below.
const CALM: [&str; 8] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "submodule.recurse=false",
    "-c",
    "diff.ignoreSubmodules=all",
];

/// Where git works.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    /// In a repository.
    Repository(&'a Path),
    /// Over a tree, by a directory of git's own that lies elsewhere.
    Tree { git: &'a Path, tree: &'a Path },
}

/// What git printed; else what it said against it.
pub(super) async fn git(at: At<'_>, words: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    let own = ["PATH", "HOME"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    command.env_clear().envs(own).envs([
        ("LC_ALL", "C.UTF-8"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
    ]);
    match at {
        At::Repository(repository) => {
            command.arg("-C").arg(repository);
        }
        At::Tree { git, tree } => {
            command
                .current_dir(tree)
                .env("GIT_DIR", git)
                .env("GIT_WORK_TREE", tree);
        }
    }
    command
        .args(CALM)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let verb = words.first().copied().unwrap_or_default();
    let ran = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ran
        .map_err(|_| format!("git {verb} takes longer than {} s", LIMIT.as_secs()))?
        .map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("git {verb}: {}", said.trim()))
}
