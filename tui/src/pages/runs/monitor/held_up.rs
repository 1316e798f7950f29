//! Why a run does not go on where that is not its own doing: it waits for its turn or at a door, or was set
//! aside. And what helps.
//! Owns the words for the monitor's first line.

use crate::keymap::Action;
use crate::model::Run;
use crate::pages::Ctx;
use crate::text::{clean_line, span};
use crate::theme::Role;
use crate::widgets::Line;

/// Adds the words, where there is something to say.
pub(super) fn held_up(line: &mut Line, run: &Run, ctx: &Ctx<'_>) {
    if let Some(quarantine) = &run.body.quarantine {
        let deaths = quarantine.deaths;
        line.push(Role::Bad, format!("  the daemon died {deaths} times with it; "));
        line.push(Role::Key, ctx.keymap.first(Action::Hold));
        line.push(Role::Bad, " releases it");
    } else if let Some(queue) = &run.body.queue {
        let place = queue
            .place
            .map(|place| format!("in line, {place}: "))
            .unwrap_or_default();
        line.push(Role::Waiting, format!("  {place}{}", clean_line(&queue.why)));
    } else if let Some(waits) = &run.body.waits {
        let left = waits.until.as_second() - ctx.time.wall.as_second();
        let words = format!(
            "  waits for {} ({})",
            span::short(left.max(0)),
            clean_line(&waits.what)
        );
        line.push(Role::Waiting, words);
    }
}
