//! What a person types before a decision: a reason, the confirming word, an edited payload.
//!
//! Each holds the request as it was when it was opened; it decides only if nothing changed since.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::id::EntityId;
use ratatui_textarea::TextArea;
use serde_json::Value;

use super::payload;
use crate::model::Approval;
use crate::text::clean_line;
use crate::text::sanitize::is_hidden;

/// What is said to keys behind a request that changed.
pub(super) const VOID: &str = "the request changed meanwhile: nothing was decided; Esc, then look again";
/// Longest reason, characters.
const MAX_REASON: usize = 1_000;
/// Largest edited payload, bytes.
const MAX_EDIT: usize = 512 * 1024;

/// What the typing is for.
#[derive(Debug)]
pub(super) enum Kind {
    /// The reason of a denial.
    Deny(String),
    /// The word that confirms a high risk, and the payload it is about if it was edited.
    Confirm {
        word: String,
        typed: String,
        edited: Option<Value>,
    },
    /// The payload.
    Edit {
        area: Box<TextArea<'static>>,
        plain: bool,
        error: Option<String>,
        drop_asked: bool,
    },
}

/// A dialog about one request.
#[derive(Debug)]
pub(super) struct Dialog {
    pub(super) id: EntityId,
    pub(super) revision: u64,
    pub(super) kind: Kind,
    /// The request is another one now: nothing can be decided, what is typed goes nowhere.
    pub(super) void: bool,
}

/// What a key did.
pub(super) enum Typed {
    /// It was text.
    Text,
    /// Close without a decision.
    Cancel,
    /// Not done, and why.
    Refused(String),
    /// Deny with this reason.
    Deny(String),
    /// Approve, as edited if so.
    Approve(Option<Value>),
}

impl Dialog {
    pub(super) const fn deny(approval: &Approval) -> Self {
        Self {
            id: approval.id,
            revision: approval.revision,
            kind: Kind::Deny(String::new()),
            void: false,
        }
    }

    pub(super) const fn confirm(approval: &Approval, word: String, edited: Option<Value>) -> Self {
        let kind = Kind::Confirm {
            word,
            typed: String::new(),
            edited,
        };
        Self {
            id: approval.id,
            revision: approval.revision,
            kind,
            void: false,
        }
    }

    pub(super) fn edit(approval: &Approval) -> Result<Self, String> {
        let text = payload::editable(&approval.body.payload);
        if text.len() > MAX_EDIT {
            return Err(format!(
                "too large to edit here: {} bytes, {MAX_EDIT} at most",
                text.len()
            ));
        }
        let area = Box::new(TextArea::new(text.split('\n').map(str::to_owned).collect()));
        let kind = Kind::Edit {
            area,
            plain: payload::is_plain(&approval.body.payload),
            error: None,
            drop_asked: false,
        };
        Ok(Self {
            id: approval.id,
            revision: approval.revision,
            kind,
            void: false,
        })
    }

    pub(super) fn key(&mut self, key: &KeyEvent, approval: &Approval) -> Typed {
        if self.void {
            let over = matches!(key.code, KeyCode::Esc);
            return if over {
                Typed::Cancel
            } else {
                Typed::Refused(VOID.to_owned())
            };
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match &mut self.kind {
            Kind::Deny(text) => match key.code {
                KeyCode::Esc => Typed::Cancel,
                KeyCode::Enter if text.trim().is_empty() => {
                    Typed::Refused("a denial needs a reason: whoever asked gets to read it".to_owned())
                }
                KeyCode::Enter => Typed::Deny(text.trim().to_owned()),
                code => line_key(text, code, ctrl),
            },
            Kind::Confirm { word, typed, edited } => match key.code {
                KeyCode::Esc => Typed::Cancel,
                KeyCode::Enter if word == typed => Typed::Approve(edited.take()),
                KeyCode::Enter => {
                    let word = clean_line(word);
                    Typed::Refused(format!("type {word} exactly, then Enter"))
                }
                code => line_key(typed, code, ctrl),
            },
            Kind::Edit {
                area,
                plain,
                error,
                drop_asked,
            } => edit_key(key, ctrl, area, *plain, error, drop_asked, approval),
        }
    }

    /// Takes a pasted text; the confirming word is never pasted.
    pub(super) fn paste(&mut self, text: &str) -> Typed {
        if self.void {
            return Typed::Refused(VOID.to_owned());
        }
        match &mut self.kind {
            Kind::Deny(reason) => {
                let room = MAX_REASON.saturating_sub(reason.chars().count());
                reason.extend(clean_line(text).chars().take(room));
            }
            Kind::Confirm { .. } => {
                return Typed::Refused("the word is typed, never pasted".to_owned());
            }
            Kind::Edit { area, error, .. } => {
                let size: usize = area.lines().iter().map(|line| line.len() + 1).sum();
                if size + text.len() > MAX_EDIT {
                    return Typed::Refused(format!("too large: {MAX_EDIT} bytes at most"));
                }
                *error = None;
                area.insert_str(crate::text::clean(text));
            }
        }
        Typed::Text
    }

    /// Takes the whole edited text, as the plain view hands it over.
    pub(super) fn replace(&mut self, text: &str) {
        if let Kind::Edit { area, error, .. } = &mut self.kind
            && text.len() <= MAX_EDIT
        {
            **area = TextArea::new(text.split('\n').map(str::to_owned).collect());
            *error = None;
        }
    }

    /// Text that would be lost.
    pub(super) fn is_draft(&self, approval: Option<&Approval>) -> bool {
        match &self.kind {
            Kind::Deny(text) => !text.is_empty(),
            Kind::Confirm { edited, .. } => edited.is_some(),
            Kind::Edit { area, .. } => {
                approval.is_none_or(|a| area.lines().join("\n") != payload::editable(&a.body.payload))
            }
        }
    }
}

fn line_key(text: &mut String, code: KeyCode, ctrl: bool) -> Typed {
    match code {
        KeyCode::Char('u') if ctrl => text.clear(),
        KeyCode::Char('w') if ctrl => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        KeyCode::Char(c) if !ctrl && !is_hidden(c) && text.chars().count() < MAX_REASON => text.push(c),
        KeyCode::Backspace => {
            text.pop();
        }
        _ => {}
    }
    Typed::Text
}

fn edit_key(
    key: &KeyEvent,
    ctrl: bool,
    area: &mut TextArea<'static>,
    plain: bool,
    error: &mut Option<String>,
    drop_asked: &mut bool,
    approval: &Approval,
) -> Typed {
    match key.code {
        KeyCode::Esc => {
            let changed = area.lines().join("\n") != payload::editable(&approval.body.payload);
            if changed && !*drop_asked {
                *drop_asked = true;
                return Typed::Refused("Esc again drops your text; Ctrl-S approves it".to_owned());
            }
            return Typed::Cancel;
        }
        KeyCode::Char('s') if ctrl => {
            return match payload::parse(&area.lines().join("\n"), plain) {
                Ok(value) if value == approval.body.payload && approval.body.unknown_effect.is_none() => {
                    Typed::Refused("nothing was changed: Esc, then a approves it as it is".to_owned())
                }
                Ok(value) => Typed::Approve(Some(value)),
                Err(what) => {
                    *error = Some(what.clone());
                    Typed::Refused(what)
                }
            };
        }
        _ => {}
    }
    if matches!(key.code, KeyCode::Char(c) if is_hidden(c)) {
        return Typed::Refused("a character nobody would see is not taken".to_owned());
    }
    *drop_asked = false;
    *error = None;
    let size: usize = area.lines().iter().map(|line| line.len() + 1).sum();
    if size >= MAX_EDIT && matches!(key.code, KeyCode::Char(_) | KeyCode::Enter) {
        return Typed::Refused(format!("too large: {MAX_EDIT} bytes at most"));
    }
    area.input(*key);
    Typed::Text
}
