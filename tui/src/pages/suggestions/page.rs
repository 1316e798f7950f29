//! The page itself: where one is, and which action does what there.

use std::cell::Cell;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::entity::{AgentSuggestion, Document, SuggestionStatus};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use serde_json::{Value, json};

use super::detail;
use crate::keymap::{Action, Bind, FieldKey};
use crate::model::cmd::Suggest;
use crate::model::{Cmd, LinkCmd, Note, suggested};
use crate::nav::Place;
use crate::pages::{Ctx, Field, Input, Meta, Page, Speech};
use crate::text::{clean, clean_line, fit_right, span};
use crate::theme::Role;
use crate::widgets::{Cursor, Line, Pane, Size, first_row};

/// Columns of the list.
const LIST: u16 = 44;

/// Its declaration.
pub const META: Meta = Meta {
    id: "suggestions",
    title: "Suggestions",
    space: 4,
    letter: 's',
    about: "what agents suggest of themselves: report, change as a diff, evidence; a draft, or declined",
    bindings: &[
        Bind::footer(Action::Open, "open; its run"),
        Bind::footer(Action::Edit, "take as a draft"),
        Bind::footer(Action::Stop, "decline…"),
        Bind::footer(Action::NextItem, "next run"),
        Bind::footer(Action::PrevItem, "run before"),
        Bind::new(Action::Approve, "yes, in the place of the draft"),
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

/// What agents suggest of themselves.
#[derive(Debug, Default)]
pub struct Suggestions {
    pub(super) cursor: Cursor<String>,
    /// One of them is looked at, not the list.
    pub(super) inside: bool,
    /// The run of its evidence that is chosen.
    pub(super) run: usize,
    pub(super) scroll: usize,
    pub(super) extent: Cell<(usize, usize)>,
    height: Cell<usize>,
    /// Why it is declined, as it is typed.
    pub(super) declining: Option<String>,
    /// Another draft of the agent stands: taking this one in its place is asked about.
    pub(super) replacing: bool,
    /// It was taken: its agent's editor is gone to as soon as the daemon says so.
    taken: Option<(String, String)>,
}

impl Suggestions {
    pub(super) fn all<'a>(ctx: &Ctx<'a>) -> &'a [Document] {
        suggested::all_of(&ctx.model.looks).unwrap_or_default()
    }

    pub(super) fn here<'a>(&self, ctx: &Ctx<'a>) -> Option<(&'a Document, AgentSuggestion)> {
        let id = self.cursor.key()?;
        let found = Self::all(ctx)
            .iter()
            .find(|one| one.metadata.id.to_string() == *id)?;
        Some((found, found.body().ok()?))
    }

    fn ids(ctx: &Ctx<'_>) -> Vec<String> {
        Self::all(ctx)
            .iter()
            .map(|one| one.metadata.id.to_string())
            .collect()
    }

    fn follow(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let (looks, now) = (&ctx.model.looks, ctx.time.mono);
        if suggested::all_of(looks).is_some() && self.cursor.follow(&Self::ids(ctx)) {
            self.elsewhere();
        }
        let mut cmds = Vec::new();
        if ctx.model.connection.is_live() {
            cmds.extend(suggested::want_all(looks, now));
            cmds.extend(
                self.here(ctx)
                    .into_iter()
                    .flat_map(|(document, body)| detail::wants(document, &body, ctx)),
            );
        }
        let taken = self.taken.clone();
        if let Some((agent, id)) = taken {
            cmds.extend(suggested::want_accepted(&agent, looks, now));
            let known = suggested::accepted_of(&agent, looks);
            if known.is_some_and(|(document, _)| document.metadata.id.to_string() == id) {
                self.taken = None;
                let path = vec![agent, "draft".to_owned()];
                let page = "agents".to_owned();
                cmds.push(Cmd::Go(Place { page, path }));
            }
        }
        cmds
    }

    fn elsewhere(&mut self) {
        (self.run, self.scroll) = (0, 0);
        (self.declining, self.replacing) = (None, false);
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if std::mem::take(&mut self.replacing) {
            return match action {
                Action::Approve => self.take(true, ctx),
                _ => vec![Cmd::Note(Note::info("the draft that is there stays"))],
            };
        }
        match action {
            Action::Open if self.inside => {
                let run = self
                    .here(ctx)
                    .and_then(|(_, body)| body.evidence.get(self.run).copied());
                return run.map(|run| Cmd::Go(Place::run(run))).into_iter().collect();
            }
            Action::Open | Action::NextPane | Action::PrevPane if !self.inside => self.inside = true,
            Action::Back | Action::NextPane | Action::PrevPane => self.inside = false,
            Action::NextItem => {
                let last = self
                    .here(ctx)
                    .map_or(0, |(_, body)| body.evidence.len().saturating_sub(1));
                self.run = (self.run + 1).min(last);
            }
            Action::PrevItem => self.run = self.run.saturating_sub(1),
            Action::Stop => self.declining = Some(String::new()),
            Action::Edit => return self.ask_to_take(ctx),
            Action::CopyLink => return vec![Cmd::Copy(self.place().to_string())],
            action if self.inside => self.step_inside(action),
            action => {
                if self.cursor.step(action, &Self::ids(ctx), self.height.get()) {
                    self.elsewhere();
                }
            }
        }
        self.follow(ctx)
    }

    fn step_inside(&mut self, action: Action) {
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
            Action::Bottom => last,
            _ => 0,
        }
        .min(last);
    }

    /// Takes it at once, unless another draft of the agent stands.
    fn ask_to_take(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some((document, body)) = self.here(ctx) else {
            return Vec::new();
        };
        // What is carried over drafts the newest version, whichever it was made of.
        let newest = detail::newest_digest(document, &body, ctx);
        let stands = |other: &&Document| {
            let other_body = other.body::<AgentSuggestion>().ok();
            other.metadata.id != document.metadata.id
                && other_body.is_some_and(|other| {
                    other.agent == body.agent
                        && other.status == SuggestionStatus::Accepted
                        && other.draft_of == newest
                })
        };
        if Self::all(ctx).iter().any(|other| stands(&other)) {
            self.replacing = true;
            return Vec::new();
        }
        self.take(false, ctx)
    }

    fn take(&mut self, replace: bool, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some((document, body)) = self.here(ctx) else {
            return Vec::new();
        };
        self.taken = Some((body.agent, document.metadata.id.to_string()));
        vec![Cmd::Link(LinkCmd::Suggest {
            suggestion: document.metadata.id,
            title: clean_line(&body.title).to_string(),
            how: Suggest::Accept { replace },
        })]
    }

    fn key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(typed) = &mut self.declining else {
            return Vec::new();
        };
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => self.declining = None,
            KeyCode::Enter => return self.decline(ctx),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Char('u') if held => typed.clear(),
            KeyCode::Char(c) if !held => self.paste(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str) {
        if let Some(typed) = &mut self.declining {
            let room = AgentSuggestion::MAX_REASON.saturating_sub(typed.chars().count());
            typed.extend(clean(text).chars().filter(|c| !c.is_control()).take(room));
        }
    }

    fn decline(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let reason = self.declining.clone().unwrap_or_default();
        if reason.trim().is_empty() {
            let words = "say why: the agent is told when it looks back again";
            return vec![Cmd::Note(Note::refused(words))];
        }
        self.declining = None;
        let Some((document, body)) = self.here(ctx) else {
            return Vec::new();
        };
        vec![Cmd::Link(LinkCmd::Suggest {
            suggestion: document.metadata.id,
            title: clean_line(&body.title).to_string(),
            how: Suggest::Decline { reason },
        })]
    }

    fn draw_list(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let all = Self::all(ctx);
        let foot = format!("{} open", ctx.keymap.first(Action::Open));
        let mut pane = Pane::new(format!("Suggestions ({})", all.len()))
            .focus(!self.inside)
            .foot(Role::Dim, foot);
        if !ctx.model.connection.is_live() && ctx.model.loaded {
            pane = pane.title(Role::Stale, "  last known");
        }
        let inner = pane.draw(area, ctx.theme, buf);
        if all.is_empty() {
            for (row, text) in (1u16..).zip(detail::none(ctx)) {
                Line::new()
                    .add(Role::Dim, format!(" {text}"))
                    .draw_row(row, inner, ctx.theme, buf);
            }
            return;
        }
        self.height.set(usize::from(inner.height));
        let first = first_row(
            self.cursor.row(&Self::ids(ctx)),
            all.len(),
            usize::from(inner.height),
        );
        for (row, document) in (0u16..inner.height).zip(all.iter().skip(first)) {
            let Ok(body) = document.body::<AgentSuggestion>() else {
                continue;
            };
            let here = self.cursor.key() == Some(&document.metadata.id.to_string());
            let age = ctx.time.wall.as_second() - document.metadata.created_at.as_second();
            let role = match body.status {
                _ if here => Role::Selected,
                SuggestionStatus::Open => Role::Text,
                _ => Role::Dim,
            };
            let cells = usize::from(inner.width).saturating_sub(30);
            Line::new()
                .add(Role::Focus, if here { "▸" } else { " " })
                .add_fit(Role::Dim, body.status.word(), 10)
                .add_fit(role, clean_line(&body.agent), 12)
                .add(Role::Text, " ")
                .add_fit(role, clean_line(&body.title), cells)
                .add(Role::Dim, fit_right(&span::short(age), 6))
                .draw_row(row, inner, ctx.theme, buf);
        }
    }

    fn draw_detail(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let mut pane = Pane::new("Suggestion").focus(self.inside);
        if self.replacing {
            let key = |action| ctx.keymap.first(action);
            let (yes, no) = (key(Action::Approve), key(Action::Back));
            pane = pane.title(
                Role::Heading,
                format!("  a draft is there: in its place? {yes} yes  {no} no"),
            );
        }
        let inner = pane.draw(area, ctx.theme, buf);
        let lines = self.lines(usize::from(inner.width), ctx);
        let window = usize::from(inner.height);
        self.extent.set((lines.len(), window));
        let first = self.scroll.min(lines.len().saturating_sub(window));
        for (row, line) in (0u16..inner.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }
}

impl Page for Suggestions {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match input {
            Input::Action(action) => self.act(action, ctx),
            Input::Key(key) => {
                let mut cmds = self.key(key, ctx);
                cmds.extend(self.follow(ctx));
                cmds
            }
            Input::Paste(text) => {
                self.paste(text);
                Vec::new()
            }
            Input::Text(text) => {
                if self.declining.is_some() {
                    self.declining = Some(String::new());
                }
                self.paste(text);
                Vec::new()
            }
            Input::Data | Input::Tick => self.follow(ctx),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let mut area = area;
        if let Some(typed) = &self.declining {
            area.height = area.height.saturating_sub(1);
            let line = Line::new()
                .add(Role::Heading, " Decline it because ")
                .add(Role::Mine, clean_line(typed))
                .add(Role::Caret, " ");
            let below = Rect {
                height: area.height + 1,
                ..area
            };
            line.draw_row(area.height, below, ctx.theme, buf);
        }
        if Size::of(area).is_single() {
            if self.inside {
                self.draw_detail(ctx, area, buf);
            } else {
                self.draw_list(ctx, area, buf);
            }
            return;
        }
        let [list, right] = Layout::horizontal([Constraint::Length(LIST), Constraint::Fill(1)]).areas(area);
        self.draw_list(ctx, list, buf);
        self.draw_detail(ctx, right, buf);
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        self.in_words(ctx)
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        ctx.model.connection.is_live()
            && (suggested::all_of(&ctx.model.looks).is_none() || detail::reading(self.here(ctx), ctx))
    }

    fn asks(&self) -> bool {
        self.replacing
    }

    fn wants_text(&self) -> bool {
        self.declining.is_some()
    }

    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        &[(FieldKey::ENTER, "decline it"), (FieldKey::ESC, "back")]
    }

    fn field(&self, _ctx: &Ctx<'_>) -> Field {
        let ask = "Decline it because of what? The agent is told when it looks back again.";
        Field::Line(vec![ask.to_owned(), "An empty line goes back.".to_owned()])
    }

    fn crumbs(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let here = self.here(ctx).filter(|_| self.inside);
        here.map(|(document, _)| document.metadata.id.short())
            .into_iter()
            .collect()
    }

    fn place(&self) -> Place {
        match self.cursor.key().filter(|_| self.inside) {
            Some(id) => Place::object(META.id, id),
            None => Place::page(META.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.inside = !path.is_empty();
        if let Some(id) = path.first() {
            // What is typed may be the short end of an id.
            let ids = Self::ids(ctx);
            let full = ids.iter().find(|full| full.ends_with(id.as_str())).unwrap_or(id);
            self.cursor.set(full.clone());
            self.elsewhere();
        }
        self.follow(ctx)
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.follow(ctx)
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let here = self.here(ctx);
        let status = here.as_ref().map(|(_, body)| body.status);
        match action {
            Action::Approve if self.replacing => None,
            Action::Approve => Some(format!("{} takes it as a draft", ctx.keymap.first(Action::Edit))),
            Action::Open | Action::Edit | Action::Stop | Action::CopyLink if here.is_none() => {
                Some("there is no suggestion".to_owned())
            }
            Action::NextItem | Action::PrevItem if !self.inside => Some("open one first".to_owned()),
            Action::Edit | Action::Stop if !ctx.model.connection.is_live() => {
                Some("not connected".to_owned())
            }
            Action::Edit | Action::Stop if status != Some(SuggestionStatus::Open) => Some(format!(
                "it is {} already",
                status.map_or("", SuggestionStatus::word)
            )),
            Action::Edit => detail::stale(here, ctx),
            _ => None,
        }
    }

    fn keep(&self) -> Value {
        json!({ "selected": self.cursor.key(), "declining": self.declining })
    }

    fn take_up(&mut self, kept: &Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if let Some(id) = kept["selected"].as_str().filter(|_| !self.inside) {
            self.cursor.set(id.to_owned());
        }
        self.follow(ctx)
    }

    fn next_change(&self, _ctx: &Ctx<'_>) -> Option<Duration> {
        self.taken.is_some().then_some(Duration::from_millis(200))
    }
}
