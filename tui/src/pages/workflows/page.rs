//! The page itself: where one is, and which action does what there.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use dirigent_protocol::entity::Kind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::asked::{self, Subject, Version};
use super::side::Side;
use crate::keymap::{Action, Bind};
use crate::model::{Cmd, Note};
use crate::nav::Place;
use crate::pages::{Ctx, Input, Meta, Page, Speech};
use crate::widgets::Cursor;

/// Its declaration.
pub const META: Meta = Meta {
    id: "workflows",
    title: "Workflows",
    space: 2,
    letter: 'w',
    about: "every workflow: versions, differences, who uses it",
    bindings: &[
        Bind::footer(Action::Open, "open"),
        Bind::footer(Action::Mark, "mark a version"),
        Bind::footer(Action::Diff, "difference"),
        Bind::footer(Action::NextTab, "next side"),
        Bind::new(Action::PrevTab, "previous side"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::CopyLink, "copy the link"),
        Bind::new(Action::Up, "up"),
        Bind::new(Action::Down, "down"),
        Bind::new(Action::Top, "first"),
        Bind::new(Action::Bottom, "last"),
        Bind::new(Action::HalfUp, "half a page up"),
        Bind::new(Action::HalfDown, "half a page down"),
        Bind::new(Action::PageUp, "page up"),
        Bind::new(Action::PageDown, "page down"),
    ],
};

/// How deep one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Depth {
    /// All workflows.
    #[default]
    List,
    /// The versions of one.
    Versions,
    /// What stands beside them.
    Beside,
}

/// Workflows.
#[derive(Debug, Default)]
pub struct Workflows {
    pub(super) cursor: Cursor<String>,
    pub(super) depth: Depth,
    pub(super) at: Cursor<u64>,
    /// Versions that are compared, at most two.
    pub(super) marked: BTreeSet<u64>,
    pub(super) side: Side,
    pub(super) scroll: usize,
    /// Rows of the text and of its window when it was last painted.
    pub(super) extent: Cell<(usize, usize)>,
    pub(super) height: Cell<usize>,
}

impl Workflows {
    pub(super) fn names(ctx: &Ctx<'_>) -> Vec<String> {
        let all = ctx.model.of_kind(Kind::Workflow);
        all.into_iter().map(|named| named.name.clone()).collect()
    }

    /// The workflow under the cursor.
    pub(super) fn subject(&self, ctx: &Ctx<'_>) -> Option<Subject> {
        let name = self.cursor.key()?;
        let all = ctx.model.of_kind(Kind::Workflow);
        let found = all.into_iter().find(|named| named.name == *name)?;
        Some(Subject {
            id: found.id,
            name: found.name.clone(),
        })
    }

    pub(super) fn versions(&self, ctx: &Ctx<'_>) -> Option<Vec<Version>> {
        asked::versions_of(&self.subject(ctx)?, &ctx.model.looks)
    }

    /// The version under the cursor, or the newest.
    pub(super) fn version<'a>(&self, versions: &'a [Version]) -> Option<&'a Version> {
        let here = self.at.key();
        let found = versions.iter().find(|version| Some(&version.number) == here);
        found.or_else(|| versions.first())
    }

    /// The two versions that are compared, the older one first: the marked ones, or the one under the cursor with the
    /// marked one, or with the one before it.
    pub(super) fn pair<'a>(&self, versions: &'a [Version]) -> Option<(&'a Version, &'a Version)> {
        let of = |number: u64| versions.iter().find(|version| version.number == number);
        let mut marked = self.marked.iter().filter_map(|number| of(*number));
        if let (Some(old), Some(new)) = (marked.next(), marked.next()) {
            return Some((old, new));
        }
        let here = self.version(versions)?;
        let marked = self.marked.iter().find_map(|number| of(*number));
        match marked.filter(|marked| marked.number != here.number) {
            Some(other) if other.number < here.number => Some((other, here)),
            Some(other) => Some((here, other)),
            None => {
                let before = versions.iter().filter(|version| version.number < here.number);
                Some((before.max_by_key(|version| version.number)?, here))
            }
        }
    }

    fn follow(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let names = Self::names(ctx);
        if self.cursor.follow(&names) {
            self.elsewhere();
        }
        if let Some(versions) = self.versions(ctx) {
            let numbers: Vec<u64> = versions.iter().map(|version| version.number).collect();
            self.at.follow(&numbers);
            self.marked.retain(|number| numbers.contains(number));
        }
        asked::wants(self.subject(ctx).as_ref(), ctx)
    }

    /// Another workflow is looked at.
    fn elsewhere(&mut self) {
        self.marked.clear();
        self.at = Cursor::default();
        self.scroll = 0;
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let subject = self.subject(ctx);
        match action {
            Action::Open if self.depth == Depth::List => {
                return subject
                    .map(|of| Cmd::Go(Place::object(META.id, of.name)))
                    .into_iter()
                    .collect();
            }
            Action::Open => self.depth = Depth::Beside,
            Action::Back => {
                self.depth = match self.depth {
                    Depth::Beside => Depth::Versions,
                    Depth::Versions | Depth::List => Depth::List,
                };
            }
            Action::NextPane | Action::PrevPane => {
                self.depth = match (self.depth, action) {
                    (Depth::List, Action::NextPane) | (Depth::Beside, Action::PrevPane) => Depth::Versions,
                    (Depth::Versions, Action::NextPane) | (Depth::List, _) => Depth::Beside,
                    _ => Depth::List,
                };
            }
            Action::Mark => self.mark(ctx),
            Action::Diff => {
                self.side = Side::Diff;
                self.scroll = 0;
            }
            Action::NextTab | Action::PrevTab => {
                self.side = self.side.beside(action == Action::NextTab);
                self.scroll = 0;
            }
            Action::Copy => {
                let versions = self.versions(ctx).unwrap_or_default();
                let text = self
                    .version(&versions)
                    .map(|version| Cmd::Copy(version.source.clone()));
                return text.into_iter().collect();
            }
            Action::CopyLink => {
                let link = subject.map(|of| Cmd::Copy(Place::object(META.id, of.name).to_string()));
                return link.into_iter().collect();
            }
            action => self.step(action, ctx),
        }
        self.follow(ctx)
    }

    fn mark(&mut self, ctx: &Ctx<'_>) {
        let versions = self.versions(ctx).unwrap_or_default();
        let Some(number) = self.version(&versions).map(|version| version.number) else {
            return;
        };
        if !self.marked.remove(&number) {
            if self.marked.len() == 2 {
                self.marked.pop_first();
            }
            self.marked.insert(number);
        }
        self.scroll = 0;
    }

    fn step(&mut self, action: Action, ctx: &Ctx<'_>) {
        match self.depth {
            Depth::List => {
                if self.cursor.step(action, &Self::names(ctx), self.height.get()) {
                    self.elsewhere();
                }
            }
            Depth::Versions => {
                let versions = self.versions(ctx).unwrap_or_default();
                let numbers: Vec<u64> = versions.iter().map(|version| version.number).collect();
                if self.at.step(action, &numbers, self.height.get()) {
                    self.scroll = 0;
                }
            }
            Depth::Beside => {
                let (lines, window) = self.extent.get();
                let last = lines.saturating_sub(window);
                let now = self.scroll.min(last);
                self.scroll = match action {
                    Action::Up => now.saturating_sub(1),
                    Action::Down => now + 1,
                    Action::HalfUp => now.saturating_sub(window / 2),
                    Action::HalfDown => now + window / 2,
                    Action::PageUp => now.saturating_sub(window),
                    Action::PageDown => now + window,
                    Action::Top => 0,
                    _ => last,
                }
                .min(last);
            }
        }
    }
}

impl Page for Workflows {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match input {
            Input::Action(action) => self.act(action, ctx),
            Input::Data | Input::Tick => self.follow(ctx),
            Input::Key(_) | Input::Paste(_) | Input::Text(_) => Vec::new(),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(ctx, area, buf);
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        self.in_words(ctx)
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        asked::reading(self.subject(ctx).as_ref(), ctx)
    }

    fn crumbs(&self, _ctx: &Ctx<'_>) -> Vec<String> {
        match (self.depth, self.cursor.key()) {
            (Depth::Versions | Depth::Beside, Some(name)) => vec![name.clone()],
            _ => Vec::new(),
        }
    }

    fn place(&self) -> Place {
        match (self.depth, self.cursor.key()) {
            (Depth::Versions | Depth::Beside, Some(name)) => Place::object(META.id, name),
            _ => Place::page(META.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(name) = path.first() else {
            self.depth = Depth::List;
            return self.follow(ctx);
        };
        if ctx.model.loaded && !Self::names(ctx).contains(name) {
            return vec![Cmd::Note(Note::refused(format!(
                "there is no workflow {name} here"
            )))];
        }
        if self.cursor.key() != Some(name) {
            self.cursor.set(name.clone());
            self.elsewhere();
        }
        self.depth = Depth::Versions;
        let number = path
            .get(1)
            .and_then(|number| number.trim_start_matches('v').parse().ok());
        if let Some(number) = number {
            self.at.set(number);
            self.depth = Depth::Beside;
        }
        self.follow(ctx)
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.follow(ctx)
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Open | Action::CopyLink if self.cursor.key().is_none() => {
                Some("there is no workflow".to_owned())
            }
            Action::Copy | Action::Mark | Action::Diff
                if self.versions(ctx).is_none_or(|versions| versions.is_empty()) =>
            {
                Some("no version of it is known here".to_owned())
            }
            Action::Mark if self.depth == Depth::List => Some("open the workflow first".to_owned()),
            _ => None,
        }
    }

    fn transcript(&self, ctx: &Ctx<'_>) -> Option<String> {
        let versions = self.versions(ctx)?;
        self.version(&versions).map(|version| version.source.clone())
    }

    fn keep(&self) -> Value {
        json!({ "selected": self.cursor.key() })
    }

    fn take_up(&mut self, kept: &Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if let Some(name) = kept["selected"].as_str() {
            self.cursor.set(name.to_owned());
        }
        self.follow(ctx)
    }

    fn next_change(&self, _ctx: &Ctx<'_>) -> Option<Duration> {
        None
    }
}
