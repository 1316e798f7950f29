//! The tree of crates is a budget, spent on purpose.

use std::collections::BTreeMap;
use std::fs;

use crate::house::root;

/// Most packages in the lock file. Raised from 500 for the official MCP client, which brings its own stream and time types.
const PACKAGES: usize = 515;

/// Crates that must exist once: their types cross rooms, or they are dear to build.
const ONCE: &[&str] = &[
    "tokio",
    "hyper",
    "http",
    "rustls",
    "reqwest",
    "ratatui",
    "crossterm",
    "uuid",
    "jiff",
    "tower-http",
];

fn packages() -> BTreeMap<String, usize> {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock"))
        .unwrap()
        .parse()
        .unwrap();
    let mut count = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        *count
            .entry(package["name"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    count
}

#[test]
fn the_lock_file_stays_within_its_budget() {
    let total: usize = packages().values().sum();
    assert!(
        total <= PACKAGES,
        "{total} locked packages, budget {PACKAGES}: trim features or argue for a new budget"
    );
}

#[test]
fn dear_crates_exist_once() {
    let packages = packages();
    for name in ONCE {
        assert!(
            packages.get(*name).is_none_or(|copies| *copies == 1),
            "{name} is locked {} times",
            packages[*name]
        );
    }
}
