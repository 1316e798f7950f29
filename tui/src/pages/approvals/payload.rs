//! A payload as text: complete, exact, nothing hidden; and back from what a person edited.

use dirigent_protocol::run::Risk;
use serde_json::Value;

use crate::text::sanitize::is_hidden;
use crate::text::{clean, width, wrap};
use crate::theme::Role;
use crate::widgets::Line;

/// Lines of the payload, wrapped to `cells`; every character of it is in them.
pub(super) fn lines(payload: &Value, cells: usize) -> Vec<Line> {
    let mut out = Vec::new();
    match payload {
        Value::Object(members) if !members.is_empty() => {
            let column = members
                .keys()
                .map(|key| width(&clean(key)))
                .max()
                .unwrap_or(0)
                .min(16);
            for (key, value) in members {
                member(key, value, column, cells, &mut out);
            }
        }
        Value::String(text) => block(text, cells, &mut out),
        other => json_block(other, cells, &mut out),
    }
    out
}

fn member(key: &str, value: &Value, column: usize, cells: usize, out: &mut Vec<Line>) {
    let key = clean(key);
    let head = Line::new().add(
        Role::Dim,
        format!("{}  ", crate::text::fit(&key, column.max(width(&key)))),
    );
    match value {
        Value::String(text) if text.contains('\n') || width(text) + head.width() > cells => {
            let lines = text.split('\n').count();
            out.push(head.add(
                Role::Dim,
                format!("(text, {lines} line{})", if lines == 1 { "" } else { "s" }),
            ));
            block(text, cells, out);
        }
        Value::Array(_) | Value::Object(_) => {
            let flat = value.to_string();
            if width(&flat) + head.width() <= cells {
                out.push(head.add(Role::Text, clean(&flat)));
            } else {
                out.push(head);
                json_block(value, cells, out);
            }
        }
        other => out.push(head.add(Role::Text, clean(&other.to_string()))),
    }
}

/// A text, every line behind a bar so that its own blank lines and look-alikes stay inside.
fn block(text: &str, cells: usize, out: &mut Vec<Line>) {
    for line in text.split('\n') {
        let mut mark = "│ ";
        for row in wrap(&clean(line), cells.saturating_sub(2)) {
            out.push(Line::new().add(Role::Border, mark).add(Role::Text, row));
            mark = "╎ ";
        }
    }
}

fn json_block(value: &Value, cells: usize, out: &mut Vec<Line>) {
    block(&json_text(value), cells, out);
}

/// Pretty JSON in which characters nobody would see are escaped.
pub(super) fn json_text(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::with_capacity(pretty.len());
    for c in pretty.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether the payload is edited as plain text instead of JSON.
pub(super) fn is_plain(payload: &Value) -> bool {
    payload
        .as_str()
        .is_some_and(|text| !text.chars().any(|c| is_hidden(c) && c != '\n'))
}

/// The text a person edits.
pub(super) fn editable(payload: &Value) -> String {
    match payload {
        Value::String(text) if is_plain(payload) => text.clone(),
        other => json_text(other),
    }
}

/// The payload from the edited text.
///
/// # Errors
/// It is not JSON: line, column and what is wrong.
pub(super) fn parse(text: &str, plain: bool) -> Result<Value, String> {
    if plain {
        return Ok(Value::String(text.to_owned()));
    }
    serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        format!("line {}, column {}: {what}", error.line(), error.column())
    })
}

/// What a risk means, in words.
pub(super) const fn meaning(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "undone easily",
        Risk::Medium => "costs something to undo",
        Risk::High => "cannot be undone from here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(lines: &[Line]) -> String {
        lines
            .iter()
            .map(|line| line.text())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn every_character_is_shown_at_every_width() {
        let payload =
            json!({ "path": "report.md", "content": "# Title\n\nline two\u{202e} end", "n": [1, 2] });
        for cells in [20, 40, 80] {
            let shown: String = text(&lines(&payload, cells))
                .chars()
                .filter(|c| !" \n│╎".contains(*c))
                .collect();
            for part in ["report.md", "#Title", "linetwo<U+202E>end", "[1,2]"] {
                assert!(shown.contains(part), "{part} in {shown}");
            }
        }
    }

    #[test]
    fn an_edit_without_a_change_is_the_same_value() {
        for payload in [
            json!("text\nmore"),
            json!("bidi \u{202e}"),
            json!({"a": [1, {"b": "\u{1b}[2J"}]}),
            json!(null),
        ] {
            let edited = editable(&payload);
            assert!(!edited.chars().any(|c| is_hidden(c) && c != '\n'));
            assert_eq!(parse(&edited, is_plain(&payload)).unwrap(), payload);
        }
    }

    #[test]
    fn a_slip_says_where() {
        assert_eq!(
            parse("{\n  \"a\": ,\n}", false).unwrap_err(),
            "line 2, column 8: expected value"
        );
    }
}
