//! Who gets a key: what lies over the page, a text field, or the keymap.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use super::help::Help;
use super::palette::{Outcome, Palette};
use super::state::{Effect, Overlay, Shell};
use crate::keymap::{Action, Command, Group, Key, Step};
use crate::model::{Note, Time};
use crate::pages::Input;

/// A second Ctrl-C within this time quits.
const TWICE: Duration = Duration::from_secs(2);

impl Shell {
    pub(super) fn key(&mut self, event: &KeyEvent, time: Time) -> Vec<Effect> {
        self.note = None;
        let key = Key::from(event);
        if self.overlay.is_some() {
            return self.overlay_key(event, key, time);
        }
        if self.page().wants_text() {
            let saves = |command| is_held_back(command) || command == Command::Action(Action::Save);
            let step = match key.is_typed() {
                true => Step::Nothing,
                false => self.keymap.step(&[], key, saves),
            };
            return match step {
                Step::Run(Command::Action(action)) => self.take(action, time),
                _ => self.tell(Input::Key(event), time),
            };
        }
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() && key.code == KeyCode::Esc {
            return Vec::new();
        }
        match self.keymap.step(&pending, key, |command| self.is_active(command)) {
            Step::Run(Command::Action(action)) => {
                if action != Action::Quit {
                    self.quit_asked = false;
                }
                self.take(action, time)
            }
            Step::Run(Command::Page(id)) => self.go(&crate::nav::Place::page(id), time),
            Step::Wait => {
                self.pending = pending;
                self.pending.push(key);
                self.pending_since = time.mono;
                Vec::new()
            }
            Step::Nothing => Vec::new(),
        }
    }

    pub(super) fn paste(&mut self, text: &str, time: Time) -> Vec<Effect> {
        if let Some(Overlay::Palette(palette)) = &mut self.overlay {
            palette.paste(text);
            return Vec::new();
        }
        if self.overlay.is_none() && self.page().wants_text() {
            return self.tell(Input::Paste(text), time);
        }
        self.note = Some(Note::refused("pasted text is never taken as keys"));
        Vec::new()
    }

    /// Whether a command means something on this page.
    pub(super) fn is_active(&self, command: Command) -> bool {
        match command {
            Command::Page(_) => true,
            Command::Action(Action::Undo) if !self.model.outbox.held().is_empty() => true,
            Command::Action(action) => {
                action.group() == Group::Everywhere
                    || self
                        .page()
                        .meta()
                        .bindings
                        .iter()
                        .any(|bind| bind.action == action)
            }
        }
    }

    fn overlay_key(&mut self, event: &KeyEvent, key: Key, time: Time) -> Vec<Effect> {
        if let Step::Run(Command::Action(action)) = self.held_back(key) {
            if action == Action::Interrupt {
                self.overlay = None;
            }
            return self.take(action, time);
        }
        match self.overlay.take() {
            Some(Overlay::Help(mut help)) => {
                let moved = match self.keymap.step(&[], key, |_| true) {
                    Step::Run(Command::Action(action)) => help.step(action),
                    _ => false,
                };
                if moved {
                    self.overlay = Some(Overlay::Help(help));
                }
                Vec::new()
            }
            Some(Overlay::Palette(mut palette)) => match palette.key(event) {
                Outcome::Stay => {
                    self.overlay = Some(Overlay::Palette(palette));
                    Vec::new()
                }
                Outcome::Close => Vec::new(),
                Outcome::Refused(why) => {
                    self.note = Some(Note::refused(why));
                    self.overlay = Some(Overlay::Palette(palette));
                    Vec::new()
                }
                Outcome::Do(command) => match command {
                    Command::Page(id) => self.go(&crate::nav::Place::page(id), time),
                    Command::Action(action) => self.take(action, time),
                },
                Outcome::Go(place) => self.go(&place, time),
            },
            None => Vec::new(),
        }
    }

    /// The command of a key that works in text fields and over everything; what is typed is text there.
    fn held_back(&self, key: Key) -> Step {
        if key.is_typed() {
            return Step::Nothing;
        }
        self.keymap.step(&[], key, is_held_back)
    }

    pub(super) fn interrupt(&mut self, time: Time) -> Vec<Effect> {
        if self
            .interrupted
            .is_some_and(|at| time.mono.saturating_sub(at) <= TWICE)
        {
            return self.end();
        }
        self.interrupted = Some(time.mono);
        let effects = if self.page().wants_text() || self.page().asks() {
            self.tell(Input::Action(Action::Back), time)
        } else {
            Vec::new()
        };
        let again = self.keymap.first(Action::Interrupt);
        self.note = Some(Note::info(format!(
            "{again} again quits; runs go on in the daemon"
        )));
        effects
    }

    pub(super) fn open_help(&mut self) {
        self.overlay = Some(Overlay::Help(Help::default()));
    }

    pub(super) fn open_palette(&mut self, time: Time) {
        let items = self.palette_items(time);
        self.overlay = Some(Overlay::Palette(Box::new(Palette::new(items))));
    }
}

/// Commands that work in text fields and over everything.
fn is_held_back(command: Command) -> bool {
    matches!(
        command,
        Command::Action(Action::Interrupt | Action::Suspend | Action::Redraw | Action::EditOutside)
    )
}
