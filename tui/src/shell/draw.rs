//! One frame: first line, page, footer, and what lies over them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{Overlay, Shell};
use crate::model::Time;
use crate::text::sanitize::is_hidden;
use crate::text::wrap;
use crate::theme::{Role, ascii};
use crate::widgets::Line;

/// Smallest screen that can be read.
const LEAST: (u16, u16) = (24, 6);

impl Shell {
    /// The screen as it should be now.
    #[must_use]
    pub fn draw(&self, time: Time) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buf = Buffer::empty(area);
        if area.width < LEAST.0 || area.height < LEAST.1 {
            self.draw_too_small(area, &mut buf);
        } else {
            self.draw_all(time, area, &mut buf);
        }
        guard(&mut buf);
        if self.theme.ascii {
            ascii::fold(&mut buf);
        }
        buf
    }

    fn draw_all(&self, time: Time, area: Rect, buf: &mut Buffer) {
        let footer = self.footer_rows();
        let head = Rect { height: 1, ..area };
        let body = Rect {
            y: 1,
            height: area.height - 1 - footer,
            ..area
        };
        let foot = Rect {
            y: body.bottom(),
            height: footer,
            ..area
        };
        self.draw_header(time, head, buf);
        self.page().view(&self.ctx(time), body, buf);
        match &self.overlay {
            Some(Overlay::Help(help)) => self.draw_help(help, time, body, buf),
            Some(Overlay::Palette(palette)) => palette.draw(&self.theme, body, buf),
            None => self.draw_prefix(time, body, buf),
        }
        self.draw_footer(time, foot, buf);
    }

    fn draw_too_small(&self, area: Rect, buf: &mut Buffer) {
        let text = format!(
            "{}x{} is too small, {}x{} is enough. q quits",
            area.width, area.height, LEAST.0, LEAST.1
        );
        for (row, line) in (0u16..area.height).zip(wrap(&text, usize::from(area.width))) {
            Line::new()
                .add(Role::Text, line)
                .draw_row(row, area, &self.theme, buf);
        }
    }
}

/// Most bytes of one cell: a letter of a flag or a family, or one with all its marks.
const CELL: usize = 64;

/// The last door: whatever a page forgot, no control, no hidden character and no pile of marks leaves the client.
fn guard(buf: &mut Buffer) {
    for cell in &mut buf.content {
        let symbol = cell.symbol();
        let plain = symbol.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if symbol.len() > CELL || !plain && symbol.chars().any(is_hidden) {
            cell.set_symbol("?");
        }
    }
}
