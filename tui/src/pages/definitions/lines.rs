//! Lines and characters of a text, replaced where they stand.

use dirigent_protocol::source::{self, Value};

/// An edit that cannot be made, in words.
pub(super) type Refusal = String;

/// The lines of a text, each with its end.
pub(super) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Replaces lines `from..to` by `new`, which ends with a line end.
pub(super) fn replace(text: &str, from: usize, to: usize, new: &str) -> String {
    let lines = split(text);
    let mut out = String::with_capacity(text.len() + new.len());
    lines.iter().take(from).for_each(|line| out.push_str(line));
    if !new.is_empty() && !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(new);
    lines.iter().skip(to).for_each(|line| out.push_str(line));
    out
}

/// Replaces characters of one line.
pub(super) fn replace_in_line(text: &str, (line, from, to): (usize, usize, usize), new: &str) -> String {
    let lines = split(text);
    let old = lines.get(line).copied().unwrap_or_default();
    let head: String = old.chars().take(from).collect();
    let tail: String = old.chars().skip(to).collect();
    replace(text, line, line + 1, &format!("{head}{new}{tail}"))
}

/// A name as it is written in YAML.
pub(super) fn written(name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(name, "null" | "true" | "false" | "yes" | "no" | "on" | "off");
    if plain {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "''"))
    }
}

/// Words as YAML writes them: plain where nothing in them means anything else.
pub(super) fn quoted(text: &str) -> String {
    let harmless = text.starts_with(|c: char| c.is_alphabetic())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/'));
    let parsed = source::parse(text.as_bytes());
    let same = parsed
        .documents
        .first()
        .is_some_and(|node| matches!(&node.value, Value::String { text: read, .. } if read == text));
    if harmless && same {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
