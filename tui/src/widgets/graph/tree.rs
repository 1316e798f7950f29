//! The same steps as a tree: what narrow terminals and very large graphs get.
//! Owns the rows and what is folded; the cursor is shared with the graph by step id.
//! Invariant: rows are built when the structure changes, drawn only where visible.

use std::collections::BTreeSet;

use ratatui::{buffer::Buffer, layout::Rect};

use super::model::{Graph, GraphNode, counts};
use super::paint::Canvas;
use crate::text::fit::cut;
use crate::theme::{Role, Theme};

#[derive(Clone, Debug, PartialEq)]
struct Row {
    node: usize,
    lead: String,
    /// Where its cases lead: `left→one right→two`.
    ways: String,
}

/// State of the tree.
#[derive(Clone, Debug, Default)]
pub struct TreeView {
    rows: Vec<Row>,
    folded: BTreeSet<String>,
    top: usize,
    structure: Option<u64>,
}

impl TreeView {
    /// Brings the rows up to date.
    pub fn arrange(&mut self, graph: &Graph) {
        if self.structure == Some(graph.structure()) {
            return;
        }
        self.structure = Some(graph.structure());
        self.rows.clear();
        // (node, lead of its row, lead of the rows inside it), last first.
        let mut stack: Vec<(usize, String, String)> = Vec::new();
        let roots = graph.children(None);
        stack.extend(
            roots
                .into_iter()
                .rev()
                .map(|node| (node, String::new(), String::new())),
        );
        while let Some((node, lead, inner)) = stack.pop() {
            let ways = ways(graph, &graph.nodes()[node]);
            self.rows.push(Row { node, lead, ways });
            let id = &graph.nodes()[node].id;
            if self.folded.contains(id) || inner.len() > 200 {
                continue;
            }
            let children = graph.children(Some(id));
            let last = children.last().copied();
            stack.extend(children.into_iter().rev().map(|child| {
                let end = Some(child) == last;
                let branch = if end { "└ " } else { "├ " };
                let below = if end { "  " } else { "│ " };
                (child, format!("{inner}{branch}"), format!("{inner}{below}"))
            }));
        }
    }

    /// Draws the rows in view; `selected` is a step id.
    pub fn render(
        &mut self,
        graph: &Graph,
        selected: Option<&str>,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        if area.is_empty() {
            return;
        }
        self.arrange(graph);
        let height = usize::from(area.height);
        if let Some(at) = selected.and_then(|id| self.position(graph, id)) {
            self.top = self.top.clamp((at + 1).saturating_sub(height), at);
        }
        self.top = self.top.min(self.rows.len().saturating_sub(height));
        let mut canvas = Canvas {
            buf,
            area,
            offset: (0, 0),
            theme: *theme,
        };
        for (y, row) in self.rows.iter().skip(self.top).take(height).enumerate() {
            let on = selected == Some(graph.nodes()[row.node].id.as_str());
            self.draw(&mut canvas, graph, row, i32::try_from(y).unwrap_or(0), on);
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, graph: &Graph, row: &Row, y: i32, on: bool) {
        let theme = canvas.theme;
        let node = &graph.nodes()[row.node];
        let width = usize::from(canvas.area.width);
        let lead = i32::try_from(row.lead.chars().count()).unwrap_or(0);
        let sign = node.state.sign();
        let name_style = if on {
            theme.style(Role::Selected)
        } else {
            theme.style(Role::Text)
        };
        canvas.text(0, y, if on { "▸" } else { " " }, theme.style(Role::Selected));
        canvas.text(1, y, &row.lead, theme.style(Role::Dim));
        canvas.text(1 + lead, y, sign.sign, theme.style(sign.role));
        let note = if self.folded.contains(&node.id) {
            format!(
                "{}  {}",
                node.note,
                counts(graph, &graph.children(Some(&node.id)))
            )
        } else {
            node.note.clone()
        };
        let room = width.saturating_sub(4 + row.lead.chars().count());
        let name = cut(&node.name, room);
        canvas.text(3 + lead, y, &name, name_style);
        let used = unicode_width::UnicodeWidthStr::width(name.as_str());
        let column = (5 + row.lead.chars().count() + used).max(28.min(width / 2));
        let kind = cut(&node.kind, width.saturating_sub(column));
        canvas.text(
            i32::try_from(column).unwrap_or(0),
            y,
            &kind,
            theme.style(Role::Dim),
        );
        let note_at = column + kind.chars().count().max(13) + 2;
        let word = if note.trim().is_empty() {
            sign.word
        } else {
            note.as_str()
        };
        let word = cut(word, width.saturating_sub(note_at));
        let mut at = note_at;
        canvas.text(i32::try_from(at).unwrap_or(0), y, &word, theme.style(Role::Dim));
        at += unicode_width::UnicodeWidthStr::width(word.as_str()) + 2;
        let ways = cut(&row.ways, width.saturating_sub(at));
        canvas.text(i32::try_from(at).unwrap_or(0), y, &ways, theme.style(Role::Text));
    }

    /// The row of a step.
    pub fn position(&self, graph: &Graph, id: &str) -> Option<usize> {
        self.rows.iter().position(|row| graph.nodes()[row.node].id == id)
    }

    /// The step `by` rows below `selected` (above if negative), at most to the ends.
    pub fn step(&self, graph: &Graph, selected: Option<&str>, by: i32) -> Option<String> {
        let last = i32::try_from(self.rows.len()).ok()? - 1;
        let now = selected
            .and_then(|id| self.position(graph, id))
            .map_or(-1, |at| i32::try_from(at).unwrap_or(0));
        let next = usize::try_from((now + by).clamp(0, last.max(0))).ok()?;
        self.rows.get(next).map(|row| graph.nodes()[row.node].id.clone())
    }

    /// Folds or unfolds a container.
    pub fn fold(&mut self, graph: &Graph, id: &str) {
        if graph.is_container(id) {
            if !self.folded.remove(id) {
                self.folded.insert(id.to_owned());
            }
            self.structure = None;
        }
    }

    /// Places of the nodes in the order of the rows.
    pub fn nodes(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().map(|row| row.node)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Where the named ways out of a step lead, in their order; what is inside it has rows of its own.
fn ways(graph: &Graph, node: &GraphNode) -> String {
    let mut text = String::new();
    for edge in graph.edges().iter().filter(|edge| edge.from == node.id) {
        let beside = graph.node(&edge.to).filter(|to| to.parent == node.parent);
        // What undoes it stands right below.
        let label = edge.label.as_deref().filter(|label| *label != "compensate");
        let (Some(label), Some(to)) = (label, beside) else {
            continue;
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(label);
        text.push('→');
        text.push_str(&to.name);
    }
    text
}
