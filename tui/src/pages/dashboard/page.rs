//! The page itself: panes, cursors, actions.

use std::cell::Cell;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::first_steps::{self, STEPS};
use super::needs::{self, Need};
use crate::keymap::{Action, Bind};
use crate::model::{Cmd, Run};
use crate::nav::Place;
use crate::pages::{Ctx, Input, Meta, Page, Speech};
use crate::text::span;
use crate::widgets::Cursor;

/// Its declaration.
pub const META: Meta = Meta {
    id: "dashboard",
    title: "Dashboard",
    space: 1,
    letter: 'd',
    about: "what needs you, what runs, how the fleet is",
    bindings: &[
        Bind::footer(Action::Open, "open"),
        Bind::new(Action::Up, "up"),
        Bind::new(Action::Down, "down"),
        Bind::new(Action::Top, "first"),
        Bind::new(Action::Bottom, "last"),
        Bind::new(Action::HalfUp, "half a page up"),
        Bind::new(Action::HalfDown, "half a page down"),
        Bind::new(Action::PageUp, "page up"),
        Bind::new(Action::PageDown, "page down"),
        Bind::new(Action::Copy, "copy the command of a first step"),
        Bind::new(Action::CopyLink, "copy the link"),
    ],
};

/// The panes, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// What needs a person.
    #[default]
    Needs,
    /// Runs.
    Runs,
    /// The last hour.
    Activity,
    /// What there is.
    Fleet,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Needs, Self::Runs, Self::Activity, Self::Fleet];

    fn step(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|part| *part == self).unwrap_or(0);
        Self::ALL[(at + if forward { 1 } else { 3 }) % 4]
    }
}

/// The dashboard.
#[derive(Debug, Default)]
pub struct Dashboard {
    pub(super) part: Part,
    pub(super) needs: Cursor<Need>,
    pub(super) runs: Cursor<RunId>,
    pub(super) step: usize,
    pub(super) rows: Cell<usize>,
}

impl Dashboard {
    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match action {
            Action::NextPane => self.part = self.part.step(true),
            Action::PrevPane => self.part = self.part.step(false),
            Action::Back => self.part = Part::Needs,
            Action::Open => return self.open_here(ctx),
            Action::Copy => return self.copy_step(ctx),
            Action::CopyLink => {
                return vec![Cmd::Copy(
                    self.target(ctx).unwrap_or_else(|| self.place()).to_string(),
                )];
            }
            _ => self.step(action, ctx),
        }
        Vec::new()
    }

    fn step(&mut self, action: Action, ctx: &Ctx<'_>) {
        let page = self.rows.get();
        match self.part {
            Part::Needs if first_steps::show(ctx) => {
                self.step = match action {
                    Action::Up | Action::Top => self.step.saturating_sub(1),
                    Action::Down | Action::Bottom => (self.step + 1).min(STEPS.len() - 1),
                    _ => self.step,
                };
            }
            Part::Needs => {
                self.needs.step(action, &needs::all(ctx), page);
            }
            Part::Runs => {
                self.runs.step(action, &run_ids(ctx), page);
            }
            Part::Activity | Part::Fleet => {}
        }
    }

    /// Where the thing under the cursor is.
    fn target(&self, ctx: &Ctx<'_>) -> Option<Place> {
        match self.part {
            Part::Needs if first_steps::show(ctx) => None,
            Part::Needs => match self.needs.key()? {
                Need::Approval(id) => Some(Place::approval(id)),
                Need::Faulted(run) => Some(Place::run(run)),
                Need::Store => None,
            },
            Part::Runs => self.runs.key().map(Place::run),
            Part::Activity | Part::Fleet => None,
        }
    }

    fn open_here(&self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if self.part == Part::Needs && first_steps::show(ctx) {
            return self.copy_step(ctx);
        }
        self.target(ctx).map(Cmd::Go).into_iter().collect()
    }

    fn copy_step(&self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let step = STEPS.get(self.step).filter(|_| first_steps::show(ctx));
        step.map(|step| Cmd::Copy(step.command.to_owned()))
            .into_iter()
            .collect()
    }

    fn follow(&mut self, ctx: &Ctx<'_>) {
        self.needs.follow(&needs::all(ctx));
        self.runs.follow(&run_ids(ctx));
    }
}

/// Runs in the order of the list: those that live first, then newest first.
pub(super) fn listed<'a>(ctx: &Ctx<'a>) -> Vec<&'a Run> {
    let mut runs = ctx.model.newest_runs();
    runs.sort_by_key(|run| run.status().is_final());
    runs
}

fn run_ids(ctx: &Ctx<'_>) -> Vec<RunId> {
    listed(ctx).iter().map(|run| run.id).collect()
}

impl Page for Dashboard {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match input {
            Input::Action(action) => self.act(action, ctx),
            Input::Data => {
                self.follow(ctx);
                Vec::new()
            }
            Input::Key(_) | Input::Paste(_) | Input::Text(_) | Input::Tick => Vec::new(),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(ctx, area, buf);
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        self.in_words(ctx)
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.follow(ctx);
        Vec::new()
    }

    fn open(&mut self, _path: &[String], _ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.part = Part::Needs;
        Vec::new()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Open if self.target(ctx).is_none() && !first_steps::show(ctx) => {
                Some("nothing is selected here".to_owned())
            }
            Action::Copy if !first_steps::show(ctx) => {
                Some("nothing to copy here; Y copies the link".to_owned())
            }
            _ => None,
        }
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let now = ctx.time.wall.as_second();
        let live = ctx
            .model
            .runs
            .values()
            .filter(|run| !run.status().is_final())
            .map(|run| run.seconds(now_of(ctx)));
        let asked = ctx
            .model
            .pending()
            .map(|approval| now - approval.asked_at.as_second());
        let failed = ctx
            .model
            .alerts(ctx.time.wall)
            .into_iter()
            .map(|run| now - run.updated_at.as_second());
        // Ages count in minutes here; seconds would cost a frame each.
        let soonest = live
            .chain(asked)
            .chain(failed)
            .map(|age| span::until_short_changes(age.max(60)))
            .min()?;
        Some(Duration::from_millis(soonest))
    }
}

const fn now_of(ctx: &Ctx<'_>) -> jiff::Timestamp {
    ctx.time.wall
}

/// An age for this page: whole minutes, so that nothing ticks every second.
pub(super) fn age(seconds: i64) -> String {
    if seconds < 60 {
        "<1m".to_owned()
    } else {
        span::short(seconds)
    }
}
