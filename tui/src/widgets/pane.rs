//! A box with a title, keys on its lower edge, and a heavy border where the focus is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::line::Line;
use crate::theme::{Role, Theme};

/// A box around a part of a page.
#[derive(Debug, Default)]
pub struct Pane {
    title: Line,
    foot: Line,
    focus: bool,
}

impl Pane {
    /// A box with this title.
    #[must_use]
    pub fn new(title: impl AsRef<str>) -> Self {
        Self {
            title: Line::new().add(Role::Heading, title),
            ..Self::default()
        }
    }

    /// More of the title, in another role.
    #[must_use]
    pub fn title(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.title.push(role, text);
        self
    }

    /// Words on the lower edge.
    #[must_use]
    pub fn foot(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.foot.push(role, text);
        self
    }

    /// It has the focus.
    #[must_use]
    pub const fn focus(mut self, focus: bool) -> Self {
        self.focus = focus;
        self
    }

    /// Draws the box; what is inside it comes back.
    pub fn draw(&self, area: Rect, theme: &Theme, buf: &mut Buffer) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let [across, down, tl, tr, bl, br] = if self.focus {
            ["━", "┃", "┏", "┓", "┗", "┛"]
        } else {
            ["─", "│", "┌", "┐", "└", "┘"]
        };
        // The lines of the focus are heavy by themselves: bold would say it twice, in some hundred bytes a frame.
        let style = match self.focus {
            true => theme.style(Role::Focus).remove_modifier(Modifier::BOLD),
            false => theme.style(Role::Border),
        };
        let mut put = |x, y, sign| {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_symbol(sign).set_style(style);
            }
        };
        let (left, right, top, bottom) = (area.left(), area.right() - 1, area.top(), area.bottom() - 1);
        for x in left + 1..right {
            put(x, top, across);
            put(x, bottom, across);
        }
        for y in top + 1..bottom {
            put(left, y, down);
            put(right, y, down);
        }
        for (x, y, sign) in [
            (left, top, tl),
            (right, top, tr),
            (left, bottom, bl),
            (right, bottom, br),
        ] {
            put(x, y, sign);
        }
        self.labels(area, theme, buf);
        Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
    }

    fn labels(&self, area: Rect, theme: &Theme, buf: &mut Buffer) {
        let room = Rect::new(area.x + 1, area.y, area.width - 2, area.height);
        if !self.title.is_empty() && room.width >= 4 {
            let line = spaced(&self.title);
            line.draw(
                room.x + 1,
                area.y,
                Rect {
                    width: room.width - 1,
                    ..room
                },
                theme,
                buf,
            );
        }
        if !self.foot.is_empty() && room.width >= 4 {
            let line = spaced(&self.foot);
            let cells = u16::try_from(line.width())
                .unwrap_or(u16::MAX)
                .min(room.width - 1);
            line.draw(
                room.right() - 1 - cells,
                area.bottom() - 1,
                Rect {
                    width: room.width - 1,
                    ..room
                },
                theme,
                buf,
            );
        }
    }
}

fn spaced(line: &Line) -> Line {
    let mut out = Line::new().add(Role::Text, " ");
    out.extend(line);
    out.add(Role::Text, " ")
}
