//! The run as plain text, whole: what happened, a line each, then what its steps wrote.

use std::fmt::Write as _;

use super::state::Monitor;
use crate::pages::Ctx;
use crate::text::clock;

impl Monitor {
    /// The text. It is as untrusted as its parts; whoever shows it makes it harmless.
    pub(crate) fn transcript(&self, ctx: &Ctx<'_>) -> String {
        let mut out = String::new();
        for line in &self.ui.borrow().view.lines {
            let time = clock(line.time, &ctx.prefs.zone);
            let _written = writeln!(out, "{time}  {:<20}  {}", line.name, line.text);
        }
        let journal = self.journal(ctx);
        for (step, live) in journal.into_iter().flat_map(|journal| &journal.live) {
            let _written = writeln!(out, "\n== {step}");
            if live.cut > 0 {
                let _written = writeln!(out, "({} bytes before this are not kept here)", live.cut);
            }
            let _written = writeln!(out, "{}", live.text);
        }
        out
    }
}
