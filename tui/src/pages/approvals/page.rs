//! The page itself: what it holds and which input goes where.

use std::cell::Cell;
use std::time::Duration;

use dirigent_protocol::id::EntityId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crossterm::event::KeyCode;

use super::dialog::{Dialog, Typed, VOID};
use super::keep::Draft;
use super::seen::Seen;
use super::sheet::Sheet;
use crate::keymap::{Action, Bind, FieldKey};
use crate::model::{Approval, Cmd, Note};
use crate::nav::Place;
use crate::pages::narrow::{Narrow, PANEL_KEYS};
use crate::pages::{Ctx, Field, Input, Meta, Page, Speech, speech};
use crate::widgets::Cursor;

/// Its declaration.
pub const META: Meta = Meta {
    id: "approvals",
    title: "Approvals",
    space: 1,
    letter: 'a',
    about: "what waits for a decision, and exactly what would happen",
    bindings: &[
        Bind::footer(Action::Approve, "approve"),
        Bind::footer(Action::Edit, "edit+approve"),
        Bind::footer(Action::Stop, "deny…"),
        Bind::footer(Action::Ask, "ask…"),
        Bind::footer(Action::Rule, "rule…"),
        Bind::footer(Action::Later, "later"),
        Bind::footer(Action::Mark, "mark"),
        Bind::footer(Action::Batch, "batch sheet"),
        Bind::footer(Action::Filter, "filter"),
        Bind::footer(Action::Facets, "facets"),
        Bind::footer(Action::Undo, "undo"),
        Bind::footer(Action::NextItem, "next"),
        Bind::footer(Action::PrevItem, "prev"),
        Bind::new(Action::Delegate, "hand over to somebody…"),
        Bind::new(Action::Amend, "change what is asked; it is asked anew…"),
        Bind::new(Action::Link, "a signed link that answers once…"),
        Bind::new(Action::Save, "approve the edit"),
        Bind::new(Action::StopRun, "deny and stop the run, with a reason"),
        Bind::new(Action::Diff, "all that would change, and back"),
        Bind::new(Action::History, "how requests like it were decided, and back"),
        Bind::new(Action::Open, "read it; from there: its run"),
        Bind::new(Action::Up, "up in the list, back in the text"),
        Bind::new(Action::Down, "down in the list, on in the text"),
        Bind::new(Action::Top, "first; beginning of the text"),
        Bind::new(Action::Bottom, "last; end of the text"),
        Bind::new(Action::HalfUp, "half a page back in the text"),
        Bind::new(Action::HalfDown, "half a page on in the text"),
        Bind::new(Action::PageUp, "a page back in the text"),
        Bind::new(Action::PageDown, "a page on in the text"),
        Bind::new(Action::Copy, "copy what would happen, as JSON"),
        Bind::new(Action::CopyLink, "copy the link"),
    ],
};

/// What moves, and so is taken while the facets are open.
const MOVES: [Action; 8] = [
    Action::Up,
    Action::Down,
    Action::Top,
    Action::Bottom,
    Action::HalfUp,
    Action::HalfDown,
    Action::PageUp,
    Action::PageDown,
];

/// The detail follows the cursor after this time, so that moving stays cheap.
pub(super) const FOLLOW: Duration = Duration::from_millis(60);

/// Which part has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// The list.
    #[default]
    List,
    /// What would happen.
    Detail,
}

/// What the detail shows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Look {
    /// The request itself; only here it is decided.
    #[default]
    Request,
    /// All that would change.
    Diff,
    /// Requests like it.
    History,
    /// What is marked, together.
    Sheet,
}

/// The inbox.
#[derive(Debug)]
pub struct Approvals {
    pub(super) cursor: Cursor<EntityId>,
    /// What the detail shows; follows the cursor.
    pub(super) shown: Option<EntityId>,
    pub(super) moved: Option<Duration>,
    pub(super) scroll: usize,
    /// Rows of the text and of its window when it was last painted.
    pub(super) extent: Cell<(usize, usize)>,
    /// Rows of the list when it was last painted.
    pub(super) list_rows: Cell<usize>,
    pub(super) part: Part,
    pub(super) dialog: Option<Dialog>,
    pub(super) seen: Seen,
    /// A text of an earlier client that was not sent.
    pub(super) draft: Option<Draft>,
    /// The request that was said in words, and its revision then.
    pub(super) said: Cell<Option<(EntityId, u64)>>,
    pub(super) look: Look,
    pub(super) sheet: Sheet,
    /// What leaves requests out.
    pub(super) narrow: Narrow,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            cursor: Cursor::default(),
            shown: None,
            moved: None,
            scroll: 0,
            extent: Cell::default(),
            list_rows: Cell::default(),
            part: Part::default(),
            dialog: None,
            seen: Seen::default(),
            draft: None,
            said: Cell::default(),
            look: Look::default(),
            sheet: Sheet::default(),
            narrow: super::narrowed::all(),
        }
    }
}

impl Approvals {
    /// The request under the cursor, if the detail has caught up with it.
    pub(super) fn current<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Approval> {
        let id = self.cursor.key()?;
        if self.shown.as_ref() != Some(id) {
            return None;
        }
        ctx.model.approvals.get(id)
    }

    /// Requests that wait, then those put off, then what was decided, newest first.
    pub(super) fn rows<'a>(&self, ctx: &Ctx<'a>) -> (Vec<&'a Approval>, Vec<&'a Approval>) {
        let (later, now): (Vec<&Approval>, Vec<&Approval>) = ctx
            .model
            .pending()
            .filter(|approval| self.fits(approval, ctx))
            .partition(|approval| ctx.model.is_snoozed(approval.id, ctx.time));
        let mut decided: Vec<&Approval> = ctx
            .model
            .approvals
            .values()
            .filter(|a| !a.is_pending() && self.fits(a, ctx))
            .collect();
        decided.sort_by_key(|approval| std::cmp::Reverse((approval.body.decided_at, approval.id)));
        (now.into_iter().chain(later).collect(), decided)
    }

    pub(super) fn keys(&self, ctx: &Ctx<'_>) -> Vec<EntityId> {
        let (waiting, decided) = self.rows(ctx);
        waiting
            .into_iter()
            .chain(decided)
            .map(|approval| approval.id)
            .collect()
    }
}

impl Page for Approvals {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match input {
            Input::Action(action) => {
                let mut cmds = self.act(action, ctx);
                cmds.extend(self.questions(ctx));
                cmds
            }
            Input::Key(key) if self.narrow.typing() => {
                if self.narrow.key(key) {
                    drop(self.follow_data(ctx));
                }
                self.narrow.wants(ctx)
            }
            Input::Paste(text) if self.narrow.typing() => {
                self.narrow.type_text(text);
                self.follow_data(ctx)
            }
            Input::Key(key) if self.sheet.typed.is_some() => self.sheet_key(key, ctx),
            Input::Key(key) => {
                let approval = self
                    .dialog
                    .as_ref()
                    .and_then(|dialog| ctx.model.approvals.get(&dialog.id));
                let typed = match (&mut self.dialog, approval) {
                    (Some(dialog), Some(approval)) => dialog.key(key, approval),
                    // The request is gone altogether; what is typed goes nowhere until Esc.
                    (Some(_), None) if key.code != KeyCode::Esc => Typed::Refused(VOID.to_owned()),
                    _ => Typed::Cancel,
                };
                self.typed(typed, ctx)
            }
            Input::Paste(text) if self.sheet.typed.is_some() => {
                self.sheet_paste(text);
                Vec::new()
            }
            Input::Paste(text) => match &mut self.dialog {
                Some(dialog) => {
                    let typed = dialog.paste(text);
                    self.typed(typed, ctx)
                }
                None => Vec::new(),
            },
            Input::Text(text) => {
                let typed = self.dialog.as_mut().map(|dialog| dialog.replace(text));
                typed.map_or_else(Vec::new, |typed| self.typed(typed, ctx))
            }
            Input::Data => {
                let mut cmds = self.follow_data(ctx);
                cmds.extend(self.questions(ctx));
                cmds
            }
            Input::Tick => {
                self.follow_cursor(ctx);
                self.questions(ctx)
            }
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(ctx, area, buf);
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        self.in_words(ctx)
    }

    fn spoken(&self, end: bool, ctx: &Ctx<'_>) {
        self.said(end, ctx);
    }

    fn happened(&mut self, ctx: &Ctx<'_>) -> Vec<String> {
        self.changed_since_said(ctx).into_iter().collect()
    }

    fn field(&self, ctx: &Ctx<'_>) -> Field {
        if self.sheet.typed.is_some() {
            return self.sheet_field();
        }
        if self.narrow.typing() {
            let words = "Type what the requests are to hold: words of what is asked, the workflow, the step, the risk, the state. An empty line: all requests.";
            return Field::Line(vec![words.to_owned()]);
        }
        let field = self
            .dialog
            .as_ref()
            .and_then(|dialog| self.field_in_words(dialog, ctx));
        field.unwrap_or_else(|| speech::field(self.field_keys()))
    }

    fn crumbs(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let approval = self
            .shown
            .filter(|_| self.part == Part::Detail)
            .and_then(|id| ctx.model.approvals.get(&id));
        match approval {
            Some(approval) => vec![approval.body.task.clone()],
            None => self.narrow.crumb().into_iter().collect(),
        }
    }

    fn place(&self) -> Place {
        match self.cursor.key().filter(|_| self.part == Part::Detail) {
            Some(id) => Place::approval(id),
            None if self.narrow.is_open() => Place::object(META.id, "facets"),
            None => Place::page(META.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.dialog = None;
        self.sheet.typed = None;
        self.look = Look::Request;
        self.narrow.close();
        if self.narrow.follow(path) {
            self.part = Part::List;
            drop(self.follow_data(ctx));
            return self.questions(ctx);
        }
        let Some(text) = path.first() else {
            self.part = Part::List;
            return Vec::new();
        };
        let found = ctx
            .model
            .approvals
            .keys()
            .find(|id| id.to_string() == *text || id.short() == *text);
        match found {
            Some(id) => {
                if ctx
                    .model
                    .approvals
                    .get(id)
                    .is_some_and(|approval| !self.fits(approval, ctx))
                {
                    // Who goes to a request by name is to see it among its like.
                    self.narrow.clear();
                }
                self.cursor.set(*id);
                self.show(Some(*id));
                self.part = Part::Detail;
                self.questions(ctx)
            }
            None => vec![Cmd::Note(Note::refused(format!(
                "there is no approval {text} here"
            )))],
        }
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let mut cmds = self.follow_data(ctx);
        cmds.extend(self.questions(ctx));
        cmds
    }

    fn leave(&mut self) -> Vec<Cmd> {
        self.seen.forget();
        self.sheet.forget();
        Vec::new()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Filter | Action::Facets if self.look == Look::Sheet || self.part == Part::Detail => {
                Some("it is about the list: go back to it first".to_owned())
            }
            Action::Filter | Action::Facets | Action::Mark | Action::Open if self.narrow.is_open() => None,
            action if self.narrow.is_open() && !MOVES.contains(&action) => {
                Some("the facets are open: close them first".to_owned())
            }
            Action::Save => {
                let edits = self.dialog.as_ref().is_some_and(Dialog::is_edit);
                (!edits).then(|| "nothing is being edited".to_owned())
            }
            Action::Approve | Action::Stop if self.look == Look::Sheet => None,
            Action::Approve
            | Action::Stop
            | Action::Edit
            | Action::StopRun
            | Action::Rule
            | Action::Ask
            | Action::Delegate
            | Action::Amend
            | Action::Link => self.undecidable(action, ctx),
            Action::Batch => {
                let empty = self.sheet.count() == 0 && ctx.model.outbox.sheet().is_empty();
                (empty && self.look != Look::Sheet).then(|| {
                    format!(
                        "nothing is marked: {} marks a request",
                        ctx.keymap.first(Action::Mark)
                    )
                })
            }
            Action::Diff if self.look != Look::Diff => match self.current(ctx) {
                Some(approval) if approval.body.before.is_some() => None,
                _ => Some("the request does not say what is there now".to_owned()),
            },
            Action::History => self
                .current(ctx)
                .is_none()
                .then(|| "nothing is selected".to_owned()),
            Action::Undo => ctx
                .model
                .outbox
                .held()
                .is_empty()
                .then(|| "nothing is held back".to_owned()),
            Action::Later => match self.current(ctx) {
                Some(approval) if approval.is_pending() => None,
                _ => Some("nothing that waits is selected".to_owned()),
            },
            _ => None,
        }
    }

    fn wants_text(&self) -> bool {
        self.dialog.is_some() || self.sheet.typed.is_some() || self.narrow.typing()
    }

    fn field_text(&self) -> Option<String> {
        self.dialog.as_ref().and_then(Dialog::text)
    }

    fn has_draft(&self) -> bool {
        let reason = self.sheet.typed.as_ref().is_some_and(|text| !text.is_empty());
        reason || self.dialog.as_ref().is_some_and(|dialog| dialog.is_draft(None))
    }

    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        if self.sheet.typed.is_some() {
            return &[
                (FieldKey::ENTER, "deny each of them with this reason"),
                (FieldKey::ESC, "back, nothing decided"),
            ];
        }
        self.keys_of_field()
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        self.narrow.waits(ctx)
    }

    fn footer(&self) -> &'static [Bind] {
        if self.narrow.is_open() {
            PANEL_KEYS
        } else {
            META.bindings
        }
    }

    fn keep(&self) -> serde_json::Value {
        self.kept()
    }

    fn take_up(&mut self, kept: &serde_json::Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.take_up_kept(kept, ctx)
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let follow = self.moved.map(|at| (at + FOLLOW).saturating_sub(ctx.time.mono));
        let now = ctx.time.wall.as_second();
        let spans = ctx.model.pending().filter_map(|a| a.body.expires_at).map(|at| {
            let left = (at.as_second() - now).max(0);
            // The text changes when the rest of the smaller unit is used up.
            let unit = if left <= 60 {
                1
            } else if left <= 3_600 {
                60
            } else {
                3_600
            };
            Duration::from_secs(u64::try_from(left % unit + 1).unwrap_or(1))
        });
        let wakes = ctx
            .model
            .snoozed
            .values()
            .map(|until| until.saturating_sub(ctx.time.mono))
            .filter(|d| !d.is_zero());
        let due = self.narrow.due(ctx).into_iter();
        follow.into_iter().chain(spans).chain(wakes).chain(due).min()
    }
}
