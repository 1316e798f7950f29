//! The page itself: what it holds and which input goes where.

use std::cell::Cell;
use std::time::Duration;

use dirigent_protocol::id::EntityId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crossterm::event::KeyCode;

use super::dialog::{Dialog, Kind, Typed, VOID};
use super::seen::Seen;
use crate::keymap::{Action, Bind};
use crate::model::{Approval, Cmd, Note};
use crate::nav::Place;
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
        Bind::footer(Action::Later, "later"),
        Bind::footer(Action::Undo, "undo"),
        Bind::footer(Action::NextItem, "next"),
        Bind::footer(Action::PrevItem, "prev"),
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

/// The inbox.
#[derive(Debug, Default)]
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
    /// The request that was said in words, and its revision then.
    pub(super) said: Cell<Option<(EntityId, u64)>>,
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
    pub(super) fn rows<'a>(ctx: &Ctx<'a>) -> (Vec<&'a Approval>, Vec<&'a Approval>) {
        let (later, now): (Vec<&Approval>, Vec<&Approval>) = ctx
            .model
            .pending()
            .partition(|approval| ctx.model.is_snoozed(approval.id, ctx.time));
        let mut decided: Vec<&Approval> = ctx.model.approvals.values().filter(|a| !a.is_pending()).collect();
        decided.sort_by_key(|approval| std::cmp::Reverse((approval.body.decided_at, approval.id)));
        (now.into_iter().chain(later).collect(), decided)
    }

    pub(super) fn keys(ctx: &Ctx<'_>) -> Vec<EntityId> {
        let (waiting, decided) = Self::rows(ctx);
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
            Input::Action(action) => self.act(action, ctx),
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
            Input::Paste(text) => match &mut self.dialog {
                Some(dialog) => {
                    let typed = dialog.paste(text);
                    self.typed(typed, ctx)
                }
                None => Vec::new(),
            },
            Input::Text(text) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.replace(text);
                }
                Vec::new()
            }
            Input::Data => self.follow_data(ctx),
            Input::Tick => {
                self.follow_cursor(ctx);
                Vec::new()
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
        approval
            .map(|approval| approval.body.task.clone())
            .into_iter()
            .collect()
    }

    fn place(&self) -> Place {
        match self.cursor.key().filter(|_| self.part == Part::Detail) {
            Some(id) => Place::approval(id),
            None => Place::page(META.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.dialog = None;
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
                self.cursor.set(*id);
                self.show(Some(*id));
                self.part = Part::Detail;
                Vec::new()
            }
            None => vec![Cmd::Note(Note::refused(format!(
                "there is no approval {text} here"
            )))],
        }
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.follow_data(ctx)
    }

    fn leave(&mut self) -> Vec<Cmd> {
        self.seen.forget();
        Vec::new()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Approve | Action::Stop | Action::Edit => self.undecidable(action, ctx),
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
        self.dialog.is_some()
    }

    fn has_draft(&self) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| dialog.is_draft(None))
    }

    fn field_keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.dialog.as_ref().map(|dialog| &dialog.kind) {
            Some(Kind::Deny(_)) => &[
                ("Enter", "deny with this reason"),
                ("Esc", "back, nothing decided"),
            ],
            Some(Kind::Confirm { .. }) => &[("Enter", "approve"), ("Esc", "back, nothing decided")],
            Some(Kind::Edit { .. }) => &[
                ("Ctrl-S", "approve as edited, marked yours"),
                ("Esc", "back, nothing decided"),
            ],
            None => &[],
        }
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
        follow.into_iter().chain(spans).chain(wakes).min()
    }
}
