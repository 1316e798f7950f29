//! A text of several lines that is typed: how it is made, how it is read, how it looks. The editing is the crate's.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget as _;
use ratatui_textarea::{TextArea, WrapMode};

use crate::theme::{Role, Theme};

/// Steps that can be taken back.
const HISTORIES: usize = 200;

/// A text to type in.
#[must_use]
pub fn writing(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_max_histories(HISTORIES);
    area
}

/// What stands there.
#[must_use]
pub fn written(area: &TextArea<'static>) -> String {
    area.lines().join("\n")
}

/// Draws it, long lines broken; with the numbers of its lines if wanted.
pub fn draw_writing(text: &TextArea<'static>, numbered: bool, area: Rect, theme: &Theme, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let mut shown = text.clone();
    if numbered {
        shown.set_line_number_style(theme.style(Role::Dim));
    }
    shown.set_cursor_line_style(theme.style(Role::Text));
    shown.set_wrap_mode(WrapMode::Glyph);
    shown.set_cursor_style(theme.style(Role::Caret));
    shown.render(area, buf);
}
