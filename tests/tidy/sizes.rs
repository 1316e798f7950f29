//! A file stays small enough to be read in one sitting. Functions are held by clippy (`too_many_lines`).

use std::fs;

use crate::house::{CRATES, short, sources};

/// Hard limit of a product file, lines, inline tests included.
const PRODUCT: usize = 500;
/// Hard limit of a file that only tests.
const TEST: usize = 800;

/// Files over the limit, with the number of lines they may have. This list may only shrink.
const RATCHET: &[(&str, usize)] = &[];

#[test]
fn files_stay_within_their_limits() {
    let mut over = Vec::new();
    for (folder, _) in CRATES {
        for inner in ["src", "tests", "benches", "e2e", "tidy"] {
            for path in sources(folder, inner) {
                let name = short(&path);
                let tests_only = inner != "src" || name.ends_with("tests.rs") || name.contains("/tests/");
                let limit = RATCHET
                    .iter()
                    .find(|(file, _)| *file == name)
                    .map_or(if tests_only { TEST } else { PRODUCT }, |(_, limit)| *limit);
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                if lines > limit {
                    over.push(format!("{name}: {lines} lines, limit {limit}"));
                }
            }
        }
    }
    assert!(
        over.is_empty(),
        "split along what changes together:\n{}",
        over.join("\n")
    );
}
