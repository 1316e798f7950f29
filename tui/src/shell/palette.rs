//! The palette: pages, objects and actions by a few letters of their names, each with its key and, where it
//! cannot be done, with the reason.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo::pattern::{CaseMatching, Normalization, Pattern};
use nucleo::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Command;
use crate::nav::Place;
use crate::text::sanitize::is_hidden;
use crate::text::{clean_line, fit, fit_right};
use crate::theme::{Role, Theme};
use crate::widgets::{Line, Pane, clear, first_row};

/// Longest text one can type here, characters.
const MAX_QUERY: usize = 200;

/// What an item does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    Command(Command),
    Place(Place),
}

/// One line of the palette.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// `page`, `run`, `approval`, `action`.
    pub(crate) kind: &'static str,
    pub(crate) label: String,
    pub(crate) key: String,
    /// Why it cannot be done.
    pub(crate) why: Option<String>,
    pub(crate) target: Target,
}

/// What a key did.
pub(super) enum Outcome {
    Stay,
    Close,
    Refused(String),
    Do(Command),
    Go(Place),
}

/// Places of the items a few letters mean, best first.
pub(super) fn hits(items: &[Item], query: &str) -> Vec<usize> {
    let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut chars = Vec::new();
    let mut scored: Vec<(u32, usize)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let text = format!("{} {}", item.kind, item.label);
        if let Some(score) = pattern.score(Utf32Str::new(&text, &mut chars), &mut matcher) {
            scored.push((score, at));
        }
    }
    scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    scored.into_iter().map(|(_, at)| at).collect()
}

/// The palette over the page.
#[derive(Debug)]
pub(super) struct Palette {
    items: Vec<Item>,
    query: String,
    /// Indexes into `items`, best first.
    hits: Vec<usize>,
    at: usize,
}

impl Palette {
    pub(super) fn new(items: Vec<Item>) -> Self {
        let hits = (0..items.len()).collect();
        Self {
            items,
            query: String::new(),
            hits,
            at: 0,
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.query.extend(clean_line(text).chars().take(MAX_QUERY));
        self.search();
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            KeyCode::Enter => return self.choose(),
            KeyCode::Up => self.at = self.at.saturating_sub(1),
            KeyCode::Down => self.at = (self.at + 1).min(self.hits.len().saturating_sub(1)),
            KeyCode::Char('p') if ctrl => self.at = self.at.saturating_sub(1),
            KeyCode::Char('n') if ctrl => self.at = (self.at + 1).min(self.hits.len().saturating_sub(1)),
            KeyCode::Char('u') if ctrl => {
                self.query.clear();
                self.search();
            }
            KeyCode::Backspace => {
                if self.query.pop().is_none() {
                    return Outcome::Close;
                }
                self.search();
            }
            KeyCode::Char(c) if !ctrl && !is_hidden(c) && self.query.chars().count() < MAX_QUERY => {
                self.query.push(c);
                self.search();
            }
            _ => {}
        }
        Outcome::Stay
    }

    fn choose(&self) -> Outcome {
        let Some(item) = self.hits.get(self.at).and_then(|at| self.items.get(*at)) else {
            return Outcome::Stay;
        };
        match (&item.why, &item.target) {
            (Some(why), _) => Outcome::Refused(format!("{}: {why}", item.label)),
            (None, Target::Command(command)) => Outcome::Do(*command),
            (None, Target::Place(place)) => Outcome::Go(place.clone()),
        }
    }

    fn search(&mut self) {
        self.at = 0;
        self.hits = hits(&self.items, &self.query);
    }

    pub(super) fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let width = area.width.min(84);
        let height = area.height.min(22);
        let room = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y,
            width,
            height,
        };
        clear(room, buf);
        let foot = format!("{} of {}", self.hits.len(), self.items.len());
        let inner = Pane::new("Command")
            .focus(true)
            .foot(Role::Dim, foot)
            .draw(room, theme, buf);
        Line::new()
            .add(Role::Key, "› ")
            .add(Role::Text, &self.query)
            .add(Role::Caret, " ")
            .draw_row(0, inner, theme, buf);
        let list = Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        };
        let first = first_row(self.at, self.hits.len(), usize::from(list.height));
        for (row, (at, hit)) in (0u16..list.height).zip(self.hits.iter().enumerate().skip(first)) {
            let Some(item) = self.items.get(*hit) else {
                continue;
            };
            self.line(item, at == self.at, usize::from(list.width))
                .draw_row(row, list, theme, buf);
        }
    }

    fn line(&self, item: &Item, here: bool, width: usize) -> Line {
        let name = if here { Role::Selected } else { Role::Text };
        let mut line = Line::new().add(Role::Focus, if here { ">" } else { " " });
        line.push(Role::Dim, fit(item.kind, 9));
        let room = width.saturating_sub(10);
        match &item.why {
            Some(why) => {
                let label = fit(&clean_line(&item.label), room / 2);
                line.push(if here { Role::Selected } else { Role::Dim }, label);
                line.push(Role::Dim, format!(" {why}"));
            }
            None => {
                let key = room.min(12);
                line.push(name, fit(&clean_line(&item.label), room - key));
                line.push(Role::Key, fit_right(&item.key, key));
            }
        }
        line
    }
}
