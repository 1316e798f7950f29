//! What the shell asks of the monitor: its place, its crumbs, why a key is off, and when it changes by time alone.

use std::time::Duration;

use super::again::Asked;
use super::state::Monitor;
use super::time_rows::step_name;
use crate::keymap::Action;
use crate::nav::Place;
use crate::pages::Ctx;

impl Monitor {
    /// Where it is, as a link.
    pub(crate) fn place(&self) -> Place {
        let mut place = Place::run(self.shown.run);
        let ui = self.ui.borrow();
        if let Some(cursor) = ui.cursor.as_ref().filter(|_| ui.held) {
            place.path.push("step".to_owned());
            place
                .path
                .push(cursor.to_string().replace('~', "~0").replace('/', "~1"));
        }
        place
    }

    /// The way down, for the breadcrumb.
    pub(crate) fn crumbs(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let ui = self.ui.borrow();
        let workflow = ctx
            .model
            .runs
            .get(&self.shown.run)
            .map_or(ui.view.workflow.as_str(), |run| run.body.workflow.as_str());
        let mut crumbs = vec![format!("{} {workflow}", self.shown.run.short())];
        crumbs.extend(ui.boxes.roots().iter().map(|root| {
            ui.graph
                .node(root)
                .map_or_else(String::new, |node| node.name.clone())
        }));
        crumbs.extend(ui.cursor.as_ref().map(|cursor| step_name(&ui.view, cursor)));
        crumbs
    }

    /// Why an action cannot be taken.
    pub(crate) fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let ui = self.ui.borrow();
        match action {
            Action::Stop if !ui.view.is_live() => Some(format!(
                "this run is {}: there is nothing to cancel",
                ui.view.status
            )),
            Action::Hold if !ui.view.is_live() => Some(format!("this run is {}", ui.view.status)),
            Action::Again if ui.view.seq == 0 => Some("the run's events have not come yet".to_owned()),
            Action::Edit if self.shown.asked != Asked::Again => {
                let key = ctx.keymap.first(Action::Again);
                Some(format!(
                    "{key} asks from where to begin again; there an input can be given"
                ))
            }
            Action::Stop | Action::Hold | Action::Again if !ctx.model.connection.is_live() => {
                Some("disconnected: the daemon cannot be told".to_owned())
            }
            Action::Sort | Action::SortReverse => Some(format!(
                "this is for the list; {} goes up",
                ctx.keymap.first(Action::Back)
            )),
            Action::Approve if self.shown.asked == Asked::Nothing && ui.view.asking().is_none() => {
                Some("this run asks nothing".to_owned())
            }
            _ => None,
        }
    }

    /// After how long something visible changes.
    pub(crate) fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let follow = self.due.map(|due| due.saturating_sub(ctx.time.mono));
        let ui = self.ui.borrow();
        let ticks = ui.view.is_live() && ui.view.seq > 0 && ctx.model.connection.is_live();
        let elapsed = ui.view.since(ctx.time.wall);
        // Beyond an hour minutes are shown; a young step still counts seconds.
        let young = ui.view.youngest(elapsed) < 3_600_000;
        let unit = if young { 1_000 } else { 60_000 };
        let second = ticks.then(|| Duration::from_millis(unit - elapsed % unit));
        [follow, second].into_iter().flatten().min()
    }
}
