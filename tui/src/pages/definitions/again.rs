//! Rolling back: the version under the cursor is published again, once a person said yes.

use super::asked;
use super::page::Definitions;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Note};
use crate::pages::Ctx;
use crate::text::amount;

/// What is asked before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// This version is published again.
    RollBack(u64),
    /// The agent looks back on its own work.
    LookBack,
}

impl Definitions {
    /// Something is asked about the one under the cursor, or is on its way to it.
    pub(super) const fn is_asking(&self) -> bool {
        self.doubt.is_some() || self.launch.is_some() || self.wanted
    }

    /// Says that what is being asked is asked no more, as what it was about is gone.
    pub(super) fn unasked(&self) -> Option<Cmd> {
        let known = self.is_asking().then_some(self.what.word);
        known.map(|word| {
            Cmd::Note(Note::refused(format!(
                "that {word} is not there any more: nothing is done"
            )))
        })
    }

    /// Why there is nothing to go back to.
    pub(super) fn why_no_rollback(&self, ctx: &Ctx<'_>) -> Option<String> {
        let versions = self.versions(ctx).unwrap_or_default();
        let here = self.version(&versions).map(|version| version.number);
        match (here, versions.first()) {
            (None, _) | (_, None) => Some("no version of it is known here".to_owned()),
            (Some(here), Some(newest)) if here == newest.number => {
                Some("this is the newest version: choose an earlier one".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn ask_rollback(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let versions = self.versions(ctx).unwrap_or_default();
        let here = self.version(&versions);
        self.doubt = here.map(|version| Doubt::RollBack(version.number));
        Vec::new()
    }

    /// The answer to the question; anything but a yes is a no.
    pub(super) fn confirm(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let (Some(doubt), Some(subject)) = (self.doubt.take(), self.subject(ctx)) else {
            return Vec::new();
        };
        let command = match doubt {
            _ if action != Action::Approve => {
                let words = match doubt {
                    Doubt::RollBack(_) => "nothing is rolled back",
                    Doubt::LookBack => "it does not look back",
                };
                return vec![Cmd::Note(Note::info(words))];
            }
            Doubt::RollBack(number) => LinkCmd::Restore {
                kind: subject.kind,
                name: subject.name,
                number,
            },
            Doubt::LookBack => LinkCmd::Review { agent: subject.name },
        };
        vec![Cmd::Link(command)]
    }

    /// What is asked about, in words; what a look back costs is of what the agent's own calls cost so far.
    pub(super) fn doubted(&self, ctx: &Ctx<'_>) -> Option<String> {
        Some(match self.doubt? {
            Doubt::RollBack(number) => format!("publish v{number} again?"),
            Doubt::LookBack => {
                let subject = self.subject(ctx)?;
                let usage = asked::taken_by(&subject, &ctx.model.looks).map(|taken| taken.usage);
                let each = usage.and_then(|usage| usage.cost_micro_usd.checked_div(usage.calls));
                // Short, so that the keys of the answer are in sight at 80 columns.
                match each {
                    Some(each) => format!("look back, ~{}?", amount::usd(each)),
                    None => "look back? one call".to_owned(),
                }
            }
        })
    }

    /// Why it cannot look back now.
    pub(super) fn why_no_look_back(&self, ctx: &Ctx<'_>) -> Option<String> {
        let Some(subject) = self.subject(ctx) else {
            return Some(format!("there is no {}", self.what.word));
        };
        if !ctx.model.connection.is_live() {
            return Some("not connected".to_owned());
        }
        let taken = asked::taken_by(&subject, &ctx.model.looks);
        let idle = taken.is_some_and(|taken| taken.runs == 0);
        idle.then(|| "it has done nothing yet that it could look back on".to_owned())
    }
}
