//! For tests: what was drawn, as text.

use ratatui::buffer::{Buffer, Cell};

/// The rows of a buffer, without the blanks at their ends.
pub(crate) fn text(buf: &Buffer) -> String {
    let rows = buf.content.chunks(usize::from(buf.area.width.max(1)));
    let lines = rows.map(|row| {
        row.iter()
            .map(Cell::symbol)
            .collect::<String>()
            .trim_end()
            .to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
