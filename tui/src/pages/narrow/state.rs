//! What is chosen, and the keys of the panel.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::filter::Filter;
use dirigent_protocol::query::MAX_PAGE;
use serde_json::{Value, json};

use super::facet::{Facet, Mine};
use crate::keymap::{Action, Bind};
use crate::model::Looks;
use crate::widgets::Cursor;

/// Longest text, characters.
const MAX_TEXT: usize = 200;
/// Most values chosen of one facet.
const MAX_CHOSEN: usize = 20;

/// The footer while the panel is open.
pub const PANEL_KEYS: &[Bind] = &[
    Bind::footer(Action::Mark, "choose, leave out"),
    Bind::footer(Action::Up, "up"),
    Bind::footer(Action::Down, "down"),
    Bind::footer(Action::HalfDown, "next facet"),
    Bind::footer(Action::Filter, "filter"),
    Bind::footer(Action::Facets, "close"),
];

/// A row of the panel the cursor can be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// Nothing is chosen.
    Everything,
    /// A value of a facet.
    Value(usize, String),
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is not about narrowing.
    No,
    /// It moved the panel only.
    Moved,
    /// Other rows are shown now.
    Changed,
}

/// A list narrowed by a text and by facets.
#[derive(Debug)]
pub struct Narrow {
    pub(super) kind: Kind,
    pub(super) facets: &'static [Facet],
    /// Fields the daemon looks for the text in.
    pub(super) texts: &'static [&'static str],
    /// Topics of the counts and of the rows.
    pub(super) topics: [&'static str; 2],
    /// What the rows are, whatever is chosen; where it is said, the daemon is always asked for them.
    pub(super) within: Option<fn() -> Filter>,
    /// Rows that are asked for.
    pub(super) rows: u32,
    pub(super) text: String,
    pub(super) typing: bool,
    pub(super) chosen: BTreeMap<&'static str, BTreeSet<String>>,
    pub(super) open: bool,
    pub(super) cursor: Cursor<Row>,
    pub(super) height: Cell<usize>,
}

impl Narrow {
    /// Nothing chosen yet.
    #[must_use]
    pub fn new(
        kind: Kind,
        facets: &'static [Facet],
        texts: &'static [&'static str],
        topics: [&'static str; 2],
    ) -> Self {
        Self {
            kind,
            facets,
            texts,
            topics,
            within: None,
            rows: super::ask::ROWS,
            text: String::new(),
            typing: false,
            chosen: BTreeMap::new(),
            open: false,
            cursor: Cursor::default(),
            height: Cell::new(20),
        }
    }

    /// Of rows that meet this alone: the mirror does not hold all of them, so the daemon is always asked.
    #[must_use]
    pub fn within(self, within: fn() -> Filter) -> Self {
        Self {
            within: Some(within),
            ..self
        }
    }

    /// Asks for as many rows again, up to a page's most; says whether there was room.
    pub fn ask_more(&mut self) -> bool {
        let rows = (self.rows + super::ask::ROWS).min(MAX_PAGE);
        std::mem::replace(&mut self.rows, rows) != rows
    }

    /// The text is being typed.
    #[must_use]
    pub const fn typing(&self) -> bool {
        self.typing
    }

    /// The panel has the keys.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Anything leaves rows out.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        !self.text.is_empty() || !self.chosen.is_empty()
    }

    /// The words of the text, in small letters.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.text
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    /// Whether a row has a chosen value of every facet that has one.
    pub fn fits<'a>(&self, mine: impl Fn(&Facet) -> Mine<'a>) -> bool {
        self.facets.iter().all(|facet| {
            self.chosen
                .get(facet.name)
                .is_none_or(|chosen| facet.has(mine(facet), chosen))
        })
    }

    /// Takes an action of the panel or of the text.
    pub fn act(&mut self, action: Action, looks: &Looks) -> Taken {
        match action {
            Action::Filter => {
                self.typing = true;
                Taken::Moved
            }
            Action::Facets => {
                self.open = !self.open;
                self.cursor.follow(&self.rows(looks));
                Taken::Moved
            }
            Action::Back if self.open => {
                self.open = false;
                Taken::Moved
            }
            Action::Back if self.typing || self.is_narrowed() => {
                self.typing = false;
                self.clear();
                Taken::Changed
            }
            Action::Mark | Action::Open if self.open => {
                match self.cursor.key().cloned() {
                    Some(Row::Value(at, value)) => self.toggle(at, &value),
                    _ => self.clear(),
                }
                Taken::Changed
            }
            Action::HalfDown | Action::HalfUp if self.open => {
                self.next_facet(action == Action::HalfDown, looks);
                Taken::Moved
            }
            action if self.open => {
                let rows = self.rows(looks);
                match self.cursor.step(action, &rows, self.height.get()) {
                    true => Taken::Moved,
                    false => Taken::No,
                }
            }
            _ => Taken::No,
        }
    }

    fn next_facet(&mut self, forward: bool, looks: &Looks) {
        let facet = |row: &Row| match row {
            Row::Everything => None,
            Row::Value(at, _) => Some(*at),
        };
        let rows = self.rows(looks);
        let here = self.cursor.key().and_then(facet);
        let other = |row: &&Row| match (facet(row), here) {
            (there, here) if forward => there > here,
            (there, here) => there < here,
        };
        let found = if forward {
            rows.iter().find(other)
        } else {
            rows.iter().rev().find(other)
        };
        if let Some(row) = found.cloned() {
            self.cursor.set(row);
        }
    }

    /// Follows a link to a value: `["facets", "state", "faulted"]` takes it in or leaves it out. Says whether it was one.
    pub fn follow(&mut self, path: &[String]) -> bool {
        let Some(("facets", rest)) = path.split_first().map(|(head, rest)| (head.as_str(), rest)) else {
            return false;
        };
        self.open = true;
        let facet = rest
            .first()
            .and_then(|name| self.facets.iter().position(|facet| facet.name == name));
        match facet {
            Some(at) => {
                let value = rest[1..].join("/");
                self.toggle(at, &value);
                self.cursor.set(Row::Value(at, value));
            }
            None if rest.is_empty() => {}
            None => self.clear(),
        }
        true
    }

    fn toggle(&mut self, at: usize, value: &str) {
        let Some(facet) = self.facets.get(at) else { return };
        let chosen = self.chosen.entry(facet.name).or_default();
        if !chosen.remove(value) && chosen.len() < MAX_CHOSEN {
            chosen.insert(value.to_owned());
        }
        self.chosen.retain(|_, values| !values.is_empty());
    }

    /// Everything is shown again.
    pub fn clear(&mut self) {
        self.text.clear();
        self.chosen.clear();
    }

    /// Closes the panel and the field.
    pub const fn close(&mut self) {
        self.open = false;
        self.typing = false;
    }

    /// A key for the text; says whether other rows are shown now.
    pub fn key(&mut self, key: &KeyEvent) -> bool {
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => {
                self.text.clear();
                self.typing = false;
            }
            KeyCode::Enter | KeyCode::Tab => self.typing = false,
            KeyCode::Backspace => drop(self.text.pop()),
            KeyCode::Char('u') if held => self.text.clear(),
            KeyCode::Char(c) if !held => self.type_text(&c.to_string()),
            _ => return false,
        }
        true
    }

    /// Text for the filter.
    pub fn type_text(&mut self, text: &str) {
        let room = MAX_TEXT.saturating_sub(self.text.chars().count());
        self.text
            .extend(text.chars().filter(|c| !c.is_control()).take(room));
    }

    /// What is chosen, to be kept.
    #[must_use]
    pub fn keep(&self) -> Value {
        json!({ "text": self.text, "facets": self.chosen })
    }

    /// Takes up what was kept; what is no facet any more is left out.
    pub fn take_up(&mut self, kept: &Value) {
        self.clear();
        self.type_text(kept["text"].as_str().unwrap_or_default());
        for facet in self.facets {
            let values = kept["facets"][facet.name].as_array().into_iter().flatten();
            let values: BTreeSet<String> = values
                .filter_map(|value| value.as_str().map(str::to_owned))
                .take(MAX_CHOSEN)
                .collect();
            if !values.is_empty() {
                self.chosen.insert(facet.name, values);
            }
        }
    }
}
