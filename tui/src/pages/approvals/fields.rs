//! The page's text fields: which keys they know, and the one reason for a whole sheet.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::dialog::{Kind, MAX_REASON, Purpose, line_key};
use super::page::Approvals;
use crate::keymap::{Action, FieldKey};
use crate::model::{Cmd, Note};
use crate::pages::Ctx;

impl Approvals {
    /// A key while the reason for the whole sheet is typed.
    pub(super) fn sheet_key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(text) = &mut self.sheet.typed else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc => self.sheet.typed = None,
            KeyCode::Enter if self.sheet.word.is_some() => {
                if self.sheet.word.as_deref() == Some(text.as_str()) {
                    return self.approve_sheet(ctx);
                }
                return vec![Cmd::Note(Note::refused(
                    "that is not the word: nothing was decided",
                ))];
            }
            KeyCode::Enter if text.trim().is_empty() => {
                let why = "a denial needs a reason: whoever asked gets to read it";
                return vec![Cmd::Note(Note::refused(why))];
            }
            KeyCode::Enter => {
                let reason = text.trim().to_owned();
                return self.deny_sheet(&reason, ctx);
            }
            code => drop(line_key(
                text,
                code,
                key.modifiers.contains(KeyModifiers::CONTROL),
            )),
        }
        Vec::new()
    }

    pub(super) fn sheet_paste(&mut self, pasted: &str) {
        if let Some(text) = &mut self.sheet.typed {
            let room = MAX_REASON.saturating_sub(text.chars().count());
            text.extend(crate::text::clean_line(pasted).chars().take(room));
        }
    }

    /// Keys of the field that has the focus, and what they do.
    pub(super) fn keys_of_field(&self) -> &'static [(FieldKey, &'static str)] {
        if self.narrow.typing() {
            return &[
                (FieldKey::ENTER, "keep the filter"),
                (FieldKey::ESC, "all requests"),
            ];
        }
        match self.dialog.as_ref().map(|dialog| &dialog.kind) {
            Some(Kind::Deny(_)) => &[
                (FieldKey::ENTER, "deny with this reason"),
                (FieldKey::ESC, "back, nothing decided"),
            ],
            Some(Kind::Words {
                purpose: Purpose::StopRun,
                ..
            }) => &[
                (FieldKey::ENTER, "deny and stop the run"),
                (FieldKey::ESC, "back, nothing decided"),
            ],
            Some(Kind::Words {
                purpose: Purpose::Ask,
                ..
            }) => &[(FieldKey::ENTER, "ask"), (FieldKey::ESC, "back, nothing asked")],
            Some(Kind::Words {
                purpose: Purpose::HandOver,
                ..
            }) => &[
                (FieldKey::ENTER, "hand it over"),
                (FieldKey::ESC, "back, nothing done"),
            ],
            Some(Kind::Words {
                purpose: Purpose::SignLink,
                ..
            }) => &[
                (FieldKey::ENTER, "make the link"),
                (FieldKey::ESC, "back, nothing done"),
            ],
            Some(Kind::Rule { .. }) => &[
                (FieldKey::CHOOSE, "choose"),
                (FieldKey::ENTER, "approve, and make it the rule"),
                (FieldKey::ESC, "back, nothing decided"),
            ],
            Some(Kind::Confirm { .. }) => &[
                (FieldKey::ENTER, "approve"),
                (FieldKey::ESC, "back, nothing decided"),
            ],
            Some(Kind::Edit { .. }) => &[
                (FieldKey::Of(Action::Save), "approve as edited, marked yours"),
                (FieldKey::ESC, "back, nothing decided"),
            ],
            None => &[],
        }
    }
}
