//! Rows of bad inputs that must each be tried: a row whose id no test names is forgotten.

use std::collections::BTreeSet;
use std::fs;

use crate::house::{CRATES, sources};

/// Model servers (L), servers of tools (M), what reaches a terminal (D).
const ROWS: &[&str] = &[
    "L01", "L02", "L04", "L05", "L07", "L08", "L10", "L11", "L13", "L14", "L16", "L17", "L19", "L20",
    "L22", //
    "M01", "M02", "M04", "M05", "M07", "M08", "M10", "M11", "M13", "M14", "M16", "M17", //
    "D01", "D02", "D04", "D05", "D07", "D08", "D10", "D11", "D13", "D14",
];

#[test]
fn every_row_is_named_by_a_test() {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for (folder, _) in CRATES {
        for inner in ["tests", "bad_inputs", "e2e"] {
            for path in sources(folder, inner) {
                let text = fs::read_to_string(&path).unwrap();
                named.extend(ROWS.iter().copied().filter(|row| text.contains(row)));
            }
        }
    }
    let forgotten: Vec<_> = ROWS.iter().filter(|row| !named.contains(*row)).collect();
    assert!(forgotten.is_empty(), "no test names {forgotten:?}");
}
