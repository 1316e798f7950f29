//! What of the inbox outlives the client: the selection, and a text that was not sent. A text is taken up again with
//! the key that began it, and only about the very request it was written for.

use dirigent_protocol::id::EntityId;
use serde_json::{Value, json};

use super::dialog::{Dialog, Kind, Purpose};
use super::page::Approvals;
use crate::keymap::Action;
use crate::model::{Approval, Cmd, Note};
use crate::pages::Ctx;

/// A text that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    id: EntityId,
    /// Digest of what the request asked.
    picture: String,
    /// The action that began it.
    action: Action,
    text: String,
}

impl Draft {
    fn of(dialog: &Dialog) -> Option<Self> {
        let text = dialog.text().filter(|_| dialog.is_draft(None) && !dialog.void)?;
        Some(Self {
            id: dialog.id,
            picture: dialog.picture.to_string(),
            action: begun_by(&dialog.kind)?,
            text,
        })
    }

    fn read(kept: &Value) -> Option<Self> {
        let actions = [
            Action::Stop,
            Action::StopRun,
            Action::Ask,
            Action::Edit,
            Action::Amend,
        ];
        Some(Self {
            id: kept["id"].as_str()?.parse().ok()?,
            picture: kept["picture"].as_str()?.to_owned(),
            action: actions
                .into_iter()
                .find(|action| kept["action"] == action.name())?,
            text: kept["text"].as_str()?.to_owned(),
        })
    }

    fn is_about(&self, approval: &Approval) -> bool {
        self.id == approval.id && self.picture == approval.picture.to_string()
    }
}

/// The action that opens such a dialog; none where nothing typed is worth keeping.
const fn begun_by(kind: &Kind) -> Option<Action> {
    match kind {
        Kind::Deny(_) => Some(Action::Stop),
        Kind::Words {
            purpose: Purpose::StopRun,
            ..
        } => Some(Action::StopRun),
        Kind::Words {
            purpose: Purpose::Ask,
            ..
        } => Some(Action::Ask),
        Kind::Edit { amends: true, .. } => Some(Action::Amend),
        Kind::Edit { .. } => Some(Action::Edit),
        Kind::Words { .. } | Kind::Confirm { .. } | Kind::Rule { .. } => None,
    }
}

impl Approvals {
    pub(super) fn kept(&self) -> Value {
        let draft = self.dialog.as_ref().and_then(Draft::of);
        let draft = draft.or_else(|| self.draft.clone()).map(|draft| {
            json!({
                "id": draft.id,
                "picture": draft.picture,
                "action": draft.action.name(),
                "text": draft.text,
            })
        });
        match (self.cursor.key(), draft, self.narrow.is_narrowed()) {
            (None, None, false) => Value::Null,
            (selected, draft, _) => {
                json!({ "selected": selected, "draft": draft, "narrow": self.narrow.keep() })
            }
        }
    }

    pub(super) fn take_up_kept(&mut self, kept: &Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.narrow.take_up(&kept["narrow"]);
        let selected = kept["selected"].as_str().and_then(|id| id.parse().ok());
        if let Some(id) = selected.filter(|id| ctx.model.approvals.contains_key(id)) {
            self.cursor.set(id);
            self.show(Some(id));
        }
        let Some(draft) = Draft::read(&kept["draft"]) else {
            return Vec::new();
        };
        let note = match ctx.model.approvals.get(&draft.id) {
            Some(approval) if draft.is_about(approval) && approval.is_pending() => {
                let note = format!(
                    "your unsent text is kept: {} goes on with it",
                    ctx.keymap.first(draft.action)
                );
                self.draft = Some(draft);
                note
            }
            _ => format!(
                "the request your text was for is another one now; the text was: {}",
                crate::text::clean_line(&draft.text)
            ),
        };
        vec![Cmd::Note(Note::info(note))]
    }

    /// Puts the kept text into a dialog that was just opened, if it is about the same.
    pub(super) fn take_up_draft(&mut self) {
        let Some(dialog) = &mut self.dialog else { return };
        let picture = dialog.picture.to_string();
        let begun = begun_by(&dialog.kind);
        let mine = self
            .draft
            .take_if(|draft| (draft.id, &draft.picture, Some(draft.action)) == (dialog.id, &picture, begun));
        if let Some(draft) = mine {
            let _taken = dialog.replace(&draft.text);
        }
    }
}
