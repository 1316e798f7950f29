//! The page itself: what it holds and which input goes where.

use std::cell::Cell;
use std::time::Duration;

use dirigent_protocol::id::EntityId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::dialog::{Dialog, Kind, MAX_REASON, Purpose, Typed, VOID, line_key};
use super::keep::Draft;
use super::seen::Seen;
use super::sheet::Sheet;
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
        Bind::footer(Action::Ask, "ask…"),
        Bind::footer(Action::Rule, "rule…"),
        Bind::footer(Action::Later, "later"),
        Bind::footer(Action::Mark, "mark"),
        Bind::footer(Action::Batch, "batch sheet"),
        Bind::footer(Action::Undo, "undo"),
        Bind::footer(Action::NextItem, "next"),
        Bind::footer(Action::PrevItem, "prev"),
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
    /// A text of an earlier client that was not sent.
    pub(super) draft: Option<Draft>,
    /// The request that was said in words, and its revision then.
    pub(super) said: Cell<Option<(EntityId, u64)>>,
    pub(super) look: Look,
    pub(super) sheet: Sheet,
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

    /// A key while the reason for the whole sheet is typed.
    fn sheet_key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(text) = &mut self.sheet.typed else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc => self.sheet.typed = None,
            KeyCode::Enter if self.sheet.word.is_some() => {
                if self.sheet.word.as_deref() == Some(text.as_str()) {
                    return self.approve_sheet(ctx);
                }
                return vec![Cmd::Note(Note::refused(
                    "that is not the word: nothing was decided",
                ))];
            }
            KeyCode::Enter if text.trim().is_empty() => {
                let why = "a denial needs a reason: whoever asked gets to read it";
                return vec![Cmd::Note(Note::refused(why))];
            }
            KeyCode::Enter => {
                let reason = text.trim().to_owned();
                return self.deny_sheet(&reason, ctx);
            }
            code => drop(line_key(
                text,
                code,
                key.modifiers.contains(KeyModifiers::CONTROL),
            )),
        }
        Vec::new()
    }

    fn sheet_paste(&mut self, pasted: &str) {
        if let Some(text) = &mut self.sheet.typed {
            let room = MAX_REASON.saturating_sub(text.chars().count());
            text.extend(crate::text::clean_line(pasted).chars().take(room));
        }
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
        if self.sheet.typed.is_some() {
            return self.sheet_field();
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
        self.sheet.typed = None;
        self.look = Look::Request;
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
        self.sheet.forget();
        Vec::new()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Approve | Action::Stop if self.look == Look::Sheet => None,
            Action::Approve | Action::Stop | Action::Edit | Action::StopRun | Action::Rule | Action::Ask => {
                self.undecidable(action, ctx)
            }
            Action::Batch => {
                let empty = self.sheet.count() == 0 && ctx.model.outbox.sheet().is_empty();
                (empty && self.look != Look::Sheet)
                    .then(|| "nothing is marked: Space marks a request".to_owned())
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
        self.dialog.is_some() || self.sheet.typed.is_some()
    }

    fn field_text(&self) -> Option<String> {
        self.dialog.as_ref().and_then(Dialog::text)
    }

    fn has_draft(&self) -> bool {
        let reason = self.sheet.typed.as_ref().is_some_and(|text| !text.is_empty());
        reason || self.dialog.as_ref().is_some_and(|dialog| dialog.is_draft(None))
    }

    fn field_keys(&self) -> &'static [(&'static str, &'static str)] {
        if self.sheet.typed.is_some() {
            return &[
                ("Enter", "deny each of them with this reason"),
                ("Esc", "back, nothing decided"),
            ];
        }
        match self.dialog.as_ref().map(|dialog| &dialog.kind) {
            Some(Kind::Deny(_)) => &[
                ("Enter", "deny with this reason"),
                ("Esc", "back, nothing decided"),
            ],
            Some(Kind::Words {
                purpose: Purpose::StopRun,
                ..
            }) => &[
                ("Enter", "deny and stop the run"),
                ("Esc", "back, nothing decided"),
            ],
            Some(Kind::Words {
                purpose: Purpose::Ask,
                ..
            }) => &[("Enter", "ask"), ("Esc", "back, nothing asked")],
            Some(Kind::Rule { .. }) => &[
                ("↑ ↓", "choose"),
                ("Enter", "approve, and make it the rule"),
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
        follow.into_iter().chain(spans).chain(wakes).min()
    }
}
