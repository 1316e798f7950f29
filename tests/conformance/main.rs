//! The Open Workflow Specification's own kit: its scenarios and its examples against the real daemon.
//!
//! The files are not ours: they are found through `DIRIGENT_OPEN_WORKFLOW` (default `../shared/open-workflow` beside the
//! checkout). Without them the tests say that they were skipped; where skips are failures, that is one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod assertions;
mod examples;
mod feature;
mod generate;
mod hosts;
mod kit;
mod schema;

use std::path::PathBuf;

/// Where the specification's files lie; none, said loudly, where they do not.
fn specification() -> Option<PathBuf> {
    let root = std::env::var_os("DIRIGENT_OPEN_WORKFLOW").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/open-workflow"),
        PathBuf::from,
    );
    if root.join("ctk").is_dir() && root.join("examples").is_dir() {
        return Some(root);
    }
    dirigent_tests::skip("the specification's kit is not here (set DIRIGENT_OPEN_WORKFLOW)");
    None
}

/// Files of a folder that end so, in order.
fn files(folder: &std::path::Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    found.sort();
    found
}
