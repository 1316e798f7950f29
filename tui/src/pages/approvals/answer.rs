//! From a key to a decision: every check stands here, so that no other way decides.

use dirigent_protocol::run::{Decision, EffectId, Resolution};
use serde_json::Value;

use super::dialog::{Dialog, Typed};
use super::page::Approvals;
use crate::keymap::Action;
use crate::model::{Answer, Approval, Cmd, Note, Verdict};
use crate::pages::Ctx;

impl Approvals {
    /// Why nothing can be decided about a request now, apart from how long it was shown.
    pub(super) fn undecidable(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let Some(approval) = self.shown.and_then(|id| ctx.model.approvals.get(&id)) else {
            return Some("nothing is selected".to_owned());
        };
        if !approval.is_pending() {
            return Some("it is decided".to_owned());
        }
        if ctx.model.outbox.held_for(approval.id).is_some() {
            return Some("you have decided; u takes it back".to_owned());
        }
        if ctx.model.outbox.is_sent(approval.id) {
            return Some("your decision is on its way".to_owned());
        }
        if !ctx.model.connection.is_live() {
            return Some(format!(
                "{}: what is shown may be old",
                ctx.model.connection.label().1
            ));
        }
        let high = approval.confirm_word().is_some();
        if action == Action::Approve && high && !self.seen.to_the_end(approval) {
            return Some("high risk: read to the end first (PgDn)".to_owned());
        }
        None
    }

    /// Starts a decision: at once where the risk is low, with a dialog otherwise.
    pub(super) fn begin(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(approval) = self.current(ctx) else {
            return vec![Cmd::Note(Note::refused(
                "key ignored: it was not on the screen yet; Enter shows it, then decide",
            ))];
        };
        if let Some(why) = self.seen.too_soon(approval, ctx.prefs.guard, ctx.time) {
            return vec![Cmd::Note(Note::refused(why))];
        }
        match action {
            Action::Approve => match word(approval, ctx) {
                Some(word) => {
                    self.dialog = Some(Dialog::confirm(approval, word, None));
                    Vec::new()
                }
                None => vec![Cmd::Hold(approve(approval, None))],
            },
            Action::Stop => {
                self.dialog = Some(Dialog::deny(approval));
                Vec::new()
            }
            Action::Edit => match Dialog::edit(approval) {
                Ok(dialog) => {
                    self.dialog = Some(dialog);
                    Vec::new()
                }
                Err(why) => vec![Cmd::Note(Note::refused(why))],
            },
            _ => Vec::new(),
        }
    }

    /// What a dialog ended with.
    pub(super) fn typed(&mut self, typed: Typed, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match typed {
            Typed::Text => Vec::new(),
            Typed::Cancel => {
                self.dialog = None;
                Vec::new()
            }
            Typed::Refused(why) => vec![Cmd::Note(Note::refused(why))],
            Typed::Deny(reason) => self.finish(ctx, |approval| deny(approval, reason)),
            Typed::Approve(edited) => {
                let confirmed = matches!(
                    &self.dialog,
                    Some(Dialog {
                        kind: super::dialog::Kind::Confirm { .. },
                        ..
                    })
                );
                if !confirmed
                    && let Some(approval) = self.current(ctx)
                    && let Some(word) = word(approval, ctx)
                {
                    self.dialog = Some(Dialog::confirm(approval, word, edited));
                    return Vec::new();
                }
                self.finish(ctx, |approval| approve(approval, edited))
            }
        }
    }

    /// Ends a dialog with a decision, if the request is still the one the dialog was opened about.
    fn finish(&mut self, ctx: &Ctx<'_>, verdict: impl FnOnce(&Approval) -> Verdict) -> Vec<Cmd> {
        let Some(dialog) = self.dialog.take() else {
            return Vec::new();
        };
        let same = ctx
            .model
            .approvals
            .get(&dialog.id)
            .filter(|a| a.revision == dialog.revision && a.is_pending());
        match same {
            Some(approval) if ctx.model.connection.is_live() => vec![Cmd::Hold(verdict(approval))],
            Some(_) => {
                self.dialog = Some(dialog);
                vec![Cmd::Note(Note::refused("not connected: nothing was decided"))]
            }
            None => vec![Cmd::Note(Note::refused(
                "the request changed meanwhile: nothing was decided, look again",
            ))],
        }
    }
}

/// What is typed before a yes: the word of a high risk; without a screen always something, and what the request's
/// digest begins with cannot be typed ahead by anybody who has not read it.
fn word(approval: &Approval, ctx: &Ctx<'_>) -> Option<String> {
    let short = || approval.body.digest.get(..4).unwrap_or("approve").to_owned();
    let word = approval.confirm_word().map(str::to_owned);
    word.or_else(|| ctx.prefs.plain.then(short))
}

fn approve(approval: &Approval, edited: Option<Value>) -> Verdict {
    let answer = match (effect(approval), edited) {
        (Some((run, effect)), None) => Answer::Resolve {
            run,
            effect,
            resolution: Resolution::Again,
        },
        (Some((run, effect)), Some(output)) => Answer::Resolve {
            run,
            effect,
            resolution: Resolution::Happened {
                output: output.into(),
            },
        },
        (None, edited) => Answer::Decide(Decision::Approve { edited }),
    };
    let word = if matches!(&answer, Answer::Decide(Decision::Approve { edited: Some(_) })) {
        "approve as edited"
    } else {
        "approve"
    };
    verdict(approval, answer, None, word)
}

fn deny(approval: &Approval, reason: String) -> Verdict {
    match effect(approval) {
        Some((run, effect)) => {
            let resolution = Resolution::Failed {
                reason: reason.clone(),
            };
            verdict(
                approval,
                Answer::Resolve {
                    run,
                    effect,
                    resolution,
                },
                Some(reason),
                "fail",
            )
        }
        None => verdict(approval, Answer::Decide(Decision::Deny), Some(reason), "deny"),
    }
}

/// The effect the question is about, if it is one.
fn effect(approval: &Approval) -> Option<(dirigent_protocol::id::RunId, EffectId)> {
    approval
        .body
        .unknown_effect
        .map(|number| (approval.body.run.into(), EffectId(number)))
}

fn verdict(approval: &Approval, answer: Answer, reason: Option<String>, word: &str) -> Verdict {
    let title = format!("{word}: {}", approval.body.action);
    Verdict {
        approval: approval.id,
        digest: approval.body.digest.clone(),
        answer,
        reason,
        also: None,
        title,
    }
}
