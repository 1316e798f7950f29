//! Where the panes stand at every size.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::first_steps;
use super::needs;
use super::page::{Dashboard, Part};
use super::runs::counts;
use crate::keymap::{Action, Command};
use crate::model::Link;
use crate::pages::Ctx;
use crate::text::{amount, clean, wrap};
use crate::theme::Role;
use crate::widgets::{Line, Pane, Size};

impl Dashboard {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let area = banner(ctx, area, buf);
        let size = Size::of(area);
        if size.is_single() || area.height < 14 {
            self.draw_single(ctx, size, area, buf);
            return;
        }
        for (part, place) in places(size, area) {
            self.draw_part(part, ctx, place, buf);
        }
    }

    /// One pane, with the others named in a line above it.
    fn draw_single(&self, ctx: &Ctx<'_>, size: Size, area: Rect, buf: &mut Buffer) {
        let mut tabs = Line::new();
        if size != Size::Tiny {
            for part in Part::ALL {
                let here = part == self.part;
                let name = title(part, ctx, true);
                tabs.push(
                    if here { Role::Heading } else { Role::Dim },
                    if here {
                        format!(" [{name}]")
                    } else {
                        format!("  {name} ")
                    },
                );
            }
            tabs.draw_row(0, area, ctx.theme, buf);
        }
        let skip = u16::from(size != Size::Tiny).min(area.height);
        let body = Rect {
            y: area.y + skip,
            height: area.height - skip,
            ..area
        };
        self.draw_part(self.part, ctx, body, buf);
    }

    fn draw_part(&self, part: Part, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let key = |action| ctx.keymap.first(action);
        let page = |id| {
            let keys = ctx.keymap.keys(Command::Page(id));
            keys.first().map(ToString::to_string).unwrap_or_default()
        };
        let foot = match part {
            Part::Needs if first_steps::show(ctx) => format!("{} copies the command", key(Action::Open)),
            Part::Needs => format!(
                "{} oldest approval  {} look",
                key(Action::Oldest),
                key(Action::Open)
            ),
            Part::Runs => match ctx.model.runs.len() as u64 {
                0 if ctx.model.loaded => String::new(),
                0 => format!("{} opens", key(Action::Open)),
                total => format!("{}   {} opens", amount::many(total, "run"), key(Action::Open)),
            },
            Part::Fleet => format!("{} agents  {} workflows", page("agents"), page("workflows")),
            Part::Activity => String::new(),
        };
        let mut pane = Pane::new(title(part, ctx, false))
            .focus(part == self.part)
            .foot(Role::Dim, foot);
        if !ctx.model.connection.is_live() && ctx.model.loaded {
            pane = pane.title(Role::Stale, "  last known");
        }
        let inner = pane.draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        match part {
            Part::Needs if first_steps::show(ctx) => self.draw_first_steps(ctx, inner, buf),
            Part::Needs => self.draw_needs(ctx, inner, buf),
            Part::Runs => self.draw_runs(ctx, inner, buf),
            Part::Activity => self.draw_activity(ctx, inner, buf),
            Part::Fleet => self.draw_fleet(ctx, inner, buf),
        }
    }
}

/// Where the four panes stand, from 100 columns on.
fn places(size: Size, area: Rect) -> [(Part, Rect); 4] {
    let fleet = if area.height >= 24 { 5 } else { 0 };
    let [upper, lower] = Layout::vertical([
        Constraint::Length((area.height / 3).clamp(6, 12)),
        Constraint::Fill(1),
    ])
    .areas(area);
    if size == Size::Wide {
        let [needs, activity, fleet] = Layout::horizontal([Constraint::Fill(1); 3]).areas(upper);
        return [
            (Part::Needs, needs),
            (Part::Activity, activity),
            (Part::Fleet, fleet),
            (Part::Runs, lower),
        ];
    }
    let [needs, activity] = Layout::horizontal([Constraint::Fill(1); 2]).areas(upper);
    let [runs, fleet] = Layout::vertical([Constraint::Fill(1), Constraint::Length(fleet)]).areas(lower);
    [
        (Part::Needs, needs),
        (Part::Activity, activity),
        (Part::Runs, runs),
        (Part::Fleet, fleet),
    ]
}

fn title(part: Part, ctx: &Ctx<'_>, short: bool) -> String {
    match part {
        Part::Needs if first_steps::show(ctx) => "Welcome".to_owned(),
        Part::Needs => format!("Needs you ({})", needs::all(ctx).len()),
        Part::Runs if short => format!("Runs ({})", ctx.model.runs.len()),
        Part::Runs => format!("Runs ({})", counts(ctx)),
        Part::Activity if short => "Last hour".to_owned(),
        Part::Activity => "Last 60 minutes".to_owned(),
        Part::Fleet => "Fleet".to_owned(),
    }
}

/// Says above everything that the line is down, why, and what to do; what is left of the area comes back.
fn banner(ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let Link::Down {
        since,
        fault,
        retry_at,
    } = &ctx.model.connection.link
    else {
        return area;
    };
    let at = since.to_zoned(ctx.prefs.zone.clone());
    let again = if retry_at.is_some() {
        "trying again"
    } else {
        "not trying again"
    };
    let mut text = format!(
        "✗ disconnected since {:02}:{:02}, {again}: {}",
        at.hour(),
        at.minute(),
        clean(&fault.message)
    );
    if let Some(help) = &fault.help {
        text.push_str(&format!(" ({})", clean(help)));
    }
    let rows = wrap(
        &text.replace('\n', " "),
        usize::from(area.width.saturating_sub(2)).max(1),
    );
    let height = u16::try_from(rows.len())
        .unwrap_or(u16::MAX)
        .min(3)
        .min(area.height / 3);
    for (row, text) in (0u16..height).zip(&rows) {
        Line::new()
            .add(Role::Bad, format!(" {text}"))
            .draw_row(row, area, ctx.theme, buf);
    }
    Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    }
}
