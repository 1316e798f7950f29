//! A line the builder asks for: what to add, where to connect to, a new name. What is typed narrows what is offered.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::draft::Draft;
use super::surgery::{TEMPLATES, Where};

/// Longest line, characters.
const MAX: usize = 100;
/// The way to the next task of the list.
pub(super) const NEXT: &str = "(the next one)";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A kind of task.
    Add(Where),
    /// A task to go to.
    Link,
    /// A name.
    Rename,
}

/// What is asked, and what is typed so far.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) purpose: Purpose,
    pub(super) typed: String,
    pub(super) at: usize,
}

impl Question {
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            typed: String::new(),
            at: 0,
        }
    }

    /// What stands over the line.
    pub(super) fn head(&self, draft: &Draft) -> String {
        let on = draft.task().map_or("", |task| task.name.as_str());
        match self.purpose {
            Purpose::Add(Where::Behind) => format!("Add behind {on}: which kind?"),
            Purpose::Add(Where::Before) => format!("Add before {on}: which kind?"),
            Purpose::Link => format!("Behind {on} comes:"),
            Purpose::Rename => format!("New name of {on}:"),
        }
    }

    /// What is offered and fits what is typed: value and words.
    pub(super) fn options(&self, draft: &Draft) -> Vec<(String, String)> {
        let all: Vec<(String, String)> = match self.purpose {
            Purpose::Add(_) => TEMPLATES
                .iter()
                .map(|(name, doc, _)| ((*name).to_owned(), (*doc).to_owned()))
                .collect(),
            Purpose::Link => targets(draft),
            Purpose::Rename => Vec::new(),
        };
        let typed = self.typed.to_lowercase();
        let (begin, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(name, _)| name.to_lowercase().starts_with(&typed));
        let holds = rest
            .into_iter()
            .filter(|(name, _)| name.to_lowercase().contains(&typed));
        begin.into_iter().chain(holds).collect()
    }

    /// What Enter means now.
    pub(super) fn answer(&self, draft: &Draft) -> Option<String> {
        match self.purpose {
            Purpose::Rename => Some(self.typed.trim().to_owned()).filter(|name| !name.is_empty()),
            _ => self.options(draft).into_iter().nth(self.at).map(|(name, _)| name),
        }
    }

    /// Takes a key of the line, or one that chooses among `many`.
    pub(super) fn key(&mut self, key: &KeyEvent, many: usize) {
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.at = self.at.saturating_sub(1),
            KeyCode::Down => self.at = (self.at + 1).min(many.saturating_sub(1)),
            KeyCode::Backspace => {
                self.typed.pop();
                self.at = 0;
            }
            KeyCode::Char('u') if held => {
                self.typed.clear();
                self.at = 0;
            }
            KeyCode::Char(c) if !held => self.paste(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let room = MAX.saturating_sub(self.typed.chars().count());
        self.typed
            .extend(text.chars().filter(|c| !c.is_control()).take(room));
        self.at = 0;
    }
}

/// Where a task can go: the others of its list, and the ends.
fn targets(draft: &Draft) -> Vec<(String, String)> {
    let Some(on) = draft.task() else {
        return Vec::new();
    };
    let beside = draft
        .tasks()
        .iter()
        .filter(|task| task.list == on.list && task.pointer != on.pointer);
    let mut out: Vec<(String, String)> = beside
        .map(|task| {
            let back = if task.at < on.at { ", goes back" } else { "" };
            (task.name.clone(), format!("{}{back}", task.kind))
        })
        .collect();
    let ends = [
        (NEXT, "what stands below"),
        ("end", "the end of the workflow"),
        ("exit", "the end of this list"),
    ];
    out.extend(ends.map(|(name, doc)| (name.to_owned(), doc.to_owned())));
    out
}
