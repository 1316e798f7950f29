//! What needs a person: approvals by risk and age, then runs that failed, then a store in trouble.

use dirigent_protocol::id::{EntityId, RunId};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Dashboard, age};
use crate::model::Link;
use crate::pages::Ctx;
use crate::text::{clean_line, fit, fit_right, width};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, first_row};

/// One thing that needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// A decision.
    Approval(EntityId),
    /// A look at a run that failed.
    Faulted(RunId),
    /// A look at the store.
    Store,
}

/// All of them, the most pressing first.
pub(super) fn all(ctx: &Ctx<'_>) -> Vec<Need> {
    let mut approvals: Vec<_> = ctx
        .model
        .undecided()
        .filter(|a| !ctx.model.is_snoozed(a.id, ctx.time))
        .collect();
    approvals.sort_by_key(|a| (std::cmp::Reverse(a.body.risk), a.asked_at, a.id));
    let trouble = ctx
        .model
        .health
        .as_ref()
        .is_some_and(|health| !health.store.trouble.is_empty());
    let mut out: Vec<Need> = trouble.then_some(Need::Store).into_iter().collect();
    out.extend(approvals.iter().map(|approval| Need::Approval(approval.id)));
    out.extend(
        ctx.model
            .alerts(ctx.time.wall)
            .iter()
            .map(|run| Need::Faulted(run.id)),
    );
    out
}

impl Dashboard {
    pub(super) fn draw_needs(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let needs = all(ctx);
        if needs.is_empty() {
            quiet(ctx, area, buf);
            return;
        }
        let height = usize::from(area.height);
        let here = self.needs.row(&needs);
        let lead = ctx
            .model
            .undecided()
            .map(|a| width(&clean_line(&a.body.workflow)) + 7)
            .max()
            .unwrap_or(0);
        let first = first_row(here, needs.len(), height);
        for (row, (at, need)) in (0u16..area.height).zip(needs.iter().enumerate().skip(first)) {
            let line = line(
                *need,
                at == here && self.needs.key().is_some(),
                lead,
                ctx,
                usize::from(area.width),
            );
            line.draw_row(row, area, ctx.theme, buf);
        }
    }
}

fn line(need: Need, here: bool, lead: usize, ctx: &Ctx<'_>, width: usize) -> Line {
    let name = if here { Role::Selected } else { Role::Text };
    let mut line = Line::new().add(Role::Focus, if here { ">" } else { " " });
    let room = width.saturating_sub(13);
    let now = ctx.time.wall.as_second();
    match need {
        Need::Approval(id) => {
            let Some(approval) = ctx.model.approvals.get(&id) else {
                return line;
            };
            let body = &approval.body;
            let sign = Sign::risk(body.risk);
            line.push(sign.role, format!("{} {}", Sign::PERSON.sign, fit(sign.word, 6)));
            let who = clean_line(&body.workflow).into_owned();
            let who = format!("{who} wants ");
            let lead = lead.min(room * 45 / 100);
            line.push(Role::Text, fit(&who, lead));
            line.push_fit(name, &body.action, room - lead);
            line.push(Role::Dim, fit_right(&age(now - approval.asked_at.as_second()), 4));
        }
        Need::Faulted(id) => {
            let Some(run) = ctx.model.runs.get(&id) else {
                return line;
            };
            let sign = Sign::ALERT;
            line.push(sign.role, format!("{} {}", sign.sign, fit("fail", 6)));
            let body = &run.body;
            // A run may fail before its first step or as a whole.
            let what = if body.step.is_empty() {
                body.workflow.clone()
            } else {
                format!("{} at {}", body.workflow, body.step)
            };
            let lead = room / 2;
            line.push_fit(name, &what, lead);
            let why = run.error().unwrap_or("faulted");
            line.push(Role::Dim, fit(&clean_line(&format!(" {why}")), room - lead));
            line.push(Role::Dim, fit_right(&age(now - run.updated_at.as_second()), 4));
        }
        Need::Store => {
            let trouble = ctx
                .model
                .health
                .as_ref()
                .map(|health| health.store.trouble.as_str())
                .unwrap_or_default();
            line.push(Role::Bad, format!("{} {}", Sign::ALERT.sign, fit("alert", 6)));
            line.push_fit(name, trouble, room + 4);
        }
    }
    line
}

/// What the pane says when nothing needs a person.
fn quiet(ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let words = if ctx.model.loaded {
        "Nothing needs you."
    } else {
        not_known(ctx)
    };
    Line::new()
        .add(Role::Dim, format!(" {words}"))
        .draw_row(0, area, ctx.theme, buf);
}

/// Why a pane has nothing to show before the daemon has told anything.
pub(super) const fn not_known(ctx: &Ctx<'_>) -> &'static str {
    match ctx.model.connection.link {
        Link::Connecting => "Asking the daemon …",
        Link::Stale | Link::Live => "Reading …",
        Link::Down { .. } => "Nothing is known yet.",
    }
}
