//! What a yes would change: what is there now against what is asked for, as fields and lines. Signs carry the
//! meaning, colours only repeat it.

use serde_json::Value;
use similar::ChangeTag;

use super::payload::editable;
use crate::text::{clean, diff, wrap};
use crate::theme::Role;
use crate::widgets::Line;

/// Lines around a change that stay as they are, in the full comparison.
const AROUND: usize = 3;
/// Members that are compared one by one; beyond that the two are compared as text.
const MAX_FIELDS: usize = 200;

/// One difference.
enum Change {
    /// A member that has another short value: `image  7.4.1 → 8.0.0`.
    Field(String, String, String),
    /// A line that is gone, or new, or the same beside them.
    Text(ChangeTag, String),
    /// Where the next lines belong.
    Head(String),
}

/// The first differences in at most `most` rows, and how many rows are left out.
pub(super) fn summary(before: &Value, after: &Value, cells: usize, most: usize) -> (Vec<Line>, usize) {
    let mut rows = rows(&changes(before, after, 0), cells);
    let left = rows.len().saturating_sub(most);
    rows.truncate(most);
    (rows, left)
}

/// Every difference, with lines around it.
pub(super) fn full(before: &Value, after: &Value, cells: usize) -> Vec<Line> {
    let rows = rows(&changes(before, after, AROUND), cells);
    if rows.is_empty() {
        return vec![Line::new().add(Role::Dim, "  nothing: what is there now is what is asked for")];
    }
    rows
}

fn changes(before: &Value, after: &Value, around: usize) -> Vec<Change> {
    let mut out = Vec::new();
    compare("", before, after, around, &mut out);
    out
}

fn compare(path: &str, before: &Value, after: &Value, around: usize, out: &mut Vec<Change>) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after)
        && old.len().max(new.len()) <= MAX_FIELDS
    {
        let mut keys: Vec<&String> = old
            .keys()
            .chain(new.keys().filter(|key| !old.contains_key(*key)))
            .collect();
        keys.dedup();
        for key in keys {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let (was, is) = (old.get(key), new.get(key));
            match (was, is) {
                (Some(was), Some(is)) => compare(&path, was, is, around, out),
                (Some(was), None) => lines(&path, &editable(was), "", around, out),
                (None, Some(is)) => lines(&path, "", &editable(is), around, out),
                (None, None) => {}
            }
        }
        return;
    }
    let (old, new) = (editable(before), editable(after));
    let short = |text: &str| !text.contains('\n') && text.chars().count() <= 40;
    if !path.is_empty() && short(&old) && short(&new) {
        out.push(Change::Field(path.to_owned(), old, new));
    } else {
        lines(path, &old, &new, around, out);
    }
}

fn lines(path: &str, old: &str, new: &str, around: usize, out: &mut Vec<Change>) {
    if !path.is_empty() {
        out.push(Change::Head(path.to_owned()));
    }
    let changes = diff::lines(old, new);
    for (at, group) in diff::groups(&changes, around).into_iter().enumerate() {
        if at > 0 && around > 0 {
            out.push(Change::Head("…".to_owned()));
        }
        out.extend(
            group
                .into_iter()
                .map(|(tag, text)| Change::Text(tag, text.to_owned())),
        );
    }
}

fn rows(changes: &[Change], cells: usize) -> Vec<Line> {
    let mut out = Vec::new();
    for change in changes {
        match change {
            Change::Field(path, old, new) => {
                let text = format!("{}  {} → {}", clean(path), clean(old), clean(new));
                for row in wrap(&text, cells.saturating_sub(2)) {
                    out.push(Line::new().add(Role::Text, "  ").add(Role::Mine, row));
                }
            }
            Change::Head(path) => out.push(Line::new().add(Role::Dim, format!("  {}", clean(path)))),
            Change::Text(tag, text) => {
                let (mut sign, role) = match tag {
                    ChangeTag::Delete => ("- ", Role::Bad),
                    ChangeTag::Insert => ("+ ", Role::Good),
                    ChangeTag::Equal => ("  ", Role::Dim),
                };
                for row in wrap(&clean(text), cells.saturating_sub(2)) {
                    out.push(Line::new().add(role, sign).add(role, row));
                    sign = "╎ ";
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|line| line.text().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn members_are_compared_by_name_and_texts_by_line() {
        let before = json!({"image": "api:7", "replicas": 6, "notes": "one\ntwo\nthree", "old": true});
        let after = json!({"replicas": 4, "image": "api:8", "notes": "one\n2\nthree", "new": [1]});
        let full = text(&full(&before, &after, 60));
        for line in [
            "  image  api:7 → api:8",
            "  replicas  6 → 4",
            "- two",
            "+ 2",
            "  one",
            "- true",
            "+ [",
        ] {
            assert!(full.iter().any(|row| row == line), "{line} in {full:#?}");
        }
        let (some, left) = summary(&before, &after, 60, 3);
        assert_eq!((some.len(), left > 0), (3, true));
    }

    #[test]
    fn what_is_the_same_is_nothing_and_control_bytes_stay_visible() {
        assert_eq!(summary(&json!("a"), &json!("a"), 40, 5).0.len(), 0);
        let shown = text(&full(&json!("a"), &json!("b\u{1b}[2J"), 40)).join("\n");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
