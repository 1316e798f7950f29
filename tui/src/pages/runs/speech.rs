//! The list of runs in words: how many of what, in which order, and a line each.

use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::wording;
use crate::pages::{Ctx, Field, Speech};

use super::list::RunList;

impl RunList {
    /// The list as it is filtered and sorted.
    pub(super) fn in_words(&mut self, ctx: &Ctx<'_>) -> Speech {
        self.refresh(ctx);
        let all = ctx.model.runs.len();
        let order = if self.is_reversed() { ", reversed" } else { "" };
        let mut title = format!("Runs. {}", count(self.order().len(), "run"));
        if self.is_filtered() {
            title.push_str(&format!(" of {all} match {}", self.narrow().spoken()));
            if let Some(counts) = self.narrow().counts(&ctx.model.looks) {
                title.push_str(&format!(", {} on the daemon", counts.total));
            }
        }
        for (many, word) in self.counted() {
            title.push_str(&format!(", {many} {word}"));
        }
        title.push_str(&format!(". Sorted by {}{order}.", self.sorted_by()));
        let mut speech = Speech::new(title);
        let here = self.selected().copied();
        for id in self.order() {
            if let Some(run) = ctx.model.runs.get(id) {
                speech.choice(wording::run(run, ctx), Place::run(id), here == Some(*id));
            }
        }
        match (speech.rows.is_empty(), ctx.model.loaded, self.is_filtered()) {
            (true, true, true) => speech.say("No run matches."),
            (true, true, false) => {
                speech.say("No run yet. Start one: dirigent run NAME. Or see one: dirigent demo.");
            }
            (true, false, _) => speech.say("Nothing is known yet."),
            (false, ..) => {}
        }
        speech
    }
}

/// What the filter asks.
pub(super) fn filter_field() -> Field {
    Field::Line(vec![
        "Type what the runs are to hold: words of the workflow, the state, the step, the owner, the id. An empty line: all runs."
            .to_owned(),
    ])
}
