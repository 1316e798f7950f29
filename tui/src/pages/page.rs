//! What a page is.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Bind, FieldKey, Keymap};
use crate::model::{Cmd, Model, Time};
use crate::nav::Place;
use crate::options::Prefs;
use crate::pages::speech::{self, Field, Speech};
use crate::theme::Theme;

/// A page's declaration.
#[derive(Debug)]
pub struct Meta {
    /// Name in places and in the configuration: `runs`.
    pub id: &'static str,
    /// Name on the screen.
    pub title: &'static str,
    /// Space it belongs to, 1 to 5.
    pub space: u8,
    /// Letter behind `g`.
    pub letter: char,
    /// One line for the palette and the manual.
    pub about: &'static str,
    /// Actions it takes; the order is the footer's.
    pub bindings: &'static [Bind],
}

/// What a page may look at.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The mirror of the daemon.
    pub model: &'a Model,
    /// Looks.
    pub theme: &'a Theme,
    /// Preferences.
    pub prefs: &'a Prefs,
    /// The keys in force: words on the screen that name a key take it from here, never from a letter.
    pub keymap: &'a Keymap,
    /// Now.
    pub time: Time,
}

/// What a page is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// An action it listed, and [`Page::why_not`] had nothing against.
    Action(Action),
    /// A key for its text field, while [`Page::wants_text`].
    Key(&'a KeyEvent),
    /// A pasted text, while [`Page::wants_text`].
    Paste(&'a str),
    /// The whole text for its [`Field::Text`], from the plain view.
    Text(&'a str),
    /// The mirror changed.
    Data,
    /// The time it asked for with [`Page::next_change`] has come.
    Tick,
}

/// A page: state of its own, what it does with input, and how it draws.
///
/// It draws only what the mirror says, marks nothing as done before the daemon said so, and sends commands only.
pub trait Page {
    /// Its declaration.
    fn meta(&self) -> &'static Meta;

    /// Takes an input; what is to be done comes back.
    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd>;

    /// Draws into `area`, which may have any size, zero included.
    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer);

    /// The same in words, for the plain view: everything that can be seen, and nothing by a sign alone.
    fn speech(&self, ctx: &Ctx<'_>) -> Speech;

    /// The plain view has said [`Page::speech`]; to its last line if `end`.
    fn spoken(&self, _end: bool, _ctx: &Ctx<'_>) {}

    /// What happened since it was last asked in what a person follows here, a line each; the plain view says it as
    /// it comes.
    fn happened(&mut self, _ctx: &Ctx<'_>) -> Vec<String> {
        Vec::new()
    }

    /// What was asked for is still on its way: the plain view waits for it before it speaks.
    fn is_reading(&self, _ctx: &Ctx<'_>) -> bool {
        false
    }

    /// A yes or no is awaited that is no text field: Ctrl-C takes the question back.
    fn asks(&self) -> bool {
        false
    }

    /// What is followed here is still under way and asks nothing.
    fn is_busy(&self, _ctx: &Ctx<'_>) -> bool {
        false
    }

    /// The way down from the page, for the breadcrumb; empty at its list.
    fn crumbs(&self, _ctx: &Ctx<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Where it is, as a link.
    fn place(&self) -> Place {
        Place::page(self.meta().id)
    }

    /// Goes to a place inside the page.
    fn open(&mut self, _path: &[String], _ctx: &Ctx<'_>) -> Vec<Cmd> {
        Vec::new()
    }

    /// It came on the screen.
    fn enter(&mut self, _ctx: &Ctx<'_>) -> Vec<Cmd> {
        Vec::new()
    }

    /// It left the screen.
    fn leave(&mut self) -> Vec<Cmd> {
        Vec::new()
    }

    /// The rows the footer takes its keys from; a page of several depths names those that matter at this one.
    fn footer(&self) -> &'static [Bind] {
        self.meta().bindings
    }

    /// Why an action cannot be taken now, in words; `None` if it can.
    fn why_not(&self, _action: Action, _ctx: &Ctx<'_>) -> Option<String> {
        None
    }

    /// A text field has the focus: characters are text, only Ctrl keys, Esc, Tab and Enter reach it as keys too.
    fn wants_text(&self) -> bool {
        false
    }

    /// Keys of its text field and what they do, for the footer.
    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        &[(FieldKey::ESC, "back")]
    }

    /// Its text field in words, while [`Page::wants_text`].
    fn field(&self, _ctx: &Ctx<'_>) -> Field {
        speech::field(self.field_keys())
    }

    /// The text in its text field, where an outside editor may have it; it comes back as [`Input::Text`].
    fn field_text(&self) -> Option<String> {
        None
    }

    /// Text that would be lost by leaving.
    fn has_draft(&self) -> bool {
        false
    }

    /// The whole text behind what is shown, for the pager, where there is more of it than the object.
    fn transcript(&self, _ctx: &Ctx<'_>) -> Option<String> {
        None
    }

    /// What is worth keeping over the end of the client: selection, filter, drafts; `Null` for nothing. Never a
    /// decision, never a confirming word.
    fn keep(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Takes up what was kept, among what is there now.
    fn take_up(&mut self, _kept: &serde_json::Value, _ctx: &Ctx<'_>) -> Vec<Cmd> {
        Vec::new()
    }

    /// After how long something visible changes by time alone.
    fn next_change(&self, _ctx: &Ctx<'_>) -> Option<Duration> {
        None
    }
}
