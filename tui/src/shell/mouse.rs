//! The mouse: the wheel moves, a click goes where a key would: rows, keys of the footer, spaces, the approvals' count.
//!
//! It has no meaning of its own: everything it does is an action somebody could have taken with a key, with the same
//! guards. While it reports, the terminal's own selection takes Shift; so it can be switched off at any time.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::command::SPACES;
use super::state::{Effect, Overlay, Shell};
use crate::keymap::{Action, Command};
use crate::model::{Note, Time};
use crate::text::width;

/// Rows of one turn of the wheel.
const WHEEL: usize = 3;
/// Most moves a click makes; a click farther away goes nowhere.
const REACH: usize = 100;

impl Shell {
    pub(super) fn switch_mouse(&mut self) -> Vec<Effect> {
        if self.prefs.plain {
            self.note = Some(Note::refused("lines have no pointer"));
            return Vec::new();
        }
        self.mouse = !self.mouse;
        self.note = Some(Note::info(if self.mouse {
            "the mouse is on: wheel and clicks work; select text with Shift"
        } else {
            "the mouse is off: the terminal's own selection works"
        }));
        vec![Effect::Mouse(self.mouse)]
    }

    pub(super) fn pointed(&mut self, mouse: MouseEvent, time: Time) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(Action::Up, KeyCode::Up, time),
            MouseEventKind::ScrollDown => self.wheel(Action::Down, KeyCode::Down, time),
            MouseEventKind::Down(MouseButton::Left)
                if self.overlay.is_none() && !self.page().wants_text() =>
            {
                self.click(mouse.column, mouse.row, time)
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, action: Action, code: KeyCode, time: Time) -> Vec<Effect> {
        if matches!(self.overlay, Some(Overlay::Palette(_))) {
            return self.key(&KeyEvent::new(code, KeyModifiers::NONE), time);
        }
        if let Some(Overlay::Help(help)) = &mut self.overlay {
            for _ in 0..WHEEL {
                let _scrolled = help.step(action);
            }
            return Vec::new();
        }
        if self.page().wants_text() || !self.is_active(Command::Action(action)) {
            return Vec::new();
        }
        (0..WHEEL).flat_map(|_| self.take(action, time)).collect()
    }

    fn click(&mut self, column: u16, row: u16, time: Time) -> Vec<Effect> {
        let picture = self.draw(time);
        if column >= picture.area.width || row >= picture.area.height {
            return Vec::new();
        }
        let text = row_text(&picture, row);
        let action = if row == 0 {
            self.header_action(&text, usize::from(column))
        } else if row >= picture.area.height - self.footer_rows() {
            self.footer_action(&text, usize::from(column))
        } else {
            return self.click_row(column, row, time);
        };
        action.map_or_else(Vec::new, |action| self.take(action, time))
    }

    #[expect(clippy::unused_self, reason = "beside its twin")]
    fn header_action(&self, text: &str, column: usize) -> Option<Action> {
        let spaces = [
            Action::Space1,
            Action::Space2,
            Action::Space3,
            Action::Space4,
            Action::Space5,
        ];
        let mut named = SPACES.iter().zip(spaces);
        let space =
            named.find(|(name, _)| text.rfind(*name).is_some_and(|at| covers(text, at, name, column)));
        let waiting = text.rfind('⚑').or_else(|| text.rfind('!'));
        let flag = waiting.is_some_and(|at| covers(text, at, "⚑0 approvals", column));
        space.map(|(_, action)| action).or(flag.then_some(Action::Oldest))
    }

    fn footer_action(&self, text: &str, column: usize) -> Option<Action> {
        let own = self.page().footer().iter().map(|bind| (bind.action, bind.doc));
        let always = super::footer::ALWAYS.iter().copied();
        own.chain(always)
            .map(|(action, doc)| (action, format!("{} {doc}", self.keymap.first(action))))
            .find_map(|(action, shown)| {
                let at = text.find(&format!(" {shown} "))? + 1;
                covers(text, at, &shown, column).then_some(action)
            })
    }

    /// Moves the cursor to the row that was clicked, as far as the cursor's mark can be brought there.
    fn click_row(&mut self, column: u16, row: u16, time: Time) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut last = None;
        for _ in 0..REACH {
            let Some(here) = self.mark(column, time) else {
                break;
            };
            if here == row || last == Some(here) {
                break;
            }
            let action = if row > here { Action::Down } else { Action::Up };
            if !self.is_active(Command::Action(action)) {
                break;
            }
            last = Some(here);
            effects.extend(self.take(action, time));
        }
        effects
    }

    /// The row of the cursor's mark in the pane of that column.
    fn mark(&self, column: u16, time: Time) -> Option<u16> {
        let picture = self.draw(time);
        let is_mark = |x: u16, y: u16| {
            let (cell, left) = (&picture[(x, y)], &picture[(x - 1, y)]);
            matches!(cell.symbol(), "▸" | ">")
                && cell.modifier.contains(Modifier::BOLD)
                && is_border(left.symbol())
        };
        (1..picture.area.height - 1).find(|y| {
            let from = (1..=column)
                .rev()
                .take_while(|x| *x == column || !is_border(picture[(*x, *y)].symbol()));
            from.last().is_some_and(|x| is_mark(x, *y))
        })
    }
}

/// The text of a row, a character for each cell.
fn row_text(picture: &Buffer, row: u16) -> String {
    (0..picture.area.width)
        .map(|x| picture[(x, row)].symbol())
        .collect()
}

/// Whether the words that begin at a byte stand in a column.
fn covers(text: &str, at: usize, words: &str, column: usize) -> bool {
    let start = width(text.get(..at).unwrap_or_default());
    (start..start + width(words)).contains(&column)
}

fn is_border(symbol: &str) -> bool {
    matches!(symbol, "│" | "┃" | "|")
}
