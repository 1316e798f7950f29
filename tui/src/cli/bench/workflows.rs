//! The documents the loads run.

use std::fmt::Write as _;

fn head(name: &str) -> String {
    format!("document: {{ dsl: '1.0.3', namespace: bench, name: {name}, version: '1.0.0' }}\ndo:\n")
}

/// `steps` durable steps that do nothing, one after the other.
#[must_use]
pub fn sequence(name: &str, steps: usize) -> String {
    let mut text = head(name);
    noops(&mut text, steps);
    text
}

/// As [`sequence`], behind a gate that opens after the duration `.gate`.
#[must_use]
pub fn gated(name: &str, steps: usize) -> String {
    let mut text = head(name);
    text.push_str("  - gate: { wait: '${ .gate }' }\n");
    noops(&mut text, steps);
    text
}

/// One fork of so many branches, each one step.
#[must_use]
pub fn fan(name: &str, branches: usize) -> String {
    let mut text = head(name);
    text.push_str("  - all:\n      fork:\n        branches:\n");
    for at in 0..branches {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "          - b{at}: {{ call: noop }}");
    }
    text
}

/// A question to a person, then one step.
#[must_use]
pub fn question(name: &str) -> String {
    let mut text = head(name);
    text.push_str("  - ask: { call: approval, with: { title: 'Go on?', show: { amount: 120 } } }\n");
    noops(&mut text, 1);
    text
}

fn noops(text: &mut String, steps: usize) {
    for at in 0..steps {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  - s{at}: {{ call: noop }}");
    }
}
