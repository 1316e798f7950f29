//! The page itself: the list, the choice of an agent, and the way into one conversation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::keys::{CHOOSE_KEYS, FILTER_KEYS, LIST_KEYS, META, TALK_KEYS, WRITE_KEYS};
use super::talk::Talk;
use crate::keymap::{Action, Bind, FieldKey};
use crate::model::talk::markdown;
use crate::model::{Cmd, Note};
use crate::nav::Place;
use crate::pages::narrow::{Narrow, PANEL_KEYS};
use crate::pages::{Ctx, Field, Input, Meta, Page, Speech};
use crate::widgets::Cursor;

/// Most texts that are kept.
const MAX_DRAFTS: usize = 20;
/// The part of a place where an agent is chosen.
const NEW: &str = "new";

/// Conversations: all, or one.
#[derive(Debug)]
pub struct Conversations {
    /// What leaves some of the list out.
    pub(super) narrow: Narrow,
    pub(super) cursor: Cursor<RunId>,
    pub(super) height: Cell<usize>,
    /// An agent is chosen for a new one.
    pub(super) choosing: Option<Cursor<String>>,
    pub(super) talk: Option<RefCell<Talk>>,
    /// What is typed and not said, by place.
    drafts: BTreeMap<String, String>,
    /// A link that came before the runs it may mean.
    wanted: Vec<String>,
}

impl Default for Conversations {
    fn default() -> Self {
        Self {
            narrow: super::list::all_of_them(),
            cursor: Cursor::default(),
            height: Cell::default(),
            choosing: None,
            talk: None,
            drafts: BTreeMap::new(),
            wanted: Vec::new(),
        }
    }
}

impl Conversations {
    /// The list has the keys.
    fn is_list(&self) -> bool {
        self.talk.is_none() && self.choosing.is_none()
    }

    /// Names of those one can talk with.
    pub(super) fn agents(ctx: &Ctx<'_>) -> Vec<String> {
        let all = ctx.model.of_kind(Kind::Agent);
        all.into_iter().map(|named| named.name.clone()).collect()
    }

    fn close(&mut self) -> Vec<Cmd> {
        self.choosing = None;
        let Some(talk) = self.talk.take() else {
            return Vec::new();
        };
        let mut talk = talk.into_inner();
        let (key, draft) = (talk.path().join("/"), talk.draft());
        if draft.is_empty() {
            self.drafts.remove(&key);
        } else if self.drafts.len() < MAX_DRAFTS || self.drafts.contains_key(&key) {
            self.drafts.insert(key, draft);
        }
        talk.unwatch()
    }

    fn draft(&self, path: &[String]) -> &str {
        self.drafts.get(&path.join("/")).map_or("", String::as_str)
    }

    fn follow(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if ctx.model.loaded && !self.wanted.is_empty() {
            let path = std::mem::take(&mut self.wanted);
            return self.open(&path, ctx);
        }
        let listed = self.listed_ids(ctx);
        self.cursor.follow(&listed);
        let wants = self.wants(&listed, ctx);
        if let Some(choosing) = &mut self.choosing {
            choosing.follow(&Self::agents(ctx));
        }
        let talk = self.talk.as_mut();
        let mut cmds = talk.map_or_else(Vec::new, |talk| talk.get_mut().data(ctx));
        cmds.extend(wants);
        cmds
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let go = |path: Vec<String>| {
            let page = META.id.to_owned();
            vec![Cmd::Go(Place { page, path })]
        };
        if action == Action::Create {
            return go(vec![NEW.to_owned()]);
        }
        if let Some(talk) = &mut self.talk {
            return match talk.get_mut().act(action, ctx) {
                Some(cmds) => cmds,
                None => go(Vec::new()),
            };
        }
        if let Some(choosing) = &mut self.choosing {
            return match (action, choosing.key()) {
                (Action::Back, _) => go(Vec::new()),
                (Action::Open, Some(agent)) => go(vec![NEW.to_owned(), agent.clone()]),
                _ => {
                    choosing.step(action, &Self::agents(ctx), self.height.get());
                    Vec::new()
                }
            };
        }
        let narrows = matches!(action, Action::Filter | Action::Facets | Action::Back);
        if narrows || self.narrow.is_open() {
            self.narrow.act(action, &ctx.model.looks);
            return Vec::new();
        }
        let Some(run) = self.cursor.key().copied() else {
            return Vec::new();
        };
        match action {
            Action::Open | Action::Edit => {
                let cmds = go(vec![run.to_string()]);
                return cmds;
            }
            Action::View => return vec![Cmd::Go(Place::run(run))],
            Action::CopyLink => return vec![Cmd::Copy(Place::object(META.id, run).to_string())],
            action => {
                let listed = self.listed_ids(ctx);
                self.cursor.step(action, &listed, self.height.get())
            }
        };
        Vec::new()
    }
}

impl Page for Conversations {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match (input, &mut self.talk) {
            (Input::Action(action), _) => {
                let mut cmds = self.act(action, ctx);
                cmds.extend(self.follow(ctx));
                cmds
            }
            (Input::Data | Input::Tick, _) => self.follow(ctx),
            (Input::Key(key), None) if self.narrow.typing() => {
                self.narrow.key(key);
                self.follow(ctx)
            }
            (Input::Paste(text) | Input::Text(text), None) if self.narrow.typing() => {
                self.narrow.type_text(text);
                self.follow(ctx)
            }
            (Input::Key(key), Some(talk)) => talk.get_mut().key(key, ctx),
            (Input::Paste(text), Some(talk)) => talk.get_mut().paste(text),
            (Input::Text(text), Some(talk)) => {
                let talk = talk.get_mut();
                talk.area = crate::widgets::writing("");
                talk.paste(text)
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(ctx, area, buf);
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        self.in_words(ctx)
    }

    fn spoken(&self, _end: bool, _ctx: &Ctx<'_>) {
        if let Some(talk) = &self.talk {
            talk.borrow_mut().transcript.news.clear();
        }
    }

    fn happened(&mut self, _ctx: &Ctx<'_>) -> Vec<String> {
        let talk = self.talk.as_mut();
        talk.map_or_else(Vec::new, |talk| {
            std::mem::take(&mut talk.get_mut().transcript.news)
        })
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        let early = !self.wanted.is_empty() && !ctx.model.loaded;
        let unread = |talk: &RefCell<Talk>| {
            let run = talk.borrow().run;
            run.is_some_and(|run| !ctx.model.journals.contains_key(&run)) && ctx.model.connection.is_live()
        };
        early || self.narrow.waits(ctx) || self.talk.as_ref().is_some_and(unread)
    }

    fn is_busy(&self, ctx: &Ctx<'_>) -> bool {
        let talk = self.talk.as_ref().map(RefCell::borrow);
        let busy = |talk: &Talk| talk.sending.is_some() || talk.transcript.is_answering();
        talk.is_some_and(|talk| busy(&talk) && talk.question(ctx).is_none())
    }

    fn asks(&self) -> bool {
        self.talk
            .as_ref()
            .is_some_and(|talk| talk.borrow().asked.is_some())
    }

    fn crumbs(&self, _ctx: &Ctx<'_>) -> Vec<String> {
        match (&self.talk, &self.choosing) {
            (Some(talk), _) => {
                let talk = talk.borrow();
                let id = talk.run.map_or_else(|| NEW.to_owned(), |run| run.short());
                vec![format!("{id} {}", talk.agent)]
            }
            (None, Some(_)) => vec![NEW.to_owned()],
            (None, None) => self.narrow.crumb().into_iter().collect(),
        }
    }

    fn place(&self) -> Place {
        let path = match (&self.talk, &self.choosing) {
            (Some(talk), _) => talk.borrow().path(),
            (None, Some(_)) => vec![NEW.to_owned()],
            (None, None) if self.narrow.is_open() => vec!["facets".to_owned()],
            (None, None) => Vec::new(),
        };
        Place {
            page: META.id.to_owned(),
            path,
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        if self
            .talk
            .as_ref()
            .is_some_and(|talk| talk.borrow().path() == path)
        {
            return self.follow(ctx);
        }
        let mut cmds = self.close();
        if self.narrow.follow(path) {
            cmds.extend(self.follow(ctx));
            return cmds;
        }
        self.narrow.close();
        match path {
            [] => {}
            [new] if new == NEW => self.choosing = Some(Cursor::default()),
            [new, agent, ..] if new == NEW => {
                let agents = Self::agents(ctx);
                if ctx.model.loaded && !agents.contains(agent) {
                    cmds.push(Cmd::Note(Note::refused(format!(
                        "there is no agent {agent} here"
                    ))));
                } else {
                    self.talk = Some(RefCell::new(Talk::with(agent, self.draft(path))));
                }
            }
            [text, ..] => match Self::find(text, ctx) {
                Some(run) => {
                    self.cursor.set(run);
                    let path = [run.to_string()];
                    self.talk = Some(RefCell::new(Talk::of(run, self.draft(&path))));
                }
                None if !ctx.model.loaded => self.wanted = path.to_vec(),
                None => cmds.push(Cmd::Note(Note::refused(format!("no conversation `{text}` here")))),
            },
        }
        cmds.extend(self.follow(ctx));
        cmds
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.follow(ctx)
    }

    fn leave(&mut self) -> Vec<Cmd> {
        let talk = self.talk.as_mut();
        talk.map_or_else(Vec::new, |talk| {
            let talk = talk.get_mut();
            talk.asked = None;
            talk.unwatch()
        })
    }

    fn footer(&self) -> &'static [Bind] {
        match (&self.talk, &self.choosing) {
            (Some(_), _) => TALK_KEYS,
            (None, Some(_)) => CHOOSE_KEYS,
            (None, None) if self.narrow.is_open() => PANEL_KEYS,
            (None, None) => LIST_KEYS,
        }
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        if let Some(talk) = &self.talk {
            return talk.borrow().why_not(action, ctx);
        }
        let agents = Self::agents(ctx).is_empty();
        let words = match action {
            Action::Create | Action::Open
                if agents && (self.choosing.is_some() || action == Action::Create) =>
            {
                "there is no agent to talk with: publish one first"
            }
            Action::Open | Action::Edit | Action::View | Action::CopyLink if self.choosing.is_none() => {
                return self
                    .cursor
                    .key()
                    .is_none()
                    .then(|| "there is no conversation".to_owned());
            }
            Action::Filter | Action::Facets | Action::Back if self.choosing.is_none() => return None,
            Action::Mark if self.narrow.is_open() => return None,
            Action::Create
            | Action::Open
            | Action::Up
            | Action::Down
            | Action::Top
            | Action::Bottom
            | Action::HalfUp
            | Action::HalfDown
            | Action::PageUp
            | Action::PageDown => return None,
            _ => "open a conversation first",
        };
        Some(words.to_owned())
    }

    fn wants_text(&self) -> bool {
        let narrows = self.is_list() && self.narrow.typing();
        narrows || self.talk.as_ref().is_some_and(|talk| talk.borrow().writes)
    }

    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        if self.is_list() { FILTER_KEYS } else { WRITE_KEYS }
    }

    fn field(&self, _ctx: &Ctx<'_>) -> Field {
        if self.is_list() {
            let words = "Type what the conversations are to hold: the agent, the id, words that were said first or last. An empty line: all of them.";
            return Field::Line(vec![words.to_owned()]);
        }
        let agent = self.talk.as_ref().map(|talk| talk.borrow().agent.clone());
        Field::Line(vec![format!(
            "Type what you want to say to {}. An empty line goes back to the conversation.",
            agent.unwrap_or_default()
        )])
    }

    fn field_text(&self) -> Option<String> {
        let talk = self.talk.as_ref()?.borrow();
        talk.writes.then(|| crate::widgets::written(&talk.area))
    }

    fn transcript(&self, _ctx: &Ctx<'_>) -> Option<String> {
        let talk = self.talk.as_ref()?.borrow();
        Some(markdown(talk.run?, &talk.transcript.turns))
    }

    fn keep(&self) -> Value {
        let mut drafts = self.drafts.clone();
        if let Some(talk) = &self.talk {
            let talk = talk.borrow();
            let key = talk.path().join("/");
            match talk.draft() {
                draft if draft.is_empty() => drop(drafts.remove(&key)),
                draft => drop(drafts.insert(key, draft)),
            }
        }
        json!({ "selected": self.cursor.key(), "drafts": drafts, "narrow": self.narrow.keep() })
    }

    fn take_up(&mut self, kept: &Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if let Ok(run) = serde_json::from_value(kept["selected"].clone()) {
            self.cursor.set(run);
        }
        if let Ok(drafts) = serde_json::from_value::<BTreeMap<String, String>>(kept["drafts"].clone()) {
            self.drafts.extend(drafts.into_iter().take(MAX_DRAFTS));
        }
        self.narrow.take_up(&kept["narrow"]);
        if let Some(talk) = &mut self.talk {
            let key = talk.borrow().path().join("/");
            let empty = talk.borrow().draft().is_empty();
            if let Some(draft) = self.drafts.get(&key).filter(|_| empty) {
                talk.get_mut().area = crate::widgets::writing(draft);
            }
        }
        self.follow(ctx)
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        self.narrow.due(ctx)
    }
}
