//! Looking for a text in the stream: the field, and going from hit to hit. The search itself is the widget's.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::Monitor;
use crate::model::{Cmd, Note};

/// Longest input that is typed here, bytes; a larger one goes through the command line.
const MOST_INPUT: usize = 4_096;

impl Monitor {
    /// A text is being typed.
    pub(crate) const fn wants_text(&self) -> bool {
        self.typing.is_some() || self.input.is_some()
    }

    /// What is being typed, for the frame of the stream.
    pub(super) fn typed(&self) -> Option<&str> {
        self.typing.as_deref()
    }

    /// A key for the search.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> Vec<Cmd> {
        if self.input.is_some() {
            return self.input_key(key);
        }
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

    /// A key for the input of a fork.
    fn input_key(&mut self, key: &KeyEvent) -> Vec<Cmd> {
        let Some(text) = &mut self.input else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc => {
                self.input = None;
                return vec![Cmd::Note(Note::info("nothing was started"))];
            }
            KeyCode::Enter => {
                let text = self.input.take().unwrap_or_default();
                return self.fork_with(&text);
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) && text.len() < MOST_INPUT => {
                text.push(c);
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
