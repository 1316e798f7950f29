//! The help behind a prefix: 400 ms after `g` the choices appear; fast typists never see them.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::Shell;
use crate::keymap::{Command, Key};
use crate::model::Time;
use crate::pages::PAGES;
use crate::pages::closed::CLOSED;
use crate::theme::Role;
use crate::widgets::{Line, Pane, clear};

/// How long a prefix waits before it explains itself.
const PATIENCE: Duration = Duration::from_millis(400);
/// Cells of one choice.
const COLUMN: u16 = 24;

/// How long until the help appears.
pub(super) fn wait(pending: &[Key], since: Duration, time: Time) -> Option<Duration> {
    let shown_at = since + PATIENCE;
    (!pending.is_empty() && time.mono < shown_at).then(|| shown_at.saturating_sub(time.mono))
}

impl Shell {
    pub(super) fn draw_prefix(&self, time: Time, area: Rect, buf: &mut Buffer) {
        if self.pending.is_empty() || wait(&self.pending, self.pending_since, time).is_some() {
            return;
        }
        let choices: Vec<(Key, Command)> = self
            .keymap
            .behind(&self.pending)
            .filter(|(_, command)| self.is_active(*command))
            .collect();
        let columns = (area.width.saturating_sub(2) / COLUMN).max(1);
        let rows = u16::try_from(choices.len()).unwrap_or(u16::MAX).div_ceil(columns);
        let height = (rows + 2).min(area.height);
        let room = Rect {
            y: area.bottom() - height,
            height,
            ..area
        };
        clear(room, buf);
        let prefix: String = self.pending.iter().map(ToString::to_string).collect();
        let inner = Pane::new(format!("{prefix} …"))
            .focus(true)
            .draw(room, &self.theme, buf);
        for (at, (key, command)) in choices.iter().enumerate() {
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            let (column, row) = (at / rows.max(1), at % rows.max(1));
            let (title, open) = name(*command);
            let role = if open { Role::Text } else { Role::Dim };
            let line = Line::new()
                .add(Role::Key, key.to_string())
                .add(Role::Text, " ")
                .add(role, title);
            let cell = Rect {
                x: inner.x + column * COLUMN,
                width: COLUMN.min(inner.width),
                ..inner
            };
            line.draw(cell.x, inner.y + row, cell.intersection(inner), &self.theme, buf);
        }
    }
}

/// What to call a choice, and whether it leads anywhere.
fn name(command: Command) -> (&'static str, bool) {
    match command {
        Command::Action(action) => (action.doc(), true),
        Command::Page(id) => PAGES
            .iter()
            .find(|meta| meta.id == id)
            .map(|meta| (meta.title, true))
            .or_else(|| {
                CLOSED
                    .iter()
                    .find(|closed| closed.id == id)
                    .map(|closed| (closed.title, false))
            })
            .unwrap_or((id, false)),
    }
}
