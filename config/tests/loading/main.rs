//! The loader through its public door.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot set its stage must fail loudly"
)]

mod agreement;
mod layers;
mod places;
mod problems;

use std::path::PathBuf;

use dirigent_config::{ConfigErrors, DaemonConfig, Environment, FileSource, Loaded, Sources, load_daemon};

/// A file in a directory of its own.
fn file(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("daemon.toml");
    std::fs::write(&path, text).expect("write");
    (dir, path)
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded<DaemonConfig>, ConfigErrors> {
    let (_dir, path) = file(text);
    load_daemon(&Sources {
        file: FileSource::Named(path),
        environment: Environment::of(environment.iter().copied()),
        flags: Vec::new(),
    })
}
