//! Into the builder and out of it: which text a draft begins from, and what is kept of it.

use std::collections::BTreeMap;

use dirigent_protocol::entity::Kind;

use super::asked;
use super::builder::{Builder, Open};
use super::draft::{Draft, MAX_TEXT, name_in};
use super::looked_back;
use super::page::{Definitions, Depth};
use super::question::Purpose;
use crate::keymap::Action;
use crate::model::{Cmd, Note};
use crate::pages::Ctx;
use crate::templates;

/// Texts that are not published, by the definition's name: the text, and what it began from.
pub(super) type Drafts = BTreeMap<String, (String, String)>;

/// Most drafts that are kept.
pub(super) const MAX_DRAFTS: usize = 20;

impl Builder {
    /// Begins the new workflow with a template, under a name nobody has.
    pub(super) fn begin(&mut self, with: &str, ctx: &Ctx<'_>) {
        let all = ctx.model.of_kind(Kind::Workflow);
        let taken: Vec<String> = all.into_iter().map(|named| named.name.clone()).collect();
        let Some(shape) = templates::find(with) else {
            return;
        };
        let name = free_name(shape.name, &taken);
        if let Ok(text) = templates::fill(&shape, &[], Some(&name)) {
            self.draft = Draft::new(&name, String::new(), text);
        }
    }
}

/// A name nobody has: this one, or this one with a number.
fn free_name(stem: &str, taken: &[String]) -> String {
    let numbered = |number: usize| match number {
        1 => stem.to_owned(),
        number => format!("{stem}-{number}"),
    };
    (1..)
        .map(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

impl Definitions {
    /// Opens the builder as soon as the text it begins from is known: a kept draft, the version one looks at, or the
    /// document itself.
    pub(super) fn build(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(subject) = self.subject(ctx) else {
            // Before the daemon has said which there are, none may still be the one that is meant.
            self.wanted = !ctx.model.loaded;
            return Vec::new();
        };
        let kept = self.drafts.get(&subject.name).cloned();
        let chosen = match self.depth {
            Depth::List => None,
            Depth::Versions | Depth::Beside => {
                let versions = self.versions(ctx).unwrap_or_default();
                self.version(&versions).map(|version| version.source.clone())
            }
        };
        let known = asked::source_of(&subject, &ctx.model.looks);
        let Some(base) = known.or_else(|| kept.as_ref().map(|kept| kept.1.clone())) else {
            // The answer brings one here again.
            return Vec::new();
        };
        self.wanted = false;
        let versions = self.versions(ctx).unwrap_or_default();
        let newest = versions.first().map(|version| version.digest.as_str());
        let suggested = looked_back::draft(&subject, newest, ctx);
        let (text, note) = match (kept, chosen) {
            (Some((text, _)), _) if text != base && suggested.is_some() => (
                text,
                "your own draft is taken up again, not the suggestion that was accepted",
            ),
            (Some((text, _)), _) if text != base => (text, "your draft is taken up again"),
            (_, Some(text)) if text != base => (text, "the draft begins from the version you looked at"),
            (None, _) if suggested.is_some() => (
                suggested.unwrap_or_default(),
                "the draft is what was suggested and accepted",
            ),
            _ => (base.clone(), ""),
        };
        self.builder = Some(Builder::new(self.what, Draft::new(&subject.name, base, text)));
        if note.is_empty() {
            Vec::new()
        } else {
            vec![Cmd::Note(Note::info(note))]
        }
    }

    /// Begins one that is not there yet.
    pub(super) fn create(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let name = free_name(&format!("new-{}", self.what.word), &self.all_names(ctx));
        self.settle(&name, ctx);
        let kept = self.drafts.get(&name).map(|kept| kept.0.clone());
        let is_new = kept.is_none();
        let text = kept.unwrap_or_else(|| self.what.new.replace("NAME", &name));
        let mut builder = Builder::new(self.what, Draft::new(&name, String::new(), text));
        if is_new && builder.draft.is_form() {
            builder.begin_form();
        } else if is_new && self.what.canvas {
            builder.ask(Purpose::Begin);
        }
        self.builder = Some(builder);
        self.follow(ctx)
    }

    /// A draft can be kept: one of its name is kept already, or there is room.
    fn has_room(&self, draft: &Draft) -> bool {
        let room = self.drafts.len() < MAX_DRAFTS || self.drafts.contains_key(&draft.name);
        room && draft.text().len() <= MAX_TEXT
    }

    /// Why the builder is not left without a question: what is changed in it could not be kept.
    pub(super) fn why_not_leave(&self) -> Option<String> {
        let draft = &self.builder.as_ref()?.draft;
        let lost = draft.is_changed() && !self.has_room(draft);
        lost.then(|| {
            format!("{MAX_DRAFTS} drafts are kept already: this one would be lost; publish it or undo it")
        })
    }

    /// Leaves the builder; what is changed is kept.
    pub(super) fn close_builder(&mut self, ctx: &Ctx<'_>) {
        let Some(builder) = self.builder.take() else {
            return;
        };
        let draft = builder.draft;
        if !draft.is_changed() {
            self.drafts.remove(&draft.name);
        } else if self.has_room(&draft) {
            let kept = (draft.text().to_owned(), draft.base.clone());
            self.drafts.insert(draft.name.clone(), kept);
            self.settle(&draft.name, ctx);
        }
    }

    /// A new one whose text has the name of one that is there, as after it was published, is a draft of that one: the
    /// next new one begins anew.
    fn settle(&mut self, name: &str, ctx: &Ctx<'_>) {
        let kept = self.drafts.get(name).filter(|(_, base)| base.is_empty());
        let own = kept.and_then(|(text, _)| name_in(text));
        let Some(own) = own.filter(|own| self.is_known(own, ctx) && !self.drafts.contains_key(own)) else {
            return;
        };
        if let Some(kept) = self.drafts.remove(name) {
            self.drafts.insert(own, kept);
        }
    }

    pub(super) fn act_in_builder(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let lost = self.why_not_leave().is_some();
        let Some(builder) = &mut self.builder else {
            return Vec::new();
        };
        let asked = matches!(builder.open, Some(Open::Leave));
        let Some(mut cmds) = builder.act(action, ctx) else {
            if lost && !asked {
                builder.open = Some(Open::Leave);
                return Vec::new();
            }
            let changed = builder.draft.is_changed();
            self.close_builder(ctx);
            let mut cmds = self.follow(ctx);
            if changed {
                let words = match lost {
                    true => "the draft is not kept",
                    false => "the draft is kept; edit goes on with it",
                };
                cmds.push(Cmd::Note(Note::info(words)));
            }
            return cmds;
        };
        cmds.extend(self.follow(ctx));
        cmds
    }
}
