//! The help: the keys of this page, from the keymap and the page's own list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::Shell;
use crate::keymap::{Action, Group};
use crate::model::Time;
use crate::text::fit;
use crate::theme::Role;
use crate::widgets::{Line, Pane, clear};

/// Cells of the key column.
const KEYS: usize = 14;
/// Cells of one column of the help.
const COLUMN: u16 = 58;

/// The help over the page.
#[derive(Debug, Default)]
pub(super) struct Help {
    first: usize,
}

impl Help {
    /// Scrolls; says whether the action was a scroll.
    pub(super) const fn step(&mut self, action: Action) -> bool {
        self.first = match action {
            Action::Down => self.first + 1,
            Action::Up => self.first.saturating_sub(1),
            Action::HalfDown | Action::PageDown => self.first + 10,
            Action::HalfUp | Action::PageUp => self.first.saturating_sub(10),
            Action::Top => 0,
            Action::Bottom => usize::MAX / 2,
            _ => return false,
        };
        true
    }
}

impl Shell {
    pub(super) fn draw_help(&self, help: &Help, time: Time, area: Rect, buf: &mut Buffer) {
        clear(area, buf);
        let title = format!("Keys of {}", self.page().meta().title);
        let inner = Pane::new(title)
            .focus(true)
            .foot(Role::Dim, "any other key closes")
            .draw(area, &self.theme, buf);
        let lines = self.help_lines(time);
        let columns = usize::from((inner.width / COLUMN).max(1));
        let height = usize::from(inner.height);
        let last = lines.len().saturating_sub(columns * height);
        let first = help.first.min(last);
        for (at, line) in lines.iter().skip(first).take(columns * height).enumerate() {
            let x = inner.x + u16::try_from(at / height).unwrap_or(0) * COLUMN;
            let width = if columns == 1 { inner.width } else { COLUMN - 2 };
            let cell = Rect { x, width, ..inner }.intersection(inner);
            line.draw(
                x,
                inner.y + u16::try_from(at % height).unwrap_or(0),
                cell,
                &self.theme,
                buf,
            );
        }
    }

    fn help_lines(&self, time: Time) -> Vec<Line> {
        let meta = self.page().meta();
        let mut lines = vec![Line::new().add(Role::Heading, meta.title)];
        for bind in meta.bindings {
            let why = self.why_not(bind.action, time);
            let mut line = self.help_line(bind.action, bind.doc);
            if let Some(why) = why {
                line.push(Role::Dim, format!("  ({why})"));
            }
            lines.push(line);
        }
        lines.push(Line::new());
        lines.push(Line::new().add(Role::Heading, Group::Everywhere.title()));
        let everywhere = Action::ALL
            .iter()
            .filter(|action| action.group() == Group::Everywhere);
        lines.extend(everywhere.map(|action| self.help_line(*action, action.doc())));
        lines.push(
            Line::new()
                .add(Role::Key, fit("g + letter", KEYS))
                .add(Role::Text, "a page; wait a moment to see them"),
        );
        lines
    }

    fn help_line(&self, action: Action, doc: &str) -> Line {
        Line::new()
            .add(Role::Key, fit(&self.keymap.label(action), KEYS))
            .add(Role::Text, doc)
    }
}
