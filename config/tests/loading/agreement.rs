//! Rows, structs and shipped defaults say the same.

use std::collections::BTreeSet;

use dirigent_config::rows::{CLIENT, DAEMON, Row, Shape};
use dirigent_config::{CLIENT_DEFAULTS, DAEMON_DEFAULTS, FileSource, Sources, load_client, load_daemon};
use serde_json::Value;

use crate::file;

fn sample(shape: Shape) -> String {
    match shape {
        Shape::Bool => "false".into(),
        Shape::Integer { min, .. } => min.to_string(),
        Shape::Text | Shape::EnvName => "\"X\"".into(),
        Shape::OneOf(words) => format!("\"{}\"", words[0]),
        Shape::Url => "\"http://127.0.0.1:1/v1\"".into(),
        Shape::HostPort => "\"localhost:1\"".into(),
        Shape::Duration => "\"9s\"".into(),
        Shape::UrlOrNothing | Shape::LoopbackOrNothing => "\"\"".into(),
        Shape::Model => "\"x/m\"".into(),
        Shape::List(item) => format!("[{}]", sample(*item)),
    }
}

/// A file that sets every key there is.
fn full(rows: &[Row]) -> String {
    rows.iter()
        .map(|row| format!("{} = {}\n", row.key.replace('*', "x"), sample(row.shape)))
        .collect()
}

fn leaves(value: &Value, path: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            leaves(
                value,
                &if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                },
                out,
            );
        }),
        _ => drop(out.insert(path.to_owned())),
    }
}

fn keys(config: impl serde::Serialize) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    leaves(&serde_json::to_value(config).expect("serializes"), "", &mut out);
    out
}

fn expected(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.key.replace('*', "x")).collect()
}

#[test]
fn every_row_is_a_field_and_every_field_a_row() {
    let (_dir, path) = file(full(DAEMON));
    let sources = Sources {
        file: FileSource::Named(path),
        ..Sources::default()
    };
    let loaded = load_daemon(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(keys(loaded.config), expected(DAEMON));

    let (_dir, path) = file(full(CLIENT));
    let sources = Sources {
        file: FileSource::Named(path),
        ..Sources::default()
    };
    let loaded = load_client(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(keys(loaded.config), expected(CLIENT));
}

#[test]
fn the_shipped_files_show_every_key() {
    for (rows, text) in [(DAEMON, DAEMON_DEFAULTS), (CLIENT, CLIENT_DEFAULTS)] {
        let shown: toml::Table = text.parse().expect("shipped file parses");
        let set = keys(shown);
        for row in rows {
            let last = row.key.rsplit('.').next().expect("a last name");
            let ok = if row.key.contains('*') {
                last == "*" || text.lines().any(|line| line.starts_with(&format!("# {last} = ")))
            } else {
                set.contains(row.key)
            };
            assert!(ok, "{} is missing in the shipped file", row.key);
        }
    }
}

#[test]
fn the_shipped_files_and_their_commented_examples_load() {
    load_daemon(&Sources::default()).unwrap_or_else(|errors| panic!("{errors}"));
    load_client(&Sources::default()).unwrap_or_else(|errors| panic!("{errors}"));
    // Lines such as `# key = value` and `# [table]` are examples: taken out of their comment they must be right.
    let example = |line: &str| {
        let body = line.strip_prefix("# ").unwrap_or_default();
        body.starts_with('[')
            || body
                .split_once(" = ")
                .is_some_and(|(key, _)| !key.trim_matches('"').contains(' '))
    };
    let uncommented: String = DAEMON_DEFAULTS
        .lines()
        .map(|l| format!("{}\n", if example(l) { &l[2..] } else { l }))
        .collect();
    assert!(uncommented.contains("\n[providers.openai]\n"), "{uncommented}");
    let (_dir, path) = file(uncommented);
    let loaded = load_daemon(&Sources {
        file: FileSource::Named(path),
        ..Sources::default()
    })
    .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.config.models.aliases["fast"], "openai/gpt-4.1-mini");
    assert_eq!(loaded.config.prices["gpt-4.1-mini"].output, 1_600_000);
}
