//! The builder over a form: what each action does to its rows, and what is offered for a value.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::source::{self, Node};

use super::builder::{Builder, Focus, Open};
use super::draft::Draft;
use super::field::{Ask, Field};
use super::form::items_of;
use super::form_edit;
use super::items::{Items, published};
use super::lines::Refusal;
use super::named;
use super::outline::Task;
use super::question::Purpose;
use super::surgery::{Edited, Where};
use crate::keymap::Action;
use crate::model::{Cmd, Note};
use crate::pages::Ctx;

const TOPIC: &str = "definitions.strategies";

impl Draft {
    /// Its rows are those of a form.
    pub(super) fn is_form(&self) -> bool {
        self.tasks().iter().any(|row| row.field.is_some())
    }

    /// Goes from a row to the first of those folded under it; says whether there are any.
    fn enter(&mut self) -> bool {
        let on = self.on.clone();
        let mut rows = self.tasks().iter();
        let below = rows.find(|row| row.folded && Some(&row.list) == on.as_ref());
        let below = below.map(|row| row.pointer.clone());
        let entered = below.is_some();
        self.on = below.or(on);
        entered
    }

    /// Goes from a folded row to the one it stands under; says whether it was one.
    fn leave(&mut self) -> bool {
        let above = self.task().filter(|row| row.folded).map(|row| row.list.clone());
        let left = above.is_some();
        self.on = above.or_else(|| self.on.take());
        left
    }
}

impl Builder {
    /// Takes an action where the rows are those of a form; none where it means what it means for tasks.
    pub(super) fn act_in_form(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        if !self.draft.is_form() || self.open.is_some() || self.diff {
            return None;
        }
        let now = ctx.time.mono;
        let item = self.draft.task().is_some_and(|row| row.item);
        let refuse = |why: &str| Some(vec![Cmd::Note(Note::refused(why))]);
        let field = self.draft.task().and_then(|row| row.field);
        let checked = field.is_some_and(|field| field.ask == Ask::Check);
        let word = items_of(self.draft.text()).map_or("item", Items::word);
        match action {
            Action::Insert => self.ask_join(Where::Behind),
            Action::InsertBefore => self.ask_join(Where::Before),
            Action::Mark | Action::Open | Action::Edit | Action::Stop if checked => {
                return Some(self.edited(ctx, form_edit::toggle));
            }
            Action::Rename => return Some(self.ask_name(word)),
            Action::Link => return refuse(&format!("{word}s follow one another: move them")),
            Action::NextItem | Action::PrevItem if !item => {
                return refuse(&format!("only {word}s are moved"));
            }
            Action::Stop if item => return Some(self.on_task("deleted", now, form_edit::leave)),
            Action::Stop => return Some(self.on_task("emptied", now, form_edit::empty)),
            Action::Open | Action::Edit => return Some(self.ask_row()),
            Action::Right if self.focus == Focus::Steps => {
                self.draft.enter();
            }
            Action::Left | Action::Back if self.focus == Focus::Steps && self.draft.leave() => {}
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Asks for the value of the row one stands on; a row of rows is entered.
    fn ask_row(&mut self) -> Vec<Cmd> {
        let Some((pointer, field)) = self.draft.task().map(|row| (row.pointer.clone(), row.field)) else {
            return Vec::new();
        };
        let Some(field) = field else {
            if !self.draft.enter() {
                self.ask_join(Where::Behind);
            }
            return Vec::new();
        };
        if field.ask == Ask::Prose {
            self.open_prose(&pointer);
            return Vec::new();
        }
        let parsed = source::parse(self.draft.text().as_bytes());
        let short = |root: &Node| field.ask == Ask::Who || form_edit::is_short(root, &pointer, field.ask);
        match parsed.documents.first() {
            Some(root) if field.ask == Ask::Text || !short(root) => {
                let at = root.locate(&pointer);
                self.open_text_at(at.line, at.column);
            }
            _ => self.ask_field(field),
        }
        Vec::new()
    }

    /// Asks what joins the list of the form.
    fn ask_join(&mut self, place: Where) {
        if let Some(items) = items_of(self.draft.text()) {
            self.ask(Purpose::Join(place, items));
        }
    }

    /// An edit of the row one stands on that says nothing where it went well.
    fn edited(
        &mut self,
        ctx: &Ctx<'_>,
        edit: impl FnOnce(&str, &str) -> Result<Edited, Refusal>,
    ) -> Vec<Cmd> {
        let Some(on) = self.draft.on.clone() else {
            return Vec::new();
        };
        let edited = edit(self.draft.text(), &on);
        self.taken(edited, ctx)
    }

    fn taken(&mut self, edited: Result<Edited, Refusal>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match self.draft.take(edited, ctx.time.mono) {
            Ok(()) => Vec::new(),
            Err(why) => vec![Cmd::Note(Note::refused(why))],
        }
    }

    /// What has joined may not say yet what it cannot be without: that is asked next.
    fn ask_missing(&mut self) {
        let parsed = source::parse(self.draft.text().as_bytes());
        let (Some(root), Some(on)) = (parsed.documents.first(), self.draft.on.clone()) else {
            return;
        };
        let missing = |row: &&Task| {
            let words = named::at(root, &form_edit::path(&row.pointer)).and_then(Node::as_str);
            row.list == on && words == Some("")
        };
        let row = self.draft.tasks().iter().find(missing);
        let found = row.and_then(|row| Some((row.pointer.clone(), row.field?)));
        if let Some((pointer, field)) = found {
            self.draft.on = Some(pointer);
            self.ask_field(field);
        }
    }

    fn ask_field(&mut self, field: &'static Field) {
        let purpose = Purpose::Row(field);
        self.ask(purpose);
        let said = self
            .draft
            .task()
            .filter(|row| row.said)
            .map(|row| row.kind.clone());
        if let (Some(Open::Line(question)), Some(said)) = (&mut self.open, said) {
            if purpose.is_free() {
                question.typed = said;
            } else {
                question.now = Some(said);
            }
        }
    }

    /// Asks for the name of the item one stands on or in.
    fn ask_name(&mut self, word: &str) -> Vec<Cmd> {
        let member = self.draft.task().and_then(|row| match (row.item, row.folded) {
            (true, _) => Some(row.pointer.clone()),
            (false, true) => Some(row.list.clone()),
            (false, false) => None,
        });
        let name = member.map(|member| format!("{member}/name"));
        let row = name.and_then(|name| self.draft.tasks().iter().find(|row| row.pointer == name));
        let found = row.and_then(|row| Some((row.pointer.clone(), row.field?)));
        let Some((pointer, field)) = found else {
            return vec![Cmd::Note(Note::refused(format!("only {word}s have names")))];
        };
        self.draft.on = Some(pointer);
        self.ask_field(field);
        Vec::new()
    }

    /// A new document of a form begins with how its members work together.
    pub(super) fn begin_form(&mut self) {
        let mut rows = self.draft.tasks().iter();
        let found = rows.find(|row| row.field.is_some_and(|field| field.ask == Ask::Strategy));
        if let Some((pointer, field)) = found.and_then(|row| Some((row.pointer.clone(), row.field?))) {
            self.draft.on = Some(pointer);
            self.ask(Purpose::Row(field));
        }
    }

    /// What was answered goes into the text.
    pub(super) fn set_row(&mut self, purpose: Purpose, answer: &str, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let on = self.draft.on.clone().unwrap_or_default();
        let text = self.draft.text();
        let edited = match purpose {
            Purpose::Row(field) => form_edit::set(text, &on, field, answer),
            Purpose::Join(place, _) => form_edit::join(text, &on, place, answer),
            _ => return Vec::new(),
        };
        let cmds = self.taken(edited, ctx);
        if cmds.is_empty() && matches!(purpose, Purpose::Join(..)) {
            self.ask_missing();
        }
        cmds
    }

    /// Keeps what is offered up to date with what the daemon said, and asks what it did not say yet.
    pub(super) fn offer(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if !self.draft.is_form() {
            return None;
        }
        if let Some(Open::Line(question)) = &mut self.open {
            question.offered = match question.purpose {
                Purpose::Row(Field {
                    ask: Ask::Strategy, ..
                }) => strategies(ctx),
                Purpose::Row(Field { ask: Ask::Who, .. }) => published(ctx),
                Purpose::Row(Field { ask: Ask::Model, .. }) => models(ctx),
                Purpose::Join(_, items) => items.offered(ctx),
                Purpose::Row(Field {
                    ask: Ask::OneOf(all), ..
                }) => {
                    let one = |(name, doc): &(&str, &str)| ((*name).to_owned(), (*doc).to_owned());
                    all.iter().map(one).collect()
                }
                _ => return None,
            };
        }
        let live = ctx.model.connection.is_live();
        let looks = &ctx.model.looks;
        live.then(|| looks.want(TOPIC, &Query::Strategies {}, None, ctx.time.mono))
            .flatten()
    }
}

fn strategies(ctx: &Ctx<'_>) -> Vec<(String, String)> {
    match ctx.model.looks.answer(TOPIC, &Query::Strategies {}) {
        Some(Ok(QueryReply::Strategies(all))) => {
            let one = |row: &dirigent_protocol::query::StrategyRow| (row.name.clone(), row.about.clone());
            all.iter().map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// Models that are known here: the default one, and those that agents have; then what is connected.
fn models(ctx: &Ctx<'_>) -> Vec<(String, String)> {
    let health = ctx.model.health.as_ref();
    let mut out: Vec<(String, String)> = Vec::new();
    if let Some(health) = health.filter(|health| !health.default_model.is_empty()) {
        out.push((health.default_model.clone(), "the default one now".to_owned()));
    }
    for agent in ctx.model.of_kind(Kind::Agent) {
        let known = out.iter().any(|(name, _)| *name == agent.sort);
        if !agent.sort.is_empty() && !known {
            out.push((agent.sort.clone(), format!("as {} has it", agent.name)));
        }
    }
    let providers = health.map_or(&[][..], |health| health.providers.as_slice());
    let more = providers.iter().filter_map(|provider| {
        let name = provider.split_whitespace().next()?;
        let prefix = format!("{name}/");
        let known = out.iter().any(|(model, _)| model.starts_with(&prefix));
        (!known).then(|| (prefix, "then the name of its model".to_owned()))
    });
    let more: Vec<(String, String)> = more.collect();
    out.extend(more);
    out
}
