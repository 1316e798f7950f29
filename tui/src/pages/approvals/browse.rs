//! Moving through the inbox and through the text; nothing here decides.

use dirigent_protocol::id::EntityId;

use super::page::{Approvals, FOLLOW, Look, Part};
use crate::keymap::Action;
use crate::model::{Cmd, Note};
use crate::nav::Place;
use crate::pages::Ctx;

impl Approvals {
    pub(super) fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if self.look == Look::Sheet
            && let Some(cmds) = self.act_on_sheet(action, ctx)
        {
            return cmds;
        }
        if let Some(cmds) = self.act_on_narrow(action, ctx) {
            return cmds;
        }
        match action {
            Action::Batch => self.toggle_sheet(),
            Action::Approve | Action::Stop | Action::Edit | Action::StopRun | Action::Rule => {
                return self.begin(action, ctx);
            }
            Action::Ask => return self.ask(ctx),
            Action::Delegate | Action::Link | Action::Amend => return self.hand(action, ctx),
            Action::Save => return self.save(ctx),
            Action::Mark => return self.mark(ctx),
            Action::Diff => self.look_at(Look::Diff),
            Action::History => self.look_at(Look::History),
            Action::NextItem => self.step(Action::Down, ctx),
            Action::PrevItem => self.step(Action::Up, ctx),
            Action::NextPane | Action::PrevPane => {
                self.part = if self.part == Part::List {
                    Part::Detail
                } else {
                    Part::List
                };
                self.catch_up();
            }
            Action::Back => self.back(),
            Action::Open if self.part == Part::List => {
                self.part = Part::Detail;
                self.catch_up();
            }
            Action::Open => {
                let run = self.current(ctx).map(|approval| approval.body.run);
                return run.map(|run| Cmd::Go(Place::run(run))).into_iter().collect();
            }
            Action::Later => return self.later(ctx),
            Action::Undo => return vec![Cmd::TakeBack],
            Action::Copy => return self.copied(ctx),
            Action::CopyLink => {
                let link = self.cursor.key().map(|id| Place::approval(id).to_string());
                return link.map(Cmd::Copy).into_iter().collect();
            }
            Action::HalfUp | Action::HalfDown | Action::PageUp | Action::PageDown => self.scroll_by(action),
            _ if self.part == Part::Detail => self.scroll_by(action),
            _ => self.step(action, ctx),
        }
        Vec::new()
    }

    /// Approves as edited, where the edit is open.
    fn save(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let about = self.dialog.as_ref().map(|dialog| dialog.id);
        let approval = about.and_then(|id| ctx.model.approvals.get(&id));
        match (&mut self.dialog, approval) {
            (Some(dialog), Some(approval)) => {
                let typed = dialog.save(approval);
                self.typed(typed, ctx)
            }
            _ => Vec::new(),
        }
    }

    /// What would happen, as JSON for the clipboard.
    fn copied(&self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let json = self
            .current(ctx)
            .map(|a| serde_json::json!({ "action": a.body.action, "payload": a.body.payload }));
        let copy = json.map(|json| Cmd::Copy(format!("{json:#}")));
        copy.into_iter().collect()
    }

    /// One level up: out of what is typed, out of a look aside, back to the list.
    fn back(&mut self) {
        if self.sheet.typed.take().is_some() || self.dialog.take().is_some() {
            return;
        }
        if self.look == Look::Request {
            self.part = Part::List;
        } else {
            self.look_at(self.look);
        }
    }

    /// Looks at the request from another side, or back at itself.
    fn look_at(&mut self, look: Look) {
        self.look = if self.look == look { Look::Request } else { look };
        if self.look != Look::Request {
            self.part = Part::Detail;
        }
        self.scroll = 0;
        self.seen.forget();
    }

    pub(super) fn step(&mut self, action: Action, ctx: &Ctx<'_>) {
        let keys = self.keys(ctx);
        if self.cursor.step(action, &keys, self.list_rows.get() / 2) {
            if self.part == Part::Detail {
                self.catch_up();
            } else {
                self.moved = Some(ctx.time.mono);
            }
        }
    }

    pub(super) fn scroll_by(&mut self, action: Action) {
        let (lines, window) = self.extent.get();
        let last = lines.saturating_sub(window);
        let now = self.scroll.min(last);
        self.scroll = match action {
            Action::Up => now.saturating_sub(1),
            Action::Down => now + 1,
            Action::HalfUp => now.saturating_sub(window / 2),
            Action::HalfDown => now + window / 2,
            Action::PageUp => now.saturating_sub(window.saturating_sub(1)),
            Action::PageDown => now + window.saturating_sub(1),
            Action::Top => 0,
            Action::Bottom => last,
            _ => now,
        }
        .min(last);
    }

    fn later(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(id) = self.cursor.key().copied() else {
            return Vec::new();
        };
        let keys = self.keys(ctx);
        let next = keys
            .iter()
            .position(|key| *key == id)
            .and_then(|at| keys.get(at + 1));
        if let Some(next) = next {
            self.cursor.set(*next);
            self.moved = Some(ctx.time.mono);
        }
        vec![
            Cmd::Snooze(id),
            Cmd::Note(Note::info("put off for 10 minutes, here only")),
        ]
    }

    /// The mirror changed: hold on to the request, notice when another one came under the cursor.
    pub(super) fn follow_data(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let keys = self.keys(ctx);
        let changed = self.cursor.follow(&keys);
        if changed || self.shown.is_none() {
            self.catch_up();
        }
        let mut cmds: Vec<Cmd> = self.follow_marks(ctx).into_iter().collect();
        let lost = self.dialog.as_ref().is_some_and(|dialog| {
            ctx.model
                .approvals
                .get(&dialog.id)
                .is_none_or(|a| !a.is_pending() || a.picture != dialog.picture)
        });
        if lost
            && ctx.model.loaded
            && let Some(dialog) = &mut self.dialog
            && !dialog.void
        {
            dialog.void = true;
            cmds.push(Cmd::Note(Note::refused(super::dialog::VOID)));
        }
        cmds
    }

    /// Time went on: the detail follows a cursor that rests.
    pub(super) fn follow_cursor(&mut self, ctx: &Ctx<'_>) {
        if self
            .moved
            .is_some_and(|at| ctx.time.mono.saturating_sub(at) >= FOLLOW)
        {
            self.catch_up();
        }
    }

    pub(super) fn catch_up(&mut self) {
        self.show(self.cursor.key().copied());
    }

    pub(super) fn show(&mut self, id: Option<EntityId>) {
        self.moved = None;
        if self.shown != id {
            self.shown = id;
            if self.look != Look::Sheet {
                self.look = Look::Request;
                self.scroll = 0;
            }
        }
    }
}
