//! Where the binaries under test are: beside the test runner's own folder.

use std::path::PathBuf;

fn built(name: &str) -> PathBuf {
    let runner = std::env::current_exe().expect("the test runner has a path");
    let folder = runner
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target/PROFILE/deps/runner");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build --bins` first",
        path.display()
    );
    path
}

/// The daemon.
#[must_use]
pub fn daemon_path() -> PathBuf {
    built("dirigentd")
}

/// The client.
#[must_use]
pub fn client_path() -> PathBuf {
    built("dirigent")
}
