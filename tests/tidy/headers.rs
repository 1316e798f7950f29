//! Every product file says what it owns before it says anything else.

use std::fs;

use crate::house::{CRATES, short, sources};

#[test]
fn every_file_begins_with_what_it_owns() {
    let mut silent = Vec::new();
    for (folder, _) in CRATES {
        for inner in ["src", "tests", "benches", "e2e", "tidy"] {
            for path in sources(folder, inner) {
                let is_tests = path.to_string_lossy().ends_with("tests.rs");
                if !is_tests && !fs::read_to_string(&path).unwrap().starts_with("//!") {
                    silent.push(short(&path));
                }
            }
        }
    }
    assert!(
        silent.is_empty(),
        "no module header (`//!`) in:\n{}",
        silent.join("\n")
    );
}
