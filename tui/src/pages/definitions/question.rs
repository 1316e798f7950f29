//! A line the builder asks for: what to add, where to connect to, a new name. What is typed narrows what is offered.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::draft::Draft;
use super::field::{Ask, Field};
use super::form_orchestration::capability;
use super::items::Items;
use super::outline::Target;
use super::surgery::{TEMPLATES, Where};
use crate::templates;

/// Longest line, characters.
const MAX: usize = 100;
/// Longest line that is the answer itself: an input in JSON.
const MAX_FREE: usize = 4_000;
/// What comes behind a switch of which no case fits.
pub(super) const NO_CASE: &str = "(no case)";
/// A new workflow of one task.
pub(super) const EMPTY: &str = "empty";
/// The way to the next task of the list.
pub(super) const NEXT: &str = "(the next one)";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// A kind of task.
    Add(Where),
    /// A case of a switch to connect, or the switch itself.
    Case,
    /// Where that case leads.
    LinkCase(usize),
    /// A task to go to.
    Link,
    /// A name.
    Rename,
    /// The input of a dry run.
    Try,
    /// The input of a trial.
    Trial,
    /// What a new workflow begins with.
    Begin,
    /// The value of a row of a form.
    Row(&'static Field),
    /// What joins a list of a form.
    Join(Where, &'static dyn Items),
}

impl Purpose {
    /// What is typed is the answer itself, not the beginning of one that is offered.
    pub(super) const fn is_free(self) -> bool {
        match self {
            Self::Rename | Self::Try | Self::Trial => true,
            Self::Row(field) => matches!(field.ask, Ask::Words | Ask::Number | Ask::Names | Ask::Value),
            _ => false,
        }
    }
}

/// What is asked, and what is typed so far.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) purpose: Purpose,
    pub(super) typed: String,
    pub(super) at: usize,
    /// What is offered where the draft does not say: value and words.
    pub(super) offered: Vec<(String, String)>,
    /// What stands there now: it is offered first, so that nothing is changed by looking.
    pub(super) now: Option<String>,
}

impl Question {
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            typed: String::new(),
            at: 0,
            offered: Vec::new(),
            now: None,
        }
    }

    /// What stands over the line.
    pub(super) fn head(&self, draft: &Draft) -> String {
        let on = draft.task().map_or("", |task| task.name.as_str());
        match self.purpose {
            Purpose::Add(Where::Behind) => format!("Add behind {on}: which kind?"),
            Purpose::Add(Where::Before) => format!("Add before {on}: which kind?"),
            Purpose::Link => format!("Behind {on} comes:"),
            Purpose::Case => format!("Which case of {on}?"),
            Purpose::LinkCase(case) => {
                let case = draft.task().and_then(|task| task.cases.get(case));
                format!("{} of {on} leads to:", case.map_or("", |(name, _)| name.as_str()))
            }
            Purpose::Rename => format!("New name of {on}:"),
            Purpose::Try => "Simulate with which input? JSON; empty: the document's own sample".to_owned(),
            Purpose::Trial => format!(
                "Try {} with which input? JSON; tools only read, nothing is published",
                draft.name
            ),
            Purpose::Begin => "Begin a new workflow with:".to_owned(),
            Purpose::Row(field) => format!("{}: {}", field.name, field.about),
            Purpose::Join(_, items) => items.asks().to_owned(),
        }
    }

    /// What is offered and fits what is typed: value and words.
    pub(super) fn options(&self, draft: &Draft) -> Vec<(String, String)> {
        let all: Vec<(String, String)> = match self.purpose {
            Purpose::Add(_) => TEMPLATES
                .iter()
                .map(|(name, doc, _)| ((*name).to_owned(), (*doc).to_owned()))
                .collect(),
            Purpose::Link | Purpose::LinkCase(_) => targets(draft),
            Purpose::Case => cases(draft),
            Purpose::Begin => begins(),
            Purpose::Rename | Purpose::Try | Purpose::Trial => Vec::new(),
            Purpose::Row(_) | Purpose::Join(..) => self.offered.clone(),
        };
        let all = self.now_first(all);
        let typed = self.typed.to_lowercase();
        let (begin, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(name, _)| name.to_lowercase().starts_with(&typed));
        let holds = rest
            .into_iter()
            .filter(|(name, _)| name.to_lowercase().contains(&typed));
        let mut all: Vec<(String, String)> = begin.into_iter().chain(holds).collect();
        let typed = self.typed.trim();
        match self.purpose {
            _ if typed.is_empty() => {}
            Purpose::Row(Field { ask: Ask::Who, .. }) => all.push(capability(typed)),
            Purpose::Join(_, items) => all.extend(items.typed(typed)),
            // Exactly what is typed comes first: one that is offered may only begin so.
            Purpose::Row(Field { ask: Ask::Model, .. }) => {
                all.retain(|(name, _)| name != typed);
                all.insert(0, (typed.to_owned(), "as typed".to_owned()));
            }
            _ => {}
        }
        all
    }

    /// What stands there now comes first while nothing is typed.
    fn now_first(&self, mut all: Vec<(String, String)>) -> Vec<(String, String)> {
        if let Some(now) = self.now.as_ref().filter(|_| self.typed.is_empty()) {
            let place = all.iter().position(|(name, _)| name == now);
            let here = place.map(|at| all.remove(at));
            all.insert(0, here.unwrap_or_else(|| (now.clone(), "as it is".to_owned())));
        }
        all
    }

    /// What Enter means now.
    pub(super) fn answer(&self, draft: &Draft) -> Option<String> {
        match self.purpose {
            Purpose::Rename => Some(self.typed.trim().to_owned()).filter(|name| !name.is_empty()),
            purpose if purpose.is_free() => Some(self.typed.trim().to_owned()),
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
        let most = if self.purpose.is_free() { MAX_FREE } else { MAX };
        let room = most.saturating_sub(self.typed.chars().count());
        self.typed
            .extend(text.chars().filter(|c| !c.is_control()).take(room));
        self.at = 0;
    }
}

/// What a new workflow can begin with: one task, or a template.
fn begins() -> Vec<(String, String)> {
    let empty = (EMPTY.to_owned(), "one task to begin with".to_owned());
    let all = templates::shapes();
    let templates = all
        .into_iter()
        .map(|shape| (shape.name.to_owned(), shape.summary));
    std::iter::once(empty).chain(templates).collect()
}

/// The cases of a switch with where they lead, and what comes where none fits.
fn cases(draft: &Draft) -> Vec<(String, String)> {
    let all = draft.task().map(|task| task.cases.as_slice()).unwrap_or_default();
    let lead = |to: &Option<Target>| {
        to.as_ref()
            .map_or_else(String::new, |(to, _)| format!("leads to {to}"))
    };
    let none = (NO_CASE.to_owned(), "where no case fits".to_owned());
    all.iter()
        .map(|(name, to)| (name.clone(), lead(to)))
        .chain([none])
        .collect()
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
