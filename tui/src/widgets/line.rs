//! A line of text put together from pieces with roles, and drawn clipped.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::text::fit::cut;
use crate::text::{clean_line, width};
use crate::theme::{Role, Theme};

/// Pieces of one line, left to right.
#[derive(Debug, Clone, Default)]
pub struct Line(Vec<(String, Role)>);

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece; control characters are made visible.
    #[must_use]
    pub fn add(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.push(role, text);
        self
    }

    /// Appends a piece; control characters are made visible.
    pub fn push(&mut self, role: Role, text: impl AsRef<str>) {
        let text = clean_line(text.as_ref());
        if !text.is_empty() {
            self.0.push((text.into_owned(), role));
        }
    }

    /// Appends a piece in exactly `cells` cells; the padding has no role, so that a move of the cursor does not
    /// send it again.
    pub fn push_fit(&mut self, role: Role, text: impl AsRef<str>, cells: usize) {
        let text = cut(&clean_line(text.as_ref()), cells);
        let rest = cells.saturating_sub(width(&text));
        self.push(role, text);
        self.push(Role::Text, " ".repeat(rest));
    }

    /// Appends a piece in exactly `cells` cells.
    #[must_use]
    pub fn add_fit(mut self, role: Role, text: impl AsRef<str>, cells: usize) -> Self {
        self.push_fit(role, text, cells);
        self
    }

    /// Cells it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.iter().map(|(text, _)| width(text)).sum()
    }

    /// Its text without roles.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Draws it at `x`, `y`, inside `area`, at most to its right edge.
    pub fn draw(&self, x: u16, y: u16, area: Rect, theme: &Theme, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if y < area.top() || y >= area.bottom() || x < area.left() {
            return;
        }
        let mut x = x;
        for (text, role) in &self.0 {
            let room = usize::from(area.right().saturating_sub(x));
            if room == 0 {
                return;
            }
            let text = cut(text, room);
            x = buf.set_stringn(x, y, &text, room, theme.style(*role)).0;
        }
    }

    /// Draws it on row `row` of `area`, one line high, left aligned.
    pub fn draw_row(&self, row: u16, area: Rect, theme: &Theme, buf: &mut Buffer) {
        self.draw(area.x, area.y.saturating_add(row), area, theme, buf);
    }

    /// Draws it on row `row` of `area`, right aligned.
    pub fn draw_right(&self, row: u16, area: Rect, theme: &Theme, buf: &mut Buffer) {
        let cells = u16::try_from(self.width()).unwrap_or(u16::MAX).min(area.width);
        self.draw(area.right() - cells, area.y.saturating_add(row), area, theme, buf);
    }
}

/// Fills an area with blanks, so that nothing below shines through.
pub fn clear(area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
            cell.set_style(Style::new());
        }
    }
}

impl Line {
    /// Appends the pieces of another line.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}
