//! JSON for reading: indented, objects and arrays fold, texts of several lines stand as a block.
//! Owns the rows and what is folded; what value it is belongs to the page.
//! Invariant: bounded rows whatever the value; text is made harmless; only rows in sight are drawn.

use std::collections::BTreeSet;

use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::line::Line;
use crate::text::{clean, wrap};
use crate::theme::{Role, Theme};

/// Most rows of one value.
const MAX_ROWS: usize = 5_000;
/// Deepest nesting that is opened.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug)]
struct Row {
    depth: usize,
    line: Line,
    /// JSON pointer of the object or array that begins here.
    opens: Option<String>,
}

/// A value on the screen.
#[derive(Clone, Debug, Default)]
pub struct JsonView {
    rows: Vec<Row>,
    folded: BTreeSet<String>,
    cursor: usize,
    /// Which value, and how wide, the rows are of.
    built: Option<(u64, usize)>,
}

impl JsonView {
    /// Forgets rows and cursor: another value comes.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: i32) {
        let last = i64::try_from(self.rows.len()).unwrap_or(0) - 1;
        let to = (i64::try_from(self.cursor).unwrap_or(0) + i64::from(by)).clamp(0, last.max(0));
        self.cursor = usize::try_from(to).unwrap_or(0);
    }

    /// Folds or opens what begins at the cursor, or else the nearest that begins above it.
    pub fn fold(&mut self) {
        let above = self
            .rows
            .iter()
            .take(self.cursor + 1)
            .rposition(|row| row.opens.is_some());
        if let Some(pointer) = above.and_then(|at| self.rows[at].opens.clone()) {
            self.cursor = above.unwrap_or(0);
            if !self.folded.remove(&pointer) {
                self.folded.insert(pointer);
            }
            self.built = None;
        }
    }

    /// Draws `value`; `stamp` says when it is another one.
    pub fn render(
        &mut self,
        value: &Value,
        stamp: u64,
        focus: bool,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let width = usize::from(area.width);
        if self.built != Some((stamp, width)) {
            self.built = Some((stamp, width));
            self.rows.clear();
            let mut builder = Builder {
                rows: &mut self.rows,
                folded: &self.folded,
                width,
            };
            builder.value("", None, value, 0, "");
            self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        }
        let first = super::first_row(self.cursor, self.rows.len(), usize::from(area.height));
        for (y, (at, row)) in (0..area.height).zip(self.rows.iter().enumerate().skip(first)) {
            let marker = if focus && at == self.cursor { "▸" } else { " " };
            let mut line = Line::new()
                .add(Role::Selected, marker)
                .add(Role::Text, " ".repeat(row.depth * 2));
            line.extend(&row.line);
            line.draw_row(y, area, theme, buf);
        }
    }
}

struct Builder<'a> {
    rows: &'a mut Vec<Row>,
    folded: &'a BTreeSet<String>,
    width: usize,
}

impl Builder<'_> {
    fn value(&mut self, pointer: &str, key: Option<&str>, value: &Value, depth: usize, comma: &str) {
        let mut line = Line::new();
        if let Some(key) = key {
            line.push(Role::Link, format!("\"{key}\""));
            line.push(Role::Dim, ": ");
        }
        match value {
            Value::Object(members) => {
                let items = members
                    .iter()
                    .map(|(key, value)| (key.clone(), Some(key.as_str()), value));
                self.nest(pointer, line, ["{", "}"], members.len(), items, depth, comma);
            }
            Value::Array(items) => {
                let many = items.len();
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(at, value)| (at.to_string(), None, value));
                self.nest(pointer, line, ["[", "]"], many, items, depth, comma);
            }
            Value::String(text) if text.contains('\n') => self.block(pointer, line, text, depth),
            Value::String(text) => {
                line.push(Role::Text, format!("\"{text}\""));
                line.push(Role::Dim, comma);
                self.push(depth, line, None);
            }
            other => {
                line.push(
                    if other.is_null() { Role::Dim } else { Role::Live },
                    other.to_string(),
                );
                line.push(Role::Dim, comma);
                self.push(depth, line, None);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one nested value")]
    fn nest<'v>(
        &mut self,
        pointer: &str,
        mut line: Line,
        ends: [&str; 2],
        many: usize,
        items: impl Iterator<Item = (String, Option<&'v str>, &'v Value)>,
        depth: usize,
        comma: &str,
    ) {
        let [open, close] = ends;
        if many == 0 || depth >= MAX_DEPTH || self.folded.contains(pointer) {
            let inside = if many == 0 {
                String::new()
            } else {
                format!("… {many} …")
            };
            line.push(Role::Dim, format!("{open}{inside}{close}{comma}"));
            self.push(depth, line, (many > 0).then(|| pointer.to_owned()));
            return;
        }
        line.push(Role::Dim, open);
        self.push(depth, line, Some(pointer.to_owned()));
        for (at, (name, key, value)) in items.enumerate() {
            if self.rows.len() >= MAX_ROWS {
                break;
            }
            let comma = if at + 1 < many { "," } else { "" };
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.value(&pointer, key, value, depth + 1, comma);
        }
        self.push(depth, Line::new().add(Role::Dim, format!("{close}{comma}")), None);
    }

    /// A text of several lines, as it is meant to be read.
    fn block(&mut self, pointer: &str, mut line: Line, text: &str, depth: usize) {
        let folded = self.folded.contains(pointer);
        let many = text.lines().count();
        line.push(
            Role::Dim,
            if folded {
                format!("… {many} lines …")
            } else {
                format!("text, {many} lines")
            },
        );
        self.push(depth, line, Some(pointer.to_owned()));
        if folded {
            return;
        }
        let cells = self.width.saturating_sub(depth * 2 + 5).max(8);
        for row in wrap(&clean(text), cells) {
            if self.rows.len() >= MAX_ROWS {
                return;
            }
            self.push(
                depth,
                Line::new().add(Role::Dim, "  │ ").add(Role::Quoted, row),
                None,
            );
        }
    }

    fn push(&mut self, depth: usize, line: Line, opens: Option<String>) {
        match self.rows.len() {
            MAX_ROWS => self.rows.push(Row {
                depth: 0,
                line: Line::new().add(Role::Dim, "… more: y copies all"),
                opens: None,
            }),
            0..MAX_ROWS => self.rows.push(Row {
                depth: depth.min(self.width / 4),
                line,
                opens,
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draw(view: &mut JsonView, value: &Value, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        view.render(value, 1, true, area, &mut buf, &Theme::default());
        crate::widgets::drawn::text(&buf)
    }

    #[test]
    fn values_are_indented_and_fold() {
        let value = json!({"ticket": "T-4412", "lines": [1, {"due": true}], "none": null, "empty": {}, "report": "# Findings\n\nTwo invoices are open.\u{1b}[2J"});
        let mut view = JsonView::default();
        insta::assert_snapshot!("open", draw(&mut view, &value, 44, 16));
        view.step(2);
        view.fold();
        insta::assert_snapshot!("folded", draw(&mut view, &value, 44, 16));
        view.fold();
        assert!(draw(&mut view, &value, 44, 16).contains("\"due\": true"));
    }

    #[test]
    fn huge_and_deep_values_stay_bounded() {
        let mut view = JsonView::default();
        let wide = Value::Array((0..100_000).map(|n| json!({ "n": n })).collect());
        draw(&mut view, &wide, 40, 10);
        assert!(view.rows.len() <= MAX_ROWS + 1);
        let mut deep = json!(1);
        for _ in 0..120 {
            deep = json!([deep]);
        }
        view.reset();
        draw(&mut view, &deep, 40, 10);
        assert!(view.rows.len() <= 2 * MAX_DEPTH + 2);
        for width in 0..20 {
            draw(&mut view, &deep, width, 3);
        }
    }
}
