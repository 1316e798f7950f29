//! `$secrets`: marks in the place of values.
//!
//! Owns which secrets a document declares and which of their keys its expressions name. Never knows a value: an
//! expression sees a mark, the journal keeps the mark, and whoever performs a request puts the value there.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{SECRET_CLOSE, SECRET_OPEN};
use serde_json::{Map, Value};

/// What a document says of secrets.
#[derive(Debug, Default)]
pub struct Secrets {
    /// `use.secrets`.
    pub declared: BTreeSet<String>,
    /// Paths below `$secrets` that expressions name.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Whether the task being read names any.
    pub used: bool,
}

impl Secrets {
    /// The value of `$secrets`: a mark for every secret, or an object of marks where its keys are named.
    pub(crate) fn marks(&self) -> Payload {
        let mut all = Map::new();
        for name in &self.declared {
            all.insert(name.clone(), Value::String(mark(&[name.as_str()])));
        }
        for path in &self.paths {
            if let [name, rest @ ..] = path.as_slice()
                && !rest.is_empty()
                && let Some(slot) = all.get_mut(name)
            {
                put(slot, &[name.as_str()], rest);
            }
        }
        Arc::new(Value::Object(all))
    }
}

fn put(slot: &mut Value, at: &[&str], rest: &[String]) {
    let Some((key, rest)) = rest.split_first() else {
        return;
    };
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    let mut here = at.to_vec();
    here.push(key);
    let inner = slot.as_object_mut().map(|map| {
        map.entry(key.as_str())
            .or_insert_with(|| Value::String(mark(&here)))
    });
    if let Some(inner) = inner {
        put(inner, &here, rest);
    }
}

/// The mark of a secret, or of a part of it.
pub(crate) fn mark(path: &[&str]) -> String {
    let inner: Vec<String> = path
        .iter()
        .map(|part| part.replace('~', "~0").replace('/', "~1"))
        .collect();
    format!("{SECRET_OPEN}{}{SECRET_CLOSE}", inner.join("/"))
}

/// Every path that follows `$secrets` in an expression.
pub(super) fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("$secrets") {
        let mut rest = &text[at + word.len()..];
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let mut path = Vec::new();
        while let Some((part, more)) = part(rest) {
            path.push(part);
            rest = more;
        }
        found.push(path);
    }
    found
}

/// `.name`, `."name"`, `["name"]` or `.["name"]` at the start of a text.
fn part(text: &str) -> Option<(String, &str)> {
    let text = text.trim_end_matches('\n');
    let dotted = text.strip_prefix('.');
    let inner = dotted.unwrap_or(text);
    if let Some(quoted) = inner.strip_prefix("[\"") {
        let (name, rest) = quoted.split_once("\"]")?;
        return Some((name.to_owned(), rest));
    }
    let inner = dotted?;
    if let Some(quoted) = inner.strip_prefix('"') {
        let (name, rest) = quoted.split_once('"')?;
        return Some((name.to_owned(), rest));
    }
    let end = inner
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(inner.len());
    (end > 0).then(|| (inner[..end].to_owned(), &inner[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_every_spelling() {
        let text = r#"$secrets.a + $secrets["b-c"].d + $secrets."e".["f"] + $secretsx.g + ($secrets | .h)"#;
        let found: Vec<String> = paths(text).iter().map(|path| path.join("/")).collect();
        assert_eq!(found, ["a", "b-c/d", "e/f", ""]);
    }

    #[test]
    fn a_secret_is_a_mark_or_an_object_of_marks() {
        let mut secrets = Secrets {
            declared: ["plain".to_owned(), "pair".to_owned()].into(),
            ..Secrets::default()
        };
        secrets.paths.insert(vec!["pair".to_owned(), "user".to_owned()]);
        let marks = secrets.marks();
        assert_eq!(marks["plain"], "\u{e5ec}plain\u{e5ed}");
        assert_eq!(marks["pair"]["user"], "\u{e5ec}pair/user\u{e5ed}");
    }
}
