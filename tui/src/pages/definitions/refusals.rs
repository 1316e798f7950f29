//! What cannot be done now and why, and what the keys of a field do.

use dirigent_protocol::entity::Kind;

use super::builder::Open;
use super::keys::BUILDERS;
use super::page::{Definitions, Depth};
use super::side::Side;
use crate::keymap::{Action, FieldKey};
use crate::pages::Ctx;

impl Definitions {
    /// Keys of the field that has the focus, and what they do.
    pub(super) fn keys_of_field(&self) -> &'static [(FieldKey, &'static str)] {
        match self.builder.as_ref().and_then(|builder| builder.open.as_ref()) {
            _ if self.narrow.typing() => &[
                (FieldKey::ENTER, "keep the filter"),
                (FieldKey::ESC, "all of them"),
            ],
            _ if self.launch.is_some() => &[(FieldKey::ENTER, "run it"), (FieldKey::ESC, "back")],
            Some(Open::Line(_)) => &[
                (FieldKey::CHOOSE, "choose"),
                (FieldKey::ENTER, "take it"),
                (FieldKey::ESC, "back"),
            ],
            Some(Open::Task(..)) => &[
                (FieldKey::Of(Action::Save), "take the text"),
                (FieldKey::Of(Action::EditOutside), "in $EDITOR"),
                (FieldKey::ESC, "the same"),
            ],
            _ => &[(FieldKey::ESC, "back to the steps; the text is the draft already")],
        }
    }

    /// Why an action cannot be taken now.
    pub(super) fn refuses(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        match action {
            Action::Start if self.builder.is_some() => {
                Some("what is published runs: leave the draft first".to_owned())
            }
            _ if self.builder.is_some() => None,
            Action::Approve if self.doubt.is_some() => None,
            Action::Filter | Action::Facets if self.depth != Depth::List => {
                Some("this narrows the list: go back to it".to_owned())
            }
            Action::Again => self.why_no_rollback(ctx),
            Action::Start if !ctx.model.connection.is_live() => Some("not connected".to_owned()),
            Action::Start if self.cursor.key().is_none() => Some(format!("there is no {}", self.what.word)),
            Action::History if self.what.kind == Kind::Agent => self.why_no_look_back(ctx),
            Action::History if self.newest_run(ctx).is_none() => {
                Some("no run of it is known here".to_owned())
            }
            Action::Try if self.what.sides.contains(&Side::Routes) => None,
            Action::Try if !self.what.canvas => self.why_no_trial(ctx),
            action if BUILDERS.contains(&action) => {
                Some(format!("edit one first: {}", ctx.keymap.first(Action::Edit)))
            }
            Action::Left | Action::Right => Some("this is for the drawing of the builder".to_owned()),
            Action::Edit if self.cursor.key().is_none() => Some(format!("there is no {}", self.what.word)),
            // What is said of a row of the list means nothing in the panel beside it.
            _ if self.narrow.is_open() => None,
            Action::Open | Action::Ask | Action::CopyLink if self.cursor.key().is_none() => {
                Some(format!("there is no {}", self.what.word))
            }
            Action::Copy | Action::Mark | Action::Diff
                if self.versions(ctx).is_none_or(|versions| versions.is_empty()) =>
            {
                Some("no version of it is known here".to_owned())
            }
            Action::Mark if self.depth == Depth::List => Some(format!("open the {} first", self.what.word)),
            _ => None,
        }
    }
}
