//! The doors of a view without a screen: the same actions, keys, pages and palette, asked for by name.
//!
//! Nothing here decides or means anything by itself: everything ends where a key press would.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::palette::{Item, hits};
use super::state::{Effect, Shell};
use crate::keymap::{Action, Chord, Command, Group, Step};
use crate::model::{Note, Time};
use crate::nav::Place;
use crate::pages::{Field, Input, PAGES, Speech};

/// An action on offer: what it means here, its key, and why it cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) action: Action,
    pub(crate) doc: &'static str,
    pub(crate) key: String,
    pub(crate) why: Option<String>,
}

impl Shell {
    /// The page in words.
    pub(crate) fn speech(&self, time: Time) -> Speech {
        self.page().speech(&self.ctx(time))
    }

    /// The page was said; to its last line if `end`.
    pub(crate) fn spoken(&self, end: bool, time: Time) {
        self.page().spoken(end, &self.ctx(time));
    }

    /// What happened in what the page follows.
    pub(crate) fn happened(&mut self, time: Time) -> Vec<String> {
        self.with_page(self.here, time, |page, ctx| page.happened(ctx))
    }

    /// What was asked for is on its way.
    pub(crate) fn is_reading(&self, time: Time) -> bool {
        self.page().is_reading(&self.ctx(time))
    }

    /// What the page follows is under way and asks nothing.
    pub(crate) fn is_busy(&self, time: Time) -> bool {
        self.page().is_busy(&self.ctx(time))
    }

    /// The text field that has the keys, if one has.
    pub(crate) fn field(&self, time: Time) -> Option<Field> {
        self.page()
            .wants_text()
            .then(|| self.page().field(&self.ctx(time)))
    }

    /// Takes an action, as its key would.
    pub(crate) fn act(&mut self, action: Action, time: Time) -> Vec<Effect> {
        self.note = None;
        if action != Action::Quit {
            self.quit_asked = false;
        }
        self.take(action, time)
    }

    /// Goes to a place, as the palette would.
    pub(crate) fn go_to(&mut self, place: &Place, time: Time) -> Vec<Effect> {
        self.note = None;
        self.go(place, time)
    }

    /// Presses a key the text field understands.
    pub(crate) fn press(&mut self, code: KeyCode, modifiers: KeyModifiers, time: Time) -> Vec<Effect> {
        self.key(&KeyEvent::new(code, modifiers), time)
    }

    /// Types a line into the text field in the place of what was there, and ends it.
    pub(crate) fn type_line(&mut self, text: &str, time: Time) -> Vec<Effect> {
        let mut effects = self.press(KeyCode::Char('u'), KeyModifiers::CONTROL, time);
        for c in text.chars() {
            // A field that closes by itself leaves the rest of the line behind: it is no command.
            if !self.page().wants_text() {
                return effects;
            }
            effects.extend(self.press(KeyCode::Char(c), KeyModifiers::NONE, time));
        }
        if self.page().wants_text() {
            effects.extend(self.press(KeyCode::Enter, KeyModifiers::NONE, time));
        }
        effects
    }

    /// Hands the text field its whole text.
    pub(crate) fn hand_text(&mut self, text: &str, time: Time) -> Vec<Effect> {
        self.tell(Input::Text(text), time)
    }

    /// What was noted since the last time, oldest first.
    pub(crate) fn notes(&mut self) -> Vec<Note> {
        let mut notes = std::mem::take(&mut self.noted);
        notes.extend(self.note.take());
        notes
    }

    /// Actions of this page, then those that work everywhere.
    pub(crate) fn offered(&self, time: Time) -> Vec<Offered> {
        let own = self.page().meta().bindings.iter().map(|bind| {
            let why = self.why_not(bind.action, time);
            self.offer(bind.action, bind.doc, why)
        });
        let everywhere = Action::ALL
            .iter()
            .filter(|action| action.group() == Group::Everywhere)
            .map(|action| self.offer(*action, action.doc(), None));
        own.chain(everywhere).collect()
    }

    /// What matters most at this depth and can be done now.
    pub(crate) fn suggested(&self, time: Time) -> Vec<Offered> {
        let footer = self.page().footer().iter().filter(|bind| bind.footer);
        footer
            .filter(|bind| self.why_not(bind.action, time).is_none())
            .map(|bind| self.offer(bind.action, bind.doc, None))
            .collect()
    }

    /// The first key of an action, as the configuration writes it.
    pub(crate) fn key_of(&self, action: Action) -> String {
        self.offer(action, action.doc(), None).key
    }

    fn offer(&self, action: Action, doc: &'static str, why: Option<String>) -> Offered {
        let key = self.keymap.keys(Command::Action(action));
        Offered {
            action,
            doc,
            key: key.first().map(|chord| chord.notation()).unwrap_or_default(),
            why,
        }
    }

    /// Whether an action means something here.
    pub(crate) fn means(&self, action: Action) -> bool {
        self.is_active(Command::Action(action))
    }

    /// What the palette finds, best first.
    pub(crate) fn search(&self, query: &str, time: Time) -> Vec<Item> {
        let items = self.palette_items(time);
        let found = hits(&items, query);
        found
            .into_iter()
            .filter_map(|at| items.get(at).cloned())
            .collect()
    }

    /// The command a text names: by its key as it is written in the configuration, by the keys one after another,
    /// by its name, or the page of that name.
    pub(crate) fn named(&self, text: &str) -> Option<Command> {
        let by_key = text.parse().ok().and_then(|chord| self.by_keys(&chord));
        let by_letters = || {
            let mut letters = text.chars().map(crate::keymap::Key::char);
            match (letters.next(), letters.next(), letters.next()) {
                (Some(first), Some(second), None) => self.by_keys(&Chord(vec![first, second])),
                _ => None,
            }
        };
        let by_name = || Action::ALL.iter().find(|action| action.name() == text);
        let page = || PAGES.iter().find(|meta| meta.id == text);
        by_key
            .or_else(by_letters)
            .or_else(|| by_name().map(|action| Command::Action(*action)))
            .or_else(|| page().map(|meta| Command::Page(meta.id)))
    }

    fn by_keys(&self, chord: &Chord) -> Option<Command> {
        let (last, before) = chord.0.split_last()?;
        match self.keymap.step(before, *last, |_| true) {
            Step::Run(command) => Some(command),
            Step::Wait | Step::Nothing => None,
        }
    }
}
