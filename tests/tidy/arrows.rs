//! Which crate may use which, and which outside crate is named in one room only.

use std::fs;

use crate::house::{CRATES, root};

/// Our crates that a crate may use in its product code.
const ARROWS: &[(&str, &[&str])] = &[
    ("dirigent-protocol", &[]),
    ("dirigent-config", &["dirigent-protocol"]),
    ("dirigent-rpc", &["dirigent-protocol"]),
    ("dirigent-engine", &["dirigent-protocol"]),
    ("dirigent-store", &["dirigent-protocol"]),
    ("dirigent-providers", &["dirigent-protocol"]),
    (
        "dirigentd",
        &[
            "dirigent-config",
            "dirigent-engine",
            "dirigent-protocol",
            "dirigent-providers",
            "dirigent-rpc",
            "dirigent-store",
        ],
    ),
    (
        "dirigent",
        &["dirigent-config", "dirigent-protocol", "dirigent-rpc"],
    ),
    (
        "dirigent-simulation",
        &[
            "dirigent-engine",
            "dirigent-protocol",
            "dirigent-providers",
            "dirigent-store",
            "dirigentd",
        ],
    ),
];

/// Outside crates that only these rooms may name.
const SOLE_USERS: &[(&str, &[&str])] = &[
    ("tarpc", &["dirigent-rpc"]),
    ("tokio-serde", &["dirigent-rpc"]),
    ("sled", &["dirigent-store"]),
    ("reqwest", &["dirigent-providers", "dirigentd"]),
    ("jaq-core", &["dirigent-engine"]),
    ("ratatui", &["dirigent"]),
    ("crossterm", &["dirigent"]),
    ("granit-parser", &["dirigent-protocol"]),
];

/// What keeps the engine pure.
const NEVER_IN_ENGINE: &[&str] = &["tokio", "reqwest", "rustix", "sled", "tracing"];

fn dependencies(folder: &str) -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(root().join(folder).join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn our_crates_point_the_way_the_plan_says() {
    for (folder, name) in CRATES.iter().filter(|(_, name)| *name != "dirigent-tests") {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(from, _)| from == name)
            .unwrap_or_else(|| panic!("{name} has no row"));
        for dependency in dependencies(folder) {
            let ours = CRATES.iter().any(|(_, ours)| *ours == dependency);
            assert!(
                !ours || allowed.contains(&dependency.as_str()),
                "{name} may not use {dependency}"
            );
        }
    }
}

#[test]
fn an_outside_crate_with_one_room_stays_in_it() {
    for (folder, name) in CRATES.iter().filter(|(_, name)| *name != "dirigent-tests") {
        for dependency in dependencies(folder) {
            if let Some((outside, rooms)) = SOLE_USERS.iter().find(|(outside, _)| *outside == dependency) {
                assert!(
                    rooms.contains(name),
                    "{outside} belongs to {rooms:?}, not to {name}"
                );
            }
        }
    }
}

#[test]
fn the_engine_cannot_reach_the_world() {
    for dependency in dependencies("daemon/engine") {
        assert!(
            !NEVER_IN_ENGINE.contains(&dependency.as_str()),
            "the engine may not use {dependency}"
        );
    }
}

#[test]
fn every_member_of_the_workspace_has_its_row() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let listed: Vec<_> = CRATES.iter().map(|(folder, _)| *folder).collect();
    let named: Vec<_> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(named, listed);
}
