//! The last line: what can be pressed here; or what was just said; or what is about to be sent.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{Overlay, Shell};
use crate::keymap::{Action, FieldKey};
use crate::model::{Held, NoteKind, Time};
use crate::theme::Role;
use crate::widgets::Line;

/// Keys every page shows behind its own.
pub(super) const ALWAYS: [(Action, &str); 4] = [
    (Action::NextPane, "pane"),
    (Action::Palette, "command"),
    (Action::Help, "keys"),
    (Action::Quit, "quit"),
];

impl Shell {
    /// Rows the footer takes.
    pub(super) const fn footer_rows(&self) -> u16 {
        let (columns, rows) = self.size;
        if columns < 100 && (rows >= 20 || columns < 60 && rows >= 10) {
            2
        } else {
            1
        }
    }

    pub(super) fn draw_footer(&self, time: Time, area: Rect, buf: &mut Buffer) {
        let mut rows = (0..area.height).map(|row| Rect {
            y: area.y + row,
            height: 1,
            ..area
        });
        if let Some(line) = self.said(time)
            && let Some(row) = rows.next()
        {
            line.draw_row(0, row, &self.theme, buf);
        }
        let rows: Vec<Rect> = rows.collect();
        let lines = pack(&self.keys(time, area.width), rows.len(), usize::from(area.width));
        for (row, line) in rows.into_iter().zip(&lines) {
            line.draw_row(0, row, &self.theme, buf);
        }
    }

    /// What was said or is held back, if anything.
    fn said(&self, time: Time) -> Option<Line> {
        let held = self
            .model
            .outbox
            .held()
            .first()
            .map(|held| self.grace_line(held, time));
        let note = self.note.as_ref().map(|note| {
            let role = match note.kind {
                NoteKind::Info => Role::Text,
                NoteKind::Refused => Role::Warn,
                NoteKind::Error => Role::Bad,
            };
            let sign = match note.kind {
                NoteKind::Info => "",
                NoteKind::Refused => "▸ ",
                NoteKind::Error => "✗ ",
            };
            Line::new().add(role, format!(" {sign}{}", note.text))
        });
        match (note, held) {
            (Some(mut note), Some(held)) => {
                note.push(Role::Text, "   ");
                note.extend(&held);
                Some(note)
            }
            (note, held) => note.or(held),
        }
    }

    fn grace_line(&self, held: &Held, time: Time) -> Line {
        let left = held.due.saturating_sub(time.mono);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let more = self.model.outbox.held().len() - 1;
        let mut line = Line::new().add(Role::Mine, format!(" ✎ {}", held.verdict.title));
        if self.model.connection.is_live() {
            line.push(Role::Text, format!(": sent in {seconds} s   "));
        } else {
            line.push(Role::Warn, ": kept until the daemon is back   ");
        }
        line.push(Role::Key, self.keymap.first(Action::Undo));
        line.push(Role::Text, " undo");
        if more > 0 {
            line.push(Role::Dim, format!("   and {more} more"));
        }
        line
    }

    fn keys(&self, time: Time, width: u16) -> Vec<Line> {
        let pair = |key: &str, doc: &str, dim: bool| {
            let role = if dim { Role::Dim } else { Role::Text };
            Line::new()
                .add(Role::Text, " ")
                .add(if dim { Role::Dim } else { Role::Key }, key)
                .add(role, format!(" {doc} "))
        };
        match &self.overlay {
            Some(Overlay::Help(_)) => {
                let first = |action| self.keymap.first(action);
                let moves = format!("{} {}", first(Action::Down), first(Action::Up));
                return vec![
                    pair(&moves, "scroll", false),
                    pair(&first(Action::Back), "close", false),
                ];
            }
            Some(Overlay::Palette(_)) => {
                return vec![
                    pair(&FieldKey::CHOOSE.label(&self.keymap), "choose", false),
                    pair(&FieldKey::ENTER.label(&self.keymap), "do it", false),
                    pair(&FieldKey::ESC.label(&self.keymap), "close", false),
                ];
            }
            None => {}
        }
        if self.page().wants_text() {
            return self
                .page()
                .field_keys()
                .iter()
                .map(|(key, doc)| pair(&key.label(&self.keymap), doc, false))
                .collect();
        }
        let own = self
            .page()
            .footer()
            .iter()
            .filter(|bind| bind.footer)
            .map(|bind| {
                let off = self.why_not(bind.action, time).is_some();
                pair(&self.keymap.first(bind.action), bind.doc, off)
            });
        let always = ALWAYS
            .iter()
            .map(|(action, doc)| pair(&self.keymap.first(*action), doc, false));
        if width < 60 {
            let always = [(Action::Back, "list"), (Action::Help, "keys")];
            let always = always
                .iter()
                .map(|(action, doc)| pair(&self.keymap.first(*action), doc, false));
            return own.chain(always).collect();
        }
        own.chain(always).collect()
    }
}

/// Puts keys into rows. The last two are always there; others go when there is no room.
fn pack(keys: &[Line], rows: usize, width: usize) -> Vec<Line> {
    let (own, always) = keys.split_at(keys.len().saturating_sub(2));
    let kept: usize = always.iter().map(Line::width).sum();
    let mut lines = vec![Line::new()];
    for key in own {
        let row = lines.len();
        let room = width.saturating_sub(if row >= rows { kept } else { 0 });
        let Some(line) = lines.last_mut() else { break };
        if line.width() + key.width() <= room {
            line.extend(key);
        } else if row < rows {
            lines.push(key.clone());
        } else {
            break;
        }
    }
    let fits = lines.last().is_some_and(|line| line.width() + kept <= width);
    if !fits && lines.len() < rows {
        lines.push(Line::new());
    }
    if let Some(line) = lines.last_mut() {
        always.iter().for_each(|key| line.extend(key));
    }
    lines
}
