//! Rolling back: the version under the cursor is published again, once a person said yes.

use super::page::Definitions;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Note};
use crate::pages::Ctx;

impl Definitions {
    /// Something is asked about the one under the cursor, or is on its way to it.
    pub(super) const fn is_asking(&self) -> bool {
        self.rolling.is_some() || self.launch.is_some() || self.wanted
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
        self.rolling = self.version(&versions).map(|version| version.number);
        Vec::new()
    }

    /// The answer to the question; anything but a yes is a no.
    pub(super) fn confirm_rollback(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let (Some(number), Some(subject)) = (self.rolling.take(), self.subject(ctx)) else {
            return Vec::new();
        };
        if action != Action::Approve {
            return vec![Cmd::Note(Note::info("nothing is rolled back"))];
        }
        vec![Cmd::Link(LinkCmd::Restore {
            kind: subject.kind,
            name: subject.name,
            number,
        })]
    }
}
