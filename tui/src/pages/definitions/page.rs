//! The page itself: where one is, and which action does what there.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::again::Doubt;
use super::asked::{self, Subject, Version};
use super::builder::{Builder, Open};
use super::drafts::{Drafts, MAX_DRAFTS};
use super::keys::{BUILD_KEYS, FORM_KEYS, TEXT_KEYS, TRIAL_KEYS};
use super::narrowed;
use super::side::Side;
use super::tried::Tried;
use super::what::What;
use crate::keymap::{Action, Bind, FieldKey};
use crate::model::{Cmd, Note};
use crate::nav::Place;
use crate::pages::narrow::{Narrow, PANEL_KEYS};
use crate::pages::{Ctx, Field, Input, Meta, Page, Speech, speech};
use crate::widgets::Cursor;

/// How deep one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Depth {
    /// All of them.
    #[default]
    List,
    /// The versions of one.
    Versions,
    /// What stands beside them.
    Beside,
}

impl Depth {
    const fn beside(self, forward: bool) -> Self {
        match (self, forward) {
            (Self::List, true) | (Self::Beside, false) => Self::Versions,
            (Self::Versions, true) | (Self::List, false) => Self::Beside,
            (Self::Beside, true) | (Self::Versions, false) => Self::List,
        }
    }
}

/// Definitions of one kind.
#[derive(Debug)]
pub struct Definitions {
    pub(super) what: &'static What,
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
    pub(super) builder: Option<Builder>,
    /// An agent that was tried out, and where its answers are.
    pub(super) tried: Option<Tried>,
    /// Texts that are not published, by the definition's name: the text, and what it began from.
    pub(super) drafts: Drafts,
    /// A link into the builder that waits for the text it is of.
    pub(super) wanted: bool,
    /// What is asked about: going back to a version, or a look back.
    pub(super) doubt: Option<Doubt>,
    /// What is typed as the input of a run.
    pub(super) launch: Option<String>,
    /// What leaves some of the list out.
    pub(super) narrow: Narrow,
    /// The run whose events are read to show who works.
    pub(super) followed: Option<RunId>,
    /// A run was asked for: the newest one there was before it.
    pub(super) launched: Option<Option<Place>>,
}

impl Definitions {
    /// A page of these.
    #[must_use]
    pub fn of(what: &'static What) -> Self {
        Self {
            what,
            cursor: Cursor::default(),
            depth: Depth::default(),
            at: Cursor::default(),
            marked: BTreeSet::new(),
            side: what.sides.first().copied().unwrap_or_default(),
            narrow: narrowed::all(what),
            followed: None,
            scroll: 0,
            extent: Cell::default(),
            height: Cell::default(),
            builder: None,
            tried: None,
            drafts: Drafts::new(),
            wanted: false,
            doubt: None,
            launch: None,
            launched: None,
        }
    }

    pub(super) fn names(&self, ctx: &Ctx<'_>) -> Vec<String> {
        self.shown(ctx)
            .into_iter()
            .map(|named| named.name.clone())
            .collect()
    }

    /// The names of all of them, whatever is left out.
    pub(super) fn all_names(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let all = ctx.model.of_kind(self.what.kind);
        all.into_iter().map(|named| named.name.clone()).collect()
    }

    pub(super) fn is_known(&self, name: &str, ctx: &Ctx<'_>) -> bool {
        let all = ctx.model.of_kind(self.what.kind);
        all.into_iter().any(|named| named.name == name)
    }

    /// The one under the cursor.
    pub(super) fn subject(&self, ctx: &Ctx<'_>) -> Option<Subject> {
        Subject::named(self.what.kind, self.cursor.key()?, ctx)
    }

    pub(super) fn versions(&self, ctx: &Ctx<'_>) -> Option<Vec<Version>> {
        asked::versions_of(&self.subject(ctx)?, &ctx.model.looks)
    }

    pub(super) fn follow(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        // Before the daemon has said which there are, the one that a link names stays chosen.
        if ctx.model.loaded && self.cursor.follow(&self.held_names(ctx)) {
            cmds.extend(self.unasked());
            self.elsewhere();
        }
        if let Some(versions) = self.versions(ctx) {
            let numbers: Vec<u64> = versions.iter().map(|version| version.number).collect();
            self.at.follow(&numbers);
            self.marked.retain(|number| numbers.contains(number));
        }
        cmds.extend(asked::wants(self.subject(ctx).as_ref(), ctx));
        cmds.extend(self.wants_compiled(ctx));
        cmds.extend(self.wants_who(ctx));
        cmds.extend(self.wants_routes(ctx));
        cmds.extend(self.narrow.wants(ctx));
        cmds.extend(self.wants_tried(ctx));
        cmds.extend(self.go_to_launched(ctx));
        if self.wanted {
            cmds.extend(self.build(ctx));
        }
        if let Some(builder) = &mut self.builder {
            cmds.extend(builder.take_trial(ctx));
            cmds.extend(builder.draft.wants(ctx));
            cmds.extend(builder.wants_routes(ctx));
            cmds.extend(builder.offer(ctx));
            cmds.extend(builder.trial_wants(ctx));
        }
        cmds
    }

    /// Another one is looked at: what was asked about the one before is asked no more.
    fn elsewhere(&mut self) {
        (self.doubt, self.launch, self.launched, self.wanted) = (None, None, None, false);
        self.marked.clear();
        self.at = Cursor::default();
        self.scroll = 0;
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let subject = self.subject(ctx);
        if self.builder.is_some() {
            return self.act_in_builder(action, ctx);
        }
        if self.doubt.is_some() {
            return self.confirm(action, ctx);
        }
        if let Some(cmds) = self.act_on_narrow(action, ctx) {
            return cmds;
        }
        match action {
            Action::Again => return self.ask_rollback(ctx),
            Action::Start => self.launch = Some(String::new()),
            Action::Try if self.what.sides.contains(&Side::Routes) => {
                (self.side, self.scroll) = (Side::Routes, 0);
            }
            Action::Try => return self.ask_trial(ctx),
            Action::History if self.what.kind == Kind::Agent => self.doubt = Some(Doubt::LookBack),
            Action::History => return self.newest_run(ctx).map(Cmd::Go).into_iter().collect(),
            Action::Ask => {
                return subject
                    .map(|of| Cmd::Go(Place::new_talk(of.name)))
                    .into_iter()
                    .collect();
            }
            Action::Edit => {
                self.wanted = true;
                return self.follow(ctx);
            }
            Action::Create => return self.create(ctx),
            Action::Open if self.depth == Depth::List => {
                return subject
                    .map(|of| Cmd::Go(Place::object(self.what.meta.id, of.name)))
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
            Action::NextPane | Action::PrevPane => self.depth = self.depth.beside(action == Action::NextPane),
            Action::Mark => self.mark(ctx),
            Action::Diff => {
                self.side = Side::Diff;
                self.scroll = 0;
            }
            Action::NextTab | Action::PrevTab => {
                self.side = self.side.beside(self.what.sides, action == Action::NextTab);
                self.scroll = 0;
            }
            Action::Copy | Action::CopyLink => return self.copied(action, ctx).into_iter().collect(),
            action => self.step(action, ctx),
        }
        self.follow(ctx)
    }

    fn copied(&self, action: Action, ctx: &Ctx<'_>) -> Option<Cmd> {
        if action == Action::CopyLink {
            let place = Place::object(self.what.meta.id, self.subject(ctx)?.name);
            return Some(Cmd::Copy(place.to_string()));
        }
        let versions = self.versions(ctx)?;
        Some(Cmd::Copy(self.version(&versions)?.source.clone()))
    }

    fn step(&mut self, action: Action, ctx: &Ctx<'_>) {
        match self.depth {
            Depth::List => {
                if self.cursor.step(action, &self.names(ctx), self.height.get()) {
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

impl Page for Definitions {
    fn meta(&self) -> &'static Meta {
        self.what.meta
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match input {
            Input::Action(action) => self.act(action, ctx),
            Input::Data | Input::Tick => self.follow(ctx),
            Input::Key(key) if self.narrow.typing() => {
                self.narrow.key(key);
                self.follow(ctx)
            }
            Input::Paste(text) | Input::Text(text) if self.narrow.typing() => {
                self.narrow.type_text(text);
                self.follow(ctx)
            }
            Input::Key(key) if self.launch.is_some() => self.launch_key(key, ctx),
            Input::Key(key) => {
                let builder = self.builder.as_mut();
                let mut cmds = builder.map_or_else(Vec::new, |builder| builder.key(key, ctx));
                cmds.extend(self.send_trial(ctx));
                cmds.extend(self.follow(ctx));
                cmds
            }
            Input::Paste(text) | Input::Text(text) if self.launch.is_some() => {
                self.launch_paste(text);
                Vec::new()
            }
            Input::Paste(text) | Input::Text(text) => {
                if let Some(builder) = &mut self.builder {
                    builder.paste(text, matches!(input, Input::Text(_)), ctx.time.mono);
                }
                self.follow(ctx)
            }
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        match &self.builder {
            Some(builder) => builder.draw(ctx, area, buf),
            None => self.draw(ctx, area, buf),
        }
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        match &self.builder {
            Some(builder) => builder.in_words(ctx),
            None => self.in_words(ctx),
        }
    }

    fn footer(&self) -> &'static [Bind] {
        match &self.builder {
            Some(Builder {
                open: Some(Open::Trial(_)),
                ..
            }) => TRIAL_KEYS,
            Some(builder) if builder.draft.is_form() => FORM_KEYS,
            Some(_) if self.what.canvas => BUILD_KEYS,
            Some(_) => TEXT_KEYS,
            None if self.narrow.is_open() => PANEL_KEYS,
            None => self.what.meta.bindings,
        }
    }

    fn wants_text(&self) -> bool {
        self.narrow.typing()
            || self.launch.is_some()
            || self.builder.as_ref().is_some_and(Builder::wants_text)
    }

    fn asks(&self) -> bool {
        let open = self.builder.as_ref().and_then(|builder| builder.open.as_ref());
        matches!(open, Some(Open::Publish | Open::Leave)) || self.doubt.is_some()
    }

    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        self.keys_of_field()
    }

    fn field(&self, ctx: &Ctx<'_>) -> Field {
        if self.narrow.typing() {
            return self.narrow_field();
        }
        if self.launch.is_some() {
            return Field::Line(self.launch_in_words(ctx));
        }
        let field = self.builder.as_ref().and_then(Builder::field);
        field.unwrap_or_else(|| speech::field(self.field_keys()))
    }

    fn field_text(&self) -> Option<String> {
        self.builder.as_ref().and_then(Builder::text)
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        let builder = self.builder.as_ref();
        let checking =
            builder.is_some_and(|builder| builder.draft.is_waiting(ctx) || builder.trying.is_some());
        checking || self.narrow.waits(ctx) || asked::reading(self.subject(ctx).as_ref(), ctx)
    }

    fn crumbs(&self, _ctx: &Ctx<'_>) -> Vec<String> {
        if let Some(builder) = &self.builder {
            return vec![builder.draft.name.clone(), "draft".to_owned()];
        }
        match (self.depth, self.cursor.key()) {
            (Depth::Versions | Depth::Beside, Some(name)) => vec![name.clone()],
            _ => self.narrow.crumb().into_iter().collect(),
        }
    }

    fn place(&self) -> Place {
        if let Some(builder) = &self.builder {
            return Place {
                page: self.what.meta.id.to_owned(),
                path: vec![builder.draft.name.clone(), "draft".to_owned()],
            };
        }
        match (self.depth, self.cursor.key()) {
            (Depth::Versions | Depth::Beside, Some(name)) => Place::object(self.what.meta.id, name),
            _ if self.narrow.is_open() => Place::object(self.what.meta.id, "facets"),
            _ => Place::page(self.what.meta.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        if let Some(why) = self.why_not_leave() {
            return vec![Cmd::Note(Note::refused(why))];
        }
        self.close_builder(ctx);
        let Some(name) = path.first() else {
            self.depth = Depth::List;
            self.narrow.close();
            return self.follow(ctx);
        };
        if !self.is_known(name, ctx) && self.narrow.follow(path) {
            self.depth = Depth::List;
            return self.follow(ctx);
        }
        self.narrow.close();
        if ctx.model.loaded && !self.is_known(name, ctx) {
            return vec![Cmd::Note(Note::refused(format!(
                "there is no {} {name} here",
                self.what.word
            )))];
        }
        if self.cursor.key() != Some(name) {
            self.cursor.set(name.clone());
            self.elsewhere();
        }
        self.depth = Depth::Versions;
        self.wanted = path.get(1).is_some_and(|part| part == "draft");
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

    fn leave(&mut self) -> Vec<Cmd> {
        self.unfollow().into_iter().collect()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        self.refuses(action, ctx)
    }

    fn transcript(&self, ctx: &Ctx<'_>) -> Option<String> {
        let versions = self.versions(ctx)?;
        self.version(&versions).map(|version| version.source.clone())
    }

    fn keep(&self) -> Value {
        let mut drafts = self.drafts.clone();
        let open = self.builder.as_ref().map(|builder| &builder.draft);
        if let Some(draft) = open.filter(|draft| draft.is_changed()) {
            drafts.insert(draft.name.clone(), (draft.text().to_owned(), draft.base.clone()));
        }
        json!({ "selected": self.cursor.key(), "drafts": drafts, "narrow": self.narrow.keep() })
    }

    fn take_up(&mut self, kept: &Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        // Whoever came by a link is where it leads.
        let by_link = self.wanted || self.builder.is_some() || self.depth != Depth::List;
        if let Some(name) = kept["selected"].as_str().filter(|_| !by_link) {
            self.cursor.set(name.to_owned());
        }
        if let Ok(drafts) = serde_json::from_value::<Drafts>(kept["drafts"].clone()) {
            self.drafts.extend(drafts.into_iter().take(MAX_DRAFTS + 1));
        }
        self.narrow.take_up(&kept["narrow"]);
        self.follow(ctx)
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let draft = self.builder.as_ref().and_then(|builder| builder.draft.due(ctx));
        draft.into_iter().chain(self.narrow.due(ctx)).min()
    }
}
