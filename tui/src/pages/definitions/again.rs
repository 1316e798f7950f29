//! Rolling back: the version under the cursor is published again, once a person said yes.

use super::page::Definitions;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Note};
use crate::pages::Ctx;

impl Definitions {
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
