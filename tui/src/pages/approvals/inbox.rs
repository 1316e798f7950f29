//! The list: what waits, oldest first, and what was decided.

use dirigent_protocol::entity::ApprovalStatus;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::content::clock;
use super::page::Approvals;
use crate::keymap::Action;
use crate::model::{Approval, Link};
use crate::pages::Ctx;
use crate::text::{clean_line, fit, fit_right, span};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, Pane, first_row};

/// Rows of one request.
const ROWS: usize = 2;

impl Approvals {
    /// How a request ended, as a sign.
    pub(super) fn outcome(approval: &Approval) -> (&'static str, Role) {
        let body = &approval.body;
        match body.status {
            ApprovalStatus::Approved if body.edited.is_some() => (Sign::EDITED.sign, Role::Mine),
            ApprovalStatus::Approved => ("✓", Role::Good),
            ApprovalStatus::Denied => ("✗", Role::Bad),
            ApprovalStatus::Withdrawn => ("⊘", Role::Dim),
            ApprovalStatus::Expired | ApprovalStatus::Pending => (Sign::EXPIRED.sign, Role::Dim),
        }
    }

    pub(super) fn draw_inbox(&self, ctx: &Ctx<'_>, focus: bool, area: Rect, buf: &mut Buffer) {
        let (waiting, decided) = self.rows(ctx);
        let mut pane = Pane::new(format!("Inbox ({})", waiting.len())).focus(focus).foot(
            Role::Dim,
            format!(
                "{} read  {} facets",
                ctx.keymap.first(Action::Open),
                ctx.keymap.first(Action::Facets)
            ),
        );
        pane = self.narrow.title(pane);
        if self.sheet.count() > 0 {
            pane = pane.title(Role::Mine, format!("  {} marked", self.sheet.count()));
        }
        let inner = pane.draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        if waiting.is_empty() && decided.is_empty() {
            if self.narrow.is_narrowed() && ctx.model.loaded {
                let key = ctx.keymap.first(Action::Back);
                let words = format!(" No request fits. {key} shows all.");
                Line::new()
                    .add(Role::Dim, words)
                    .draw_row(1, inner, ctx.theme, buf);
                return;
            }
            empty(ctx, inner, buf);
            return;
        }
        let width = usize::from(inner.width);
        let head = format!(
            "  {}{}{}",
            fit("risk", 6),
            fit("what", width.saturating_sub(13)),
            fit_right("due", 5)
        );
        Line::new()
            .add(Role::Dim, head)
            .draw_row(0, inner, ctx.theme, buf);
        let list = Rect {
            y: inner.y + 1,
            height: inner.height - 1,
            ..inner
        };
        self.list_rows.set(usize::from(list.height));
        let (lines, at) = self.list_lines(&waiting, &decided, ctx, width);
        let height = usize::from(list.height) / ROWS * ROWS;
        let first = first_row(at, lines.len(), height.max(1));
        for (row, line) in (0u16..list.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, list, ctx.theme, buf);
        }
    }

    /// All rows of the list, and the one the cursor is on.
    fn list_lines(
        &self,
        waiting: &[&Approval],
        decided: &[&Approval],
        ctx: &Ctx<'_>,
        width: usize,
    ) -> (Vec<Line>, usize) {
        let here = self.cursor.key();
        let mut lines: Vec<Line> = Vec::new();
        let mut at = 0;
        for approval in waiting {
            if Some(&approval.id) == here {
                at = lines.len();
            }
            let marked = self.sheet.is_marked(approval.id);
            lines.extend(request(approval, Some(&approval.id) == here, marked, ctx, width));
        }
        let today = ctx.time.wall.to_zoned(ctx.prefs.zone.clone()).date();
        let mut head = "";
        for approval in decided {
            let when = approval.body.decided_at;
            let same = when.is_some_and(|at| at.to_zoned(ctx.prefs.zone.clone()).date() == today);
            let now = if same { "decided today" } else { "decided before" };
            if now != head {
                head = now;
                lines.push(Line::new().add(Role::Dim, rule(head, width)));
            }
            if Some(&approval.id) == here {
                at = lines.len();
            }
            lines.push(settled(approval, Some(&approval.id) == here, ctx, width));
        }
        (lines, at)
    }
}

/// `── decided today ─────`
fn rule(head: &str, width: usize) -> String {
    let text = format!("── {head} ");
    let rest = width.saturating_sub(crate::text::width(&text));
    format!("{text}{}", "─".repeat(rest))
}

fn request(approval: &Approval, here: bool, marked: bool, ctx: &Ctx<'_>, width: usize) -> [Line; ROWS] {
    let body = &approval.body;
    let risk = Sign::risk(body.risk);
    let held = ctx.model.outbox.held_for(approval.id).is_some();
    let (mark, role) = if marked {
        ("x", Role::Mine)
    } else if held {
        (Sign::EDITED.sign, Sign::EDITED.role)
    } else if ctx.model.outbox.is_sent(approval.id) {
        ("→", Role::Mine)
    } else if ctx.model.is_snoozed(approval.id, ctx.time) {
        (Sign::EXPIRED.sign, Role::Dim)
    } else {
        (risk.sign, risk.role)
    };
    let due = body.expires_at.map_or_else(
        || "-".to_owned(),
        |at| span::short(at.as_second() - ctx.time.wall.as_second()),
    );
    let name = clean_line(if body.action.is_empty() {
        &body.title
    } else {
        &body.action
    })
    .into_owned();
    let first = Line::new()
        .add(Role::Focus, if here { ">" } else { " " })
        .add(role, mark)
        .add(risk.role, fit(risk.word, 5))
        .add(Role::Text, " ")
        .add_fit(
            if here { Role::Selected } else { Role::Text },
            &name,
            width.saturating_sub(13),
        )
        .add(Role::Dim, fit_right(&due, 5));
    let place = format!("  run {} {} › {}", body.run.short(), body.workflow, body.task);
    [first, Line::new().add(Role::Dim, fit(&clean_line(&place), width))]
}

fn settled(approval: &Approval, here: bool, ctx: &Ctx<'_>, width: usize) -> Line {
    let body = &approval.body;
    let (sign, role) = Approvals::outcome(approval);
    let at = body.decided_at.map_or_else(String::new, |at| clock(at, ctx));
    let who = clean_line(body.decided_by.as_deref().unwrap_or("-")).into_owned();
    Line::new()
        .add(Role::Focus, if here { ">" } else { " " })
        .add(role, sign)
        .add(Role::Dim, format!(" {} ", fit(&who, 6)))
        .add_fit(
            if here { Role::Selected } else { Role::Text },
            &body.action,
            width.saturating_sub(16),
        )
        .add(Role::Dim, fit_right(&at, 6))
}

/// What an inbox without anything in it says.
fn empty(ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let words: &[&str] = match &ctx.model.connection.link {
        Link::Connecting => &["Asking the daemon …"],
        Link::Down { .. } => &["Not connected."],
        Link::Stale | Link::Live if !ctx.model.loaded => &["Reading …"],
        Link::Stale | Link::Live => &[
            "Nothing waits for you.",
            "",
            "When a run asks, it stands here, and",
            "⚑ in the first line counts it. Nothing",
            "ever pops up over what you do.",
        ],
    };
    for (row, text) in (1u16..).zip(words) {
        Line::new()
            .add(Role::Dim, format!(" {text}"))
            .draw_row(row, area, ctx.theme, buf);
    }
}
