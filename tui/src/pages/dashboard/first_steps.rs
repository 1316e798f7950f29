//! The checklist a new user sees instead of an empty page. It goes when there is something to show.

use dirigent_protocol::entity::Kind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::Dashboard;
use crate::pages::Ctx;
use crate::text::fit;
use crate::theme::Role;
use crate::widgets::Line;

/// One first step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) command: &'static str,
    pub(super) about: &'static str,
}

/// The first steps, in order.
pub(super) const STEPS: &[Step] = &[
    Step {
        title: "See it work",
        command: "dirigent demo",
        about: "a real review, with your yes in the middle",
    },
    Step {
        title: "Add a workflow",
        command: "dirigent apply -f FILE",
        about: "Open Workflow, YAML or JSON",
    },
    Step {
        title: "Run it",
        command: "dirigent run NAME",
        about: "it goes on when you close this",
    },
    Step {
        title: "Decide",
        command: "dirigent approvals list",
        about: "! brings you to the oldest question",
    },
];

/// Whether the checklist stands in the place of the list.
pub(super) fn show(ctx: &Ctx<'_>) -> bool {
    let model = ctx.model;
    model.loaded && model.runs.is_empty() && model.approvals.is_empty() && super::needs::all(ctx).is_empty()
}

fn is_done(at: usize, ctx: &Ctx<'_>) -> bool {
    match at {
        1 => !ctx.model.of_kind(Kind::Workflow).is_empty(),
        _ => false,
    }
}

impl Dashboard {
    pub(super) fn draw_first_steps(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        Line::new()
            .add(Role::Heading, " First steps")
            .draw_row(0, area, ctx.theme, buf);
        let width = usize::from(area.width);
        for (at, step) in STEPS.iter().enumerate() {
            let here = at == self.step;
            let done = is_done(at, ctx);
            let line = Line::new()
                .add(Role::Focus, if here { ">" } else { " " })
                .add(
                    if done { Role::Good } else { Role::Dim },
                    if done { "✓ " } else { "☐ " },
                )
                .add(
                    if here { Role::Selected } else { Role::Text },
                    fit(step.title, 16),
                )
                .add(Role::Key, fit(step.command, 25));
            let row = 1 + u16::try_from(at).unwrap_or(0) * if area.height > 9 { 2 } else { 1 };
            line.draw_row(row, area, ctx.theme, buf);
            if area.height > 9 {
                let about = fit(&format!("   {}", step.about), width);
                Line::new()
                    .add(Role::Dim, about)
                    .draw_row(row + 1, area, ctx.theme, buf);
            }
        }
    }
}
