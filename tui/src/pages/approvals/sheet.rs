//! The batch sheet: several requests looked at together, decided one by one in one go.
//!
//! Invariants: what stands on the sheet is every item whole; a high risk is never decided from here; a request that
//! changed since it was marked is marked no more; denying one never denies another.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Approvals, Look};
use super::{answer, payload};
use crate::keymap::Action;
use crate::model::outbox::{Progress, Reported};
use crate::model::{Approval, Cmd, Note};
use crate::pages::Ctx;
use crate::text::{clean, clean_line, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, Pane};

/// Most requests on one sheet.
const MOST: usize = 100;

/// Marked requests, and the sheet of them.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// What each asked when it was marked.
    marks: BTreeMap<EntityId, Digest>,
    /// The reason of all denials, or the word that confirms all, while it is typed.
    pub(super) typed: Option<String>,
    /// The word, where one is asked: without a screen a yes is always typed.
    pub(super) word: Option<String>,
    /// The picture of the whole sheet that is on the screen, since when, and whether its end was.
    seen: Cell<Option<(Digest, Duration, bool)>>,
}

impl Sheet {
    pub(super) fn is_marked(&self, id: EntityId) -> bool {
        self.marks.contains_key(&id)
    }

    pub(super) fn count(&self) -> usize {
        self.marks.len()
    }

    /// Marks or unmarks.
    fn toggle(&mut self, approval: &Approval) -> Result<(), String> {
        if self.marks.remove(&approval.id).is_some() {
            return Ok(());
        }
        if !approval.is_pending() {
            return Err("it is decided".to_owned());
        }
        if self.marks.len() >= MOST {
            return Err(format!("a sheet holds {MOST} requests"));
        }
        self.marks.insert(approval.id, approval.picture);
        Ok(())
    }

    /// Unmarks what is decided, gone or another request now; says how many of them changed.
    fn follow(&mut self, ctx: &Ctx<'_>) -> usize {
        let mut changed = 0;
        self.marks
            .retain(|id, picture| match ctx.model.approvals.get(id) {
                Some(approval) if !approval.is_pending() => false,
                Some(approval) if approval.picture != *picture => {
                    changed += 1;
                    false
                }
                Some(_) => true,
                None => !ctx.model.loaded,
            });
        if self.marks.is_empty() {
            self.typed = None;
        }
        changed
    }

    /// Everything marked, oldest first.
    pub(super) fn items<'a>(&self, ctx: &Ctx<'a>) -> Vec<&'a Approval> {
        ctx.model
            .pending()
            .filter(|approval| self.is_marked(approval.id))
            .collect()
    }

    fn picture(&self) -> Digest {
        let all: Vec<String> = self
            .marks
            .iter()
            .map(|(id, digest)| format!("{id}{digest}"))
            .collect();
        Digest::of_bytes(all.concat().as_bytes())
    }

    /// The sheet is on the screen, or was said; `end` if to its last line.
    pub(super) fn painted(&self, end: bool, ctx: &Ctx<'_>) {
        let picture = self.picture();
        let same = self.seen.get().filter(|(before, ..)| *before == picture);
        let since = same.map_or(ctx.time.mono, |(_, since, _)| since);
        self.seen
            .set(Some((picture, since, end || same.is_some_and(|(.., end)| end))));
    }

    pub(super) fn forget(&self) {
        self.seen.set(None);
    }

    /// Why nothing may be decided from the sheet yet.
    fn too_soon(&self, needs_end: bool, ctx: &Ctx<'_>) -> Option<String> {
        let Some((_, since, end)) = self.seen.get().filter(|(picture, ..)| *picture == self.picture()) else {
            return Some("key ignored: the sheet was not on the screen yet".to_owned());
        };
        if ctx.time.mono.saturating_sub(since) < ctx.prefs.guard {
            return Some("key ignored: the sheet has only just come; look, then press again".to_owned());
        }
        (needs_end && !end).then(|| {
            format!(
                "read the sheet to its end first ({})",
                ctx.keymap.first(Action::PageDown)
            )
        })
    }
}

/// Why a request is not decided from a sheet.
fn refused(approval: &Approval, ctx: &Ctx<'_>) -> Option<&'static str> {
    if approval.confirm_word().is_some() {
        Some("high risk: decided by itself only")
    } else if approval.body.unknown_effect.is_some() {
        Some("asks what became of an effect: decided by itself only")
    } else if ctx.model.outbox.held_for(approval.id).is_some() || ctx.model.outbox.is_sent(approval.id) {
        Some("you have decided it already")
    } else {
        None
    }
}

impl Approvals {
    /// Marks what is under the cursor, and moves on.
    pub(super) fn mark(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let found = self.cursor.key().and_then(|id| ctx.model.approvals.get(id));
        let Some(approval) = found else {
            return Vec::new();
        };
        match self.sheet.toggle(approval) {
            Ok(()) => {
                self.step(Action::Down, ctx);
                Vec::new()
            }
            Err(why) => vec![Cmd::Note(Note::refused(why))],
        }
    }

    /// Opens the sheet, or goes back from it.
    pub(super) fn toggle_sheet(&mut self) {
        self.look = if self.look == Look::Sheet {
            Look::Request
        } else {
            Look::Sheet
        };
        self.scroll = 0;
        self.sheet.forget();
        self.seen.forget();
    }

    /// What an action does while the sheet is open; none where it means the same as ever.
    pub(super) fn act_on_sheet(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        match action {
            Action::Batch | Action::Back | Action::Undo => None,
            Action::Approve
            | Action::Stop
            | Action::Edit
            | Action::StopRun
            | Action::Rule
            | Action::Ask
            | Action::Later
            | Action::Mark
            | Action::Diff
            | Action::History
            | Action::Open
            | Action::Copy
            | Action::CopyLink
            | Action::NextItem
            | Action::PrevItem
            | Action::NextPane
            | Action::PrevPane => Some(self.on_sheet(action, ctx)),
            _ => {
                self.scroll_by(action);
                Some(Vec::new())
            }
        }
    }

    /// What a decision key does on the sheet.
    fn on_sheet(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let no = |why: &str| vec![Cmd::Note(Note::refused(why.to_owned()))];
        if !matches!(action, Action::Approve | Action::Stop) {
            let back = ctx.keymap.first(Action::Back);
            return no(&format!(
                "on the sheet: approve all, deny all; {back} goes back to single requests"
            ));
        }
        if !ctx.model.connection.is_live() {
            return no("not connected: what is shown may be old");
        }
        let items = self.sheet.items(ctx);
        if items.iter().all(|item| refused(item, ctx).is_some()) {
            return no("nothing on the sheet can be decided from here");
        }
        if let Some(why) = self.sheet.too_soon(action == Action::Approve, ctx) {
            return no(&why);
        }
        if action == Action::Approve && ctx.prefs.plain {
            let word = self.sheet.picture().to_string()[..4].to_owned();
            (self.sheet.typed, self.sheet.word) = (Some(String::new()), Some(word));
            return Vec::new();
        }
        if action == Action::Approve {
            return self.send_sheet(ctx, |approval| answer::approve(approval, None));
        }
        (self.sheet.typed, self.sheet.word) = (Some(String::new()), None);
        Vec::new()
    }

    /// Approves everything on the sheet that may be, once the word was typed.
    pub(super) fn approve_sheet(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if !ctx.model.connection.is_live() {
            return vec![Cmd::Note(Note::refused("not connected: nothing was decided"))];
        }
        (self.sheet.typed, self.sheet.word) = (None, None);
        self.send_sheet(ctx, |approval| answer::approve(approval, None))
    }

    /// Denies everything on the sheet that may be, each for itself, with one reason.
    pub(super) fn deny_sheet(&mut self, reason: &str, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if !ctx.model.connection.is_live() {
            return vec![Cmd::Note(Note::refused("not connected: nothing was decided"))];
        }
        self.sheet.typed = None;
        self.send_sheet(ctx, |approval| answer::deny(approval, reason.to_owned()))
    }

    fn send_sheet(
        &mut self,
        ctx: &Ctx<'_>,
        verdict: impl Fn(&Approval) -> crate::model::Verdict,
    ) -> Vec<Cmd> {
        let (off, on): (Vec<&Approval>, Vec<&Approval>) = self
            .sheet
            .items(ctx)
            .into_iter()
            .partition(|approval| refused(approval, ctx).is_some());
        let mut cmds = vec![Cmd::HoldAll(
            on.iter().map(|approval| verdict(approval)).collect(),
        )];
        for approval in &on {
            self.sheet.marks.remove(&approval.id);
        }
        if !off.is_empty() {
            let text = format!(
                "{} of the sheet not decided: each is decided by itself",
                off.len()
            );
            cmds.push(Cmd::Note(Note::refused(text)));
        }
        self.scroll = 0;
        cmds
    }

    /// Marks that do not hold any more are dropped, with a word.
    pub(super) fn follow_marks(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let changed = self.sheet.follow(ctx);
        (changed > 0).then(|| {
            let text = format!("{changed} marked request(s) changed: look at them and mark them again");
            Cmd::Note(Note::refused(text))
        })
    }

    /// The sheet as lines: what is marked, each whole; below it what became of the one before.
    pub(super) fn sheet_lines(&self, ctx: &Ctx<'_>, cells: usize) -> Vec<Line> {
        let mut out = Vec::new();
        let items = self.sheet.items(ctx);
        for (at, approval) in items.iter().enumerate() {
            item(at + 1, approval, ctx, cells, &mut out);
        }
        let sent = ctx.model.outbox.sheet();
        if !sent.is_empty() {
            out.push(Line::new().add(Role::Heading, "THE SHEET BEFORE, ITEM BY ITEM"));
            out.extend(sent.iter().map(report));
        } else if items.is_empty() {
            let mark = ctx.keymap.first(Action::Mark);
            let text = format!("Nothing is marked: {mark} marks a request in the list.");
            out.push(Line::new().add(Role::Dim, text));
        }
        out
    }

    /// The sheet in its pane.
    pub(super) fn draw_sheet(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.seen.forget();
        let count = self.sheet.count();
        let key = |action| ctx.keymap.first(action);
        let foot = format!(
            "{} approve all  {} deny all…  {} back",
            key(Action::Approve),
            key(Action::Stop),
            key(Action::Back)
        );
        let pane = Pane::new(format!("Batch sheet ({count})"))
            .focus(true)
            .foot(Role::Dim, foot);
        let inner = if ctx.model.connection.is_live() {
            pane
        } else {
            pane.title(Role::Stale, format!("  {}", super::detail::stale(ctx)))
        }
        .draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        let bottom = self.sheet_bottom(usize::from(inner.width));
        let height = u16::try_from(bottom.len())
            .unwrap_or(u16::MAX)
            .min(inner.height / 2);
        let text = Rect {
            height: inner.height - height,
            ..inner
        };
        let lines = self.sheet_lines(ctx, usize::from(inner.width));
        let window = usize::from(text.height);
        self.extent.set((lines.len(), window));
        let first = self.scroll.min(lines.len().saturating_sub(window));
        for (row, line) in (0u16..text.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, text, ctx.theme, buf);
        }
        self.sheet
            .painted(first + window >= lines.len() && window > 0, ctx);
        let below = Rect {
            y: text.bottom(),
            height,
            ..inner
        };
        for (row, line) in (0u16..height).zip(&bottom) {
            line.draw_row(row, below, ctx.theme, buf);
        }
    }

    fn sheet_bottom(&self, cells: usize) -> Vec<Line> {
        if let Some(reason) = &self.sheet.typed {
            return super::detail::field("Deny all of them. One reason, for each who asked:", reason, cells);
        }
        let text = "Each is decided for itself, bound to what is shown; a high risk is left out; undo takes all back for 5 s.";
        wrap(text, cells)
            .into_iter()
            .map(|row| Line::new().add(Role::Dim, row))
            .collect()
    }

    /// A strip under the page that says what is marked.
    pub(super) fn draw_marked(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let count = self.sheet.count();
        let key = ctx.keymap.first(Action::Batch);
        let title = format!("Batch: {count} marked ({key} to review the sheet before it is sent)");
        let inner = Pane::new(title).draw(area, ctx.theme, buf);
        for (row, approval) in (0u16..inner.height).zip(self.sheet.items(ctx)) {
            let body = &approval.body;
            let risk = Sign::risk(body.risk);
            let mut line = Line::new()
                .add(Role::Mine, "[x] ")
                .add(risk.role, format!("{:<5}", risk.word))
                .add(Role::Text, clean_line(&body.action))
                .add(Role::Dim, format!("   {} › {}", body.workflow, body.task));
            if let Some(why) = refused(approval, ctx) {
                line.push(Role::Warn, format!("   {why}"));
            }
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }
}

fn item(number: usize, approval: &Approval, ctx: &Ctx<'_>, cells: usize, out: &mut Vec<Line>) {
    let body = &approval.body;
    let risk = Sign::risk(body.risk);
    let why = refused(approval, ctx);
    out.push(
        Line::new()
            .add(Role::Dim, format!("{number:>2} "))
            .add(
                if why.is_some() { Role::Dim } else { Role::Mine },
                if why.is_some() { "[ ] " } else { "[x] " },
            )
            .add(risk.role, format!("{:<5}", risk.word))
            .add(Role::Selected, clean_line(&body.action)),
    );
    let place = format!(
        "       run {} {} › {}",
        body.run.short(),
        body.workflow,
        body.task
    );
    out.push(Line::new().add(Role::Dim, clean_line(&place)));
    if let Some(why) = why {
        out.push(Line::new().add(Role::Warn, format!("       {why}")));
    }
    if let Some(reason) = &body.reason {
        for row in wrap(&format!("\"{}\"", clean(reason)), cells.saturating_sub(7)) {
            out.push(Line::new().add(Role::Text, "       ").add(Role::Quoted, row));
        }
    }
    for line in payload::lines(&body.payload, cells.saturating_sub(7)) {
        let mut row = Line::new().add(Role::Text, "       ");
        row.extend(&line);
        out.push(row);
    }
    if let Some(before) = &body.before {
        out.push(Line::new().add(Role::Heading, "       WOULD CHANGE"));
        for line in super::change::full(before, &body.payload, cells.saturating_sub(7)) {
            let mut row = Line::new().add(Role::Text, "     ");
            row.extend(&line);
            out.push(row);
        }
    }
    out.push(Line::new());
}

fn report(line: &Reported) -> Line {
    let (sign, role, word) = match &line.progress {
        Progress::Held => (Sign::EDITED.sign, Role::Mine, "not sent yet".to_owned()),
        Progress::TakenBack => ("⊘", Role::Dim, "taken back, nothing was sent".to_owned()),
        Progress::Sent => ("→", Role::Mine, "on its way".to_owned()),
        Progress::Done => ("✓", Role::Good, "done".to_owned()),
        Progress::Failed(why) => ("✗", Role::Bad, why.clone()),
    };
    Line::new()
        .add(role, format!("  {sign} "))
        .add(Role::Text, clean_line(&line.title))
        .add(role, format!("   {word}"))
}
