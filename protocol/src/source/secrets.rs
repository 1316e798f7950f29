//! Keys and passwords that somebody wrote into a file: the file is stored, versioned and shown, and they with it.
//!
//! A warning, since the standard's own examples carry literal passwords; `--strict` refuses. Shows four characters.

use super::diagnostic::{Diagnostic, Place};
use super::node::{Node, Value, join_pointer};

/// How keys of well-known services begin, and how many characters follow at least.
const PREFIXES: [(&str, usize); 16] = [
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("hf_", 24),
    ("npm_", 30),
    ("pypi-", 30),
    ("eyJhbGciOi", 40),
];

/// Names of fields that hold secrets.
const NAMES: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "authorization",
    "privatekey",
    "credential",
];

/// A value under such a name is taken for a secret from this length on, if it is as disordered as keys are.
const SHORTEST: usize = 16;
const BITS_PER_CHARACTER: f64 = 3.5;

/// A warning for each value of a document that looks like a secret.
pub(super) fn literal_secrets(document: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    visit(document, "", "", &mut found);
    found
}

fn visit(node: &Node, name: &str, path: &str, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::String { text, .. } if is_secret(name, text) => {
            let shown: String = key_part(text).chars().take(4).collect();
            let message = format!(
                "this looks like a secret ({shown}...), and it would be stored and shown with the file"
            );
            found.push(
                Diagnostic::warning("literal_secret", message, Place::new(node.span.start, path)).help(
                    "take it out of the file: keys of model providers come from the daemon's environment or a 0600 file; \
                     then replace the key, for it has been written down",
                ),
            );
        }
        Value::Sequence(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| visit(item, name, &format!("{path}/{i}"), found)),
        Value::Mapping(mapping) => mapping.0.iter().for_each(|entry| {
            visit(&entry.value, &entry.key, &join_pointer(path, &entry.key), found);
        }),
        _ => {}
    }
}

/// The value without the scheme of an `Authorization` header.
fn key_part(text: &str) -> &str {
    let text = text.trim();
    ["Bearer ", "bearer ", "Basic ", "basic ", "token "]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text)
        .trim()
}

fn is_secret(name: &str, text: &str) -> bool {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return true;
    }
    if text.contains("${") || text.contains("{{") {
        return false;
    }
    let key = key_part(text);
    if key.contains(char::is_whitespace) {
        return false;
    }
    let known = PREFIXES.iter().any(|(prefix, more)| {
        key.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= *more && rest.chars().all(is_key_character))
    });
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    known
        || NAMES.iter().any(|secret| plain.ends_with(secret))
            && key.len() >= SHORTEST
            && key.chars().all(|c| is_key_character(c) || "+/=:.".contains(c))
            && disorder(key) >= BITS_PER_CHARACTER
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.'
}

/// Shannon entropy, bits for each character.
fn disorder(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = u32::try_from(text.len()).map_or(f64::MAX, f64::from);
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_seen_and_words_are_not() {
        for (name, text) in [
            ("x", "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"),
            ("Authorization", "Bearer ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
            ("aws", "AKIAIOSFODNN7EXAMPLE"),
            ("api_key", "q8Zp2vN7xW4kLm9RtB3c"),
            ("pem", "-----BEGIN RSA PRIVATE KEY-----\nabc"),
        ] {
            assert!(is_secret(name, text), "{name}: {text}");
        }
        for (name, text) in [
            ("password", "admin"),
            ("token", "${ $secrets.token }"),
            ("authorization", "Bearer {{ input.token }}"),
            ("token", "the token of the customer"),
            ("max_token", "aaaaaaaaaaaaaaaaaaaaaaaa"),
            ("command", "sk-"),
            ("digest", "0fa6bd974f6ab746dbb73a20d71991a577d56437a90b428a"),
        ] {
            assert!(!is_secret(name, text), "{name}: {text}");
        }
    }
}
