//! Blocks in a text: fences, tags, JSON, and lines that look like a log.

use serde_json::Value;

use super::{git, stamp};

pub(super) fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// `<name>` alone on a line.
pub(super) fn tag(line: &str) -> Option<&str> {
    let name = line.strip_prefix('<')?.strip_suffix('>')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    is_name.then_some(name)
}

/// Text up to a line, and what is below that line. Without such a line everything belongs to the block.
pub(super) fn until_line<'t>(text: &'t str, end: &str) -> (&'t str, &'t str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim() == end {
            return (text[..at].trim_end_matches('\n'), &text[at + line.len()..]);
        }
        at += line.len();
    }
    (text, "")
}

/// A JSON document that the text starts with and that ends its line: the value and its length in bytes.
pub(super) fn json_document(text: &str) -> Option<(Value, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    let end = stream.byte_offset();
    let rest_of_line = text[end..].split('\n').next().unwrap_or_default();
    rest_of_line.trim().is_empty().then_some((value, end))
}

/// An object on a line of its own.
pub(super) fn is_record(line: &str) -> bool {
    line.starts_with('{') && line.trim_end().ends_with('}')
}

/// Three such lines: a log in JSON, read line by line.
pub(super) fn is_json_lines(text: &str) -> bool {
    let mut lines = text.lines();
    (0..3).all(|_| lines.next().is_some_and(is_record))
}

/// Lines that look like a log or a history, and the rest.
pub(super) fn split_log(text: &str) -> (String, String) {
    let (mut log, mut rest) = (String::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        // What is indented below a log line belongs to it (a stack trace, a commit message).
        let continued = inside && line.starts_with([' ', '\t']);
        let header = inside && (line.starts_with("Author:") || line.starts_with("Date:"));
        inside = is_record(line)
            || stamp::time(line).is_some()
            || git::is_commit(line)
            || continued
            || header
            || (inside && line.is_empty());
        push_line(if inside { &mut log } else { &mut rest }, line);
    }
    (log, rest)
}
