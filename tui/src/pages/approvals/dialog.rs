//! What a person types before a decision: a reason, the confirming word, an edited payload.
//!
//! Each holds the request as it was when it was opened; it decides only if nothing changed since.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::RuleScope;
use dirigent_protocol::id::EntityId;
use ratatui_textarea::TextArea;
use serde_json::Value;

use super::payload;
use crate::model::Approval;
use crate::text::clean_line;
use crate::text::sanitize::is_hidden;
use crate::widgets::{writing, written};

/// What is said to keys behind a request that changed.
pub(super) const VOID: &str = "the request changed meanwhile: nothing was decided; go back and look again";
/// Longest reason, characters.
pub(super) const MAX_REASON: usize = 1_000;
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
    /// A line of words: the reason of a denial that stops the run, or a question to the agent.
    Words { purpose: Purpose, text: String },
    /// What a rule covers, and how many others that wait: exactly this, this shape.
    Rule { scope: RuleScope, covers: [usize; 2] },
    /// The payload.
    Edit {
        area: Box<TextArea<'static>>,
        plain: bool,
        /// It is asked anew as changed, and nothing is decided by it.
        amends: bool,
        error: Option<String>,
        drop_asked: bool,
    },
}

/// What a line of words is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Deny and stop the run.
    StopRun,
    /// Ask the agent.
    Ask,
    /// Hand it over to a user.
    HandOver,
    /// Make a link that answers for a user.
    SignLink,
}

/// A dialog about one request.
#[derive(Debug)]
pub(super) struct Dialog {
    pub(super) id: EntityId,
    /// What the request asked when the dialog was opened.
    pub(super) picture: Digest,
    pub(super) kind: Kind,
    /// The rule that a yes makes as well.
    pub(super) rule: Option<RuleScope>,
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
    /// Words for that purpose.
    Words(Purpose, String),
    /// Approve, and make a rule of it.
    Rule(RuleScope),
    /// Ask about this instead.
    Amend(Value),
}

impl Purpose {
    /// What stands over the field.
    pub(super) const fn head(self) -> &'static str {
        match self {
            Self::StopRun => "Deny, and stop the whole run. Your reason, for whoever asked:",
            Self::Ask => "Your question; the agent's answer comes here, nothing is decided by it:",
            Self::HandOver => "Hand it over: who decides in your place? The name of a user:",
            Self::SignLink => {
                "A signed link: whoever has it answers this request once, within 24 hours, as this user:"
            }
        }
    }

    const fn needs(self) -> &'static str {
        match self {
            Self::StopRun => "a denial needs a reason: whoever asked gets to read it",
            Self::Ask => "type the question first",
            Self::HandOver | Self::SignLink => "type the name of a user first",
        }
    }
}

impl Dialog {
    pub(super) const fn deny(approval: &Approval) -> Self {
        Self {
            id: approval.id,
            picture: approval.picture,
            kind: Kind::Deny(String::new()),
            rule: None,
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
            picture: approval.picture,
            kind,
            rule: None,
            void: false,
        }
    }

    pub(super) const fn words(approval: &Approval, purpose: Purpose) -> Self {
        let kind = Kind::Words {
            purpose,
            text: String::new(),
        };
        Self {
            id: approval.id,
            picture: approval.picture,
            kind,
            rule: None,
            void: false,
        }
    }

    pub(super) const fn rule(approval: &Approval, covers: [usize; 2]) -> Self {
        let scope = RuleScope::Exact;
        Self {
            id: approval.id,
            picture: approval.picture,
            kind: Kind::Rule { scope, covers },
            rule: None,
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
        let area = Box::new(writing(&text));
        let kind = Kind::Edit {
            area,
            plain: payload::is_plain(&approval.body.payload),
            amends: false,
            error: None,
            drop_asked: false,
        };
        Ok(Self {
            id: approval.id,
            picture: approval.picture,
            kind,
            rule: None,
            void: false,
        })
    }

    /// Another content, which is asked about anew.
    pub(super) fn amend(approval: &Approval) -> Result<Self, String> {
        let mut dialog = Self::edit(approval)?;
        if let Kind::Edit { amends, .. } = &mut dialog.kind {
            *amends = true;
        }
        Ok(dialog)
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
                    Typed::Refused(format!("type {word} exactly: nothing was decided"))
                }
                code => line_key(typed, code, ctrl),
            },
            Kind::Words { purpose, text } => match key.code {
                KeyCode::Esc => Typed::Cancel,
                KeyCode::Enter if text.trim().is_empty() => Typed::Refused(purpose.needs().to_owned()),
                KeyCode::Enter => Typed::Words(*purpose, text.trim().to_owned()),
                code => line_key(text, code, ctrl),
            },
            Kind::Rule { scope, .. } => match key.code {
                KeyCode::Esc => Typed::Cancel,
                KeyCode::Enter => Typed::Rule(*scope),
                KeyCode::Up | KeyCode::Char('1') => {
                    *scope = RuleScope::Exact;
                    Typed::Text
                }
                KeyCode::Down | KeyCode::Char('2') => {
                    *scope = RuleScope::Shape;
                    Typed::Text
                }
                _ => Typed::Text,
            },
            Kind::Edit {
                area,
                error,
                drop_asked,
                ..
            } => edit_key(key, area, error, drop_asked, approval),
        }
    }

    /// A text of several lines is edited.
    pub(super) const fn is_edit(&self) -> bool {
        matches!(self.kind, Kind::Edit { .. })
    }

    /// Ends the edit with a yes to what it says.
    pub(super) fn save(&mut self, approval: &Approval) -> Typed {
        let Kind::Edit {
            area,
            plain,
            amends,
            error,
            ..
        } = &mut self.kind
        else {
            return Typed::Text;
        };
        if self.void {
            return Typed::Refused(VOID.to_owned());
        }
        match payload::parse(&written(area), *plain) {
            Ok(value) if value == approval.body.payload && approval.body.unknown_effect.is_none() => {
                Typed::Refused("nothing was changed: go back and approve it as it is".to_owned())
            }
            Ok(value) if *amends => Typed::Amend(value),
            Ok(value) => Typed::Approve(Some(value)),
            Err(what) => {
                *error = Some(what.clone());
                Typed::Refused(what)
            }
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
            Kind::Words { text: words, .. } => {
                let room = MAX_REASON.saturating_sub(words.chars().count());
                words.extend(clean_line(text).chars().take(room));
            }
            Kind::Rule { .. } => {
                return Typed::Refused("pasted text is never taken as keys".to_owned());
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

    /// Takes the whole edited text, as the plain view or an editor hands it over. The confirming word is typed.
    pub(super) fn replace(&mut self, text: &str) -> Typed {
        match &mut self.kind {
            _ if self.void => return Typed::Refused(VOID.to_owned()),
            Kind::Confirm { .. } | Kind::Rule { .. } => {
                return Typed::Refused("the word is typed, never pasted".to_owned());
            }
            Kind::Deny(reason) | Kind::Words { text: reason, .. } => {
                *reason = clean_line(text.trim_end_matches('\n'))
                    .chars()
                    .take(MAX_REASON)
                    .collect()
            }
            Kind::Edit { .. } if text.len() > MAX_EDIT => {
                return Typed::Refused(format!("too large: {MAX_EDIT} bytes at most"));
            }
            Kind::Edit { area, error, .. } => {
                let text = crate::text::clean(text);
                **area = writing(&text);
                *error = None;
            }
        }
        Typed::Text
    }

    /// The text as it stands, where it may be edited elsewhere.
    pub(super) fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Deny(text) | Kind::Words { text, .. } => Some(text.clone()),
            Kind::Edit { area, .. } => Some(written(area)),
            Kind::Confirm { .. } | Kind::Rule { .. } => None,
        }
    }

    /// Text that would be lost.
    pub(super) fn is_draft(&self, approval: Option<&Approval>) -> bool {
        match &self.kind {
            Kind::Deny(text) | Kind::Words { text, .. } => !text.is_empty(),
            Kind::Rule { .. } => false,
            Kind::Confirm { edited, .. } => edited.is_some(),
            Kind::Edit { area, .. } => {
                approval.is_none_or(|a| written(area) != payload::editable(&a.body.payload))
            }
        }
    }
}

pub(super) fn line_key(text: &mut String, code: KeyCode, ctrl: bool) -> Typed {
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
    area: &mut TextArea<'static>,
    error: &mut Option<String>,
    drop_asked: &mut bool,
    approval: &Approval,
) -> Typed {
    if key.code == KeyCode::Esc {
        let changed = written(area) != payload::editable(&approval.body.payload);
        if changed && !*drop_asked {
            *drop_asked = true;
            return Typed::Refused("the same key again drops your text".to_owned());
        }
        return Typed::Cancel;
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
