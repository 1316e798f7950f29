//! Looking for a text in the stream: the field, and going from hit to hit. The search itself is the widget's.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::Monitor;
use crate::model::{Cmd, Note};

impl Monitor {
    /// A text is being typed.
    pub(crate) const fn wants_text(&self) -> bool {
        self.typing.is_some()
    }

    /// What is being typed, for the frame of the stream.
    pub(super) fn typed(&self) -> Option<&str> {
        self.typing.as_deref()
    }

    /// A key for the search.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> Vec<Cmd> {
        let Some(text) = &mut self.typing else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc => {
                self.typing = None;
                self.ui.get_mut().stream.find("");
            }
            KeyCode::Enter => {
                let text = self.typing.take().unwrap_or_default();
                if !text.is_empty() && !self.ui.get_mut().stream.find(&text) {
                    return vec![Cmd::Note(Note::info(format!("`{text}` is not in the stream")))];
                }
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) && text.len() < 200 => {
                text.push(c)
            }
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn seek(&mut self, back: bool) -> Vec<Cmd> {
        let stream = &mut self.ui.get_mut().stream;
        if stream.needle().is_empty() {
            return vec![Cmd::Note(Note::refused("nothing was looked for yet"))];
        }
        // The search began at the end: the next hit is the one before.
        if stream.seek(!back) {
            Vec::new()
        } else {
            vec![Cmd::Note(Note::info("no more hits this way"))]
        }
    }
}
