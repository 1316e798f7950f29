//! The commonest expressions, `.a.b[0]` and `$context.x`, without an interpreter.

use std::sync::Arc;

use dirigent_protocol::Payload;
use serde_json::Value;

/// A walk from the input or a variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// The variable it starts at, without `$`; none for the input.
    pub(super) variable: Option<String>,
    keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Name(String),
    Index(i64),
}

impl Path {
    /// Reads the text, if it is nothing but a plain path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (variable, mut rest) = if let Some(tail) = text.strip_prefix('$') {
            let (name, rest) = identifier(tail)?;
            (Some(name.to_owned()), rest)
        } else if text == "." {
            return Some(Self {
                variable: None,
                keys: Vec::new(),
            });
        } else if text.starts_with("..") || !text.starts_with('.') {
            return None;
        } else {
            (None, text)
        };
        let mut keys = Vec::new();
        if variable.is_none() && rest.starts_with(".[") {
            rest = &rest[1..];
        }
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('.') {
                let (name, tail) = identifier(tail)?;
                keys.push(Key::Name(name.to_owned()));
                rest = tail;
            } else {
                let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
                keys.push(bracket(inside)?);
                rest = tail;
            }
        }
        Some(Self { variable, keys })
    }

    /// The names it walks through, where it walks through names alone.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let name = |key: &Key| match key {
            Key::Name(name) => Some(name.clone()),
            Key::Index(_) => None,
        };
        self.keys.iter().map(name).collect()
    }

    /// Walks; `null` where there is nothing, an error in jq's words where a step does not fit.
    pub(super) fn walk(&self, root: &Payload) -> Result<Payload, String> {
        if self.keys.is_empty() {
            return Ok(root.clone());
        }
        let mut at: &Value = root;
        for key in &self.keys {
            at = match (at, key) {
                (Value::Null, _) => &Value::Null,
                (Value::Object(map), Key::Name(name)) => map.get(name).unwrap_or(&Value::Null),
                (Value::Array(items), Key::Index(index)) => {
                    let index = if *index < 0 {
                        index + i64::try_from(items.len()).unwrap_or(0)
                    } else {
                        *index
                    };
                    usize::try_from(index)
                        .ok()
                        .and_then(|i| items.get(i))
                        .unwrap_or(&Value::Null)
                }
                (other, Key::Name(name)) => {
                    return Err(format!("cannot index {} with \"{name}\"", kind(other)));
                }
                (other, Key::Index(index)) => {
                    return Err(format!("cannot index {} with {index}", kind(other)));
                }
            };
        }
        Ok(Arc::new(at.clone()))
    }
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let end = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || *c == '_'))
        .map_or(text.len(), |(i, _)| i);
    let (name, rest) = text.split_at(end);
    let first = name.chars().next()?;
    (!first.is_ascii_digit()).then_some((name, rest))
}

fn bracket(inside: &str) -> Option<Key> {
    let inside = inside.trim();
    if let Some(name) = inside.strip_prefix('"').and_then(|tail| tail.strip_suffix('"')) {
        return (!name.contains(['"', '\\'])).then(|| Key::Name(name.to_owned()));
    }
    let digits = inside.strip_prefix('-').unwrap_or(inside);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    inside.parse().ok().map(Key::Index)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn walk(text: &str, root: Value) -> Result<Value, String> {
        Path::parse(text)
            .unwrap()
            .walk(&Arc::new(root))
            .map(|value| (*value).clone())
    }

    #[test]
    fn plain_paths_walk_as_jq_does() {
        let data = json!({"a": {"b c": [1, 2, {"d": 3}]}, "n": 5});
        assert_eq!(walk(".", data.clone()).unwrap(), data);
        assert_eq!(walk(" .a[\"b c\"][2].d ", data.clone()).unwrap(), json!(3));
        assert_eq!(walk(".a.missing.deeper", data.clone()).unwrap(), Value::Null);
        assert_eq!(walk(".[\"n\"]", data.clone()).unwrap(), json!(5));
        assert_eq!(walk(".[-1]", json!([1, 2])).unwrap(), json!(2));
        assert!(walk(".n.x", data).unwrap_err().contains("cannot index a number"));
        assert_eq!(
            Path::parse("$context.user").unwrap().variable.as_deref(),
            Some("context")
        );
    }

    #[test]
    fn anything_else_is_left_to_jq() {
        for text in [
            "..", ".a | .b", ".a[]", ".a?", ".[.x]", ".a + 1", "now", ".a[1:2]", "", ".1a", "$", "$a-b",
        ] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
