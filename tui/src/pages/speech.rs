//! What a page says in words: the plain view reads it out, line by line, and numbers what can be chosen.
//!
//! A page fills it; it knows no keys and no terminal. Texts may be untrusted: the plain view has the last door.
//! Our own words are ASCII and carry every meaning: no sign, no colour, no column.

use crate::keymap::{Action, FieldKey};
use crate::nav::Place;

/// A page in words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Speech {
    /// Where one is and how it stands, one sentence or two.
    pub title: String,
    /// The part of the page that has the keys (`inbox`), empty where there is only one.
    pub part: String,
    /// What stands there, a line each.
    pub rows: Vec<Row>,
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The words.
    pub text: String,
    /// Where its number leads, if it has one.
    pub goes: Option<Goes>,
    /// The cursor is on it.
    pub here: bool,
}

/// Where a number leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Goes {
    /// To this place.
    pub place: Place,
    /// And there, this is done.
    pub then: Option<Action>,
}

/// What a text field is for, in words.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// One line is asked for; these lines say what for.
    Line(Vec<String>),
    /// A text of several lines is edited.
    Text {
        /// What it is and what saving it does.
        about: Vec<String>,
        /// The text as it stands.
        text: String,
    },
}

impl Speech {
    /// A page that says where one is.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Names the part that has the keys.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// Says a line.
    pub fn say(&mut self, text: impl Into<String>) {
        self.row(text, None, false);
    }

    /// Says a line that the cursor can be on.
    pub fn line(&mut self, text: impl Into<String>, here: bool) {
        self.row(text, None, here);
    }

    /// Says a line whose number leads to a place.
    pub fn choice(&mut self, text: impl Into<String>, place: Place, here: bool) {
        self.row(text, Some(Goes { place, then: None }), here);
    }

    /// Says a line whose number leads to a place where something is done at once.
    pub fn choice_then(&mut self, text: impl Into<String>, place: Place, then: Action, here: bool) {
        let then = Some(then);
        self.row(text, Some(Goes { place, then }), here);
    }

    /// Says outside text of any length, every line behind a bar, so that it cannot pass for ours.
    pub fn quote(&mut self, text: &str) {
        text.split('\n').for_each(|line| self.say(format!("| {line}")));
    }

    fn row(&mut self, text: impl Into<String>, goes: Option<Goes>, here: bool) {
        let text = text.into();
        self.rows.push(Row { text, goes, here });
    }
}

/// A field in words, from its keys alone.
#[must_use]
pub fn field(keys: &[(FieldKey, &str)]) -> Field {
    let key = |wanted| keys.iter().find(|(key, _)| *key == wanted).map(|(_, what)| *what);
    let enter = key(FieldKey::ENTER).unwrap_or("send");
    let esc = key(FieldKey::ESC).unwrap_or("back");
    Field::Line(vec![format!("Type a line: {enter}. An empty line: {esc}.")])
}

/// `1 run`, `3 runs`.
#[must_use]
pub fn count(many: usize, what: &str) -> String {
    format!("{many} {what}{}", if many == 1 { "" } else { "s" })
}
