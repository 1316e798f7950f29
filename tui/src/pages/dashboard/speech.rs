//! The dashboard in words: the pane with the keys, and how the others stand.

use super::first_steps::{self, STEPS};
use super::needs::{self, Need};
use super::page::{Dashboard, Part, listed};
use super::{activity, fleet, runs};
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::wording;
use crate::pages::{Ctx, Speech};

impl Part {
    const fn spoken(self) -> &'static str {
        match self {
            Self::Needs => "what needs you",
            Self::Runs => "runs",
            Self::Activity => "the last hour",
            Self::Fleet => "the fleet",
        }
    }
}

impl Dashboard {
    /// Everything the pane with the keys shows.
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        self.rows.set(10);
        let waiting = ctx.model.undecided().count();
        let title = format!(
            "Dashboard. {} waiting for you. Runs: {}.",
            if waiting == 0 {
                "Nothing".to_owned()
            } else {
                waiting.to_string()
            },
            runs::counts(ctx)
        );
        let mut speech = Speech::new(title).part(self.part.spoken());
        match self.part {
            Part::Needs if first_steps::show(ctx) => self.first_steps(&mut speech),
            Part::Needs => self.needs(ctx, &mut speech),
            Part::Runs => {
                let here = self.runs.key();
                for run in listed(ctx) {
                    speech.choice(wording::run(run, ctx), Place::run(run.id), here == Some(&run.id));
                }
                if speech.rows.is_empty() {
                    speech.say("No run yet.");
                }
            }
            Part::Activity => activity::words(ctx).into_iter().for_each(|line| speech.say(line)),
            Part::Fleet => fleet::words(ctx).into_iter().for_each(|line| speech.say(line)),
        }
        speech
    }

    fn first_steps(&self, speech: &mut Speech) {
        speech.say(format!("{}:", count(STEPS.len(), "first step")));
        for (at, step) in STEPS.iter().enumerate() {
            let text = format!("{}: {}. {}", step.title, step.command, step.about);
            speech.line(text, at == self.step);
        }
    }

    fn needs(&self, ctx: &Ctx<'_>, speech: &mut Speech) {
        let here = self.needs.key();
        for need in needs::all(ctx) {
            let here = here == Some(&need);
            match need {
                Need::Approval(id) => {
                    if let Some(approval) = ctx.model.approvals.get(&id) {
                        speech.choice(wording::request(approval, ctx), Place::approval(id), here);
                    }
                }
                Need::Faulted(id) => {
                    if let Some(run) = ctx.model.runs.get(&id) {
                        let why = run.error().unwrap_or("no reason given");
                        let text = format!("failed: {}: {why}", wording::run(run, ctx));
                        speech.choice(text, Place::run(id), here);
                    }
                }
                Need::Store => {
                    let health = ctx.model.health.as_ref();
                    let trouble = health
                        .map(|health| health.store.trouble.as_str())
                        .unwrap_or_default();
                    speech.line(format!("alert: {trouble}"), here);
                }
            }
        }
        if speech.rows.is_empty() {
            speech.say("Nothing needs you.");
        }
    }
}
