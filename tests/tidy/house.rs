//! The house as the rules see it: its crates, their sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Every crate: its folder, from the root, and its package name.
pub(crate) const CRATES: &[(&str, &str)] = &[
    ("config", "dirigent-config"),
    ("protocol", "dirigent-protocol"),
    ("protocol/rpc", "dirigent-rpc"),
    ("daemon", "dirigentd"),
    ("daemon/engine", "dirigent-engine"),
    ("daemon/store", "dirigent-store"),
    ("daemon/providers", "dirigent-providers"),
    ("tui", "dirigent"),
    ("tests", "dirigent-tests"),
    ("tests/simulation", "dirigent-simulation"),
];

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, in order.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The Rust files of a crate's `folder` (`src`, `tests`, `benches`, or a folder of the tests' own).
pub(crate) fn sources(crate_folder: &str, folder: &str) -> Vec<PathBuf> {
    rust_files(&root().join(crate_folder).join(folder))
}

/// A path as people write it, from the root.
pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// A file's text without its inline tests.
pub(crate) fn product_text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .to_owned()
}
