//! From a key to a decision: every check stands here, so that no other way decides.

use dirigent_protocol::command::Also;
use dirigent_protocol::entity::{RuleScope, may_be_ruled};
use dirigent_protocol::run::{Decision, EffectId, Resolution};
use serde_json::Value;

use super::dialog::{Dialog, Purpose, Typed};
use super::handing::may_not;
use super::like;
use super::page::{Approvals, Look, Part};
use crate::keymap::Action;
use crate::model::{Answer, Approval, Cmd, LinkCmd, Note, Verdict};
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
            return Some(format!(
                "you have decided; {} takes it back",
                ctx.keymap.first(Action::Undo)
            ));
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
        if matches!(action, Action::Ask | Action::Delegate | Action::Link) {
            return None;
        }
        if self.look != Look::Request {
            return Some(format!(
                "this is a look from aside; {} goes back to the request",
                ctx.keymap.first(Action::Back)
            ));
        }
        let unknown = approval.body.unknown_effect.is_some();
        match action {
            Action::StopRun if unknown => {
                return Some(
                    "it asks what became of an effect; the run is cancelled from its own page".to_owned(),
                );
            }
            Action::Rule if !may_be_ruled(&approval.body) => {
                return Some("a high risk is never decided by a rule".to_owned());
            }
            Action::Amend if unknown => {
                return Some("what became of an effect is not changed by asking otherwise".to_owned());
            }
            Action::Approve | Action::Edit | Action::Rule => {
                if let Some(why) = may_not(&approval.body, ctx.model.connection.subject()) {
                    return Some(why);
                }
            }
            _ => {}
        }
        let high = approval.confirm_word().is_some();
        if action == Action::Approve && high && !self.seen.to_the_end(approval) {
            return Some(format!(
                "high risk: read to the end first ({})",
                ctx.keymap.first(Action::PageDown)
            ));
        }
        None
    }

    /// Starts a decision: at once where the risk is low, with a dialog otherwise.
    pub(super) fn begin(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(approval) = self.current(ctx) else {
            return vec![Cmd::Note(Note::refused(
                "key ignored: it was not on the screen yet; open it, then decide",
            ))];
        };
        if let Some(why) = self.seen.too_soon(approval, ctx.prefs.guard, ctx.time) {
            return vec![Cmd::Note(Note::refused(why))];
        }
        let cmds = self.open_dialog(action, approval, ctx);
        self.take_up_draft();
        cmds
    }

    fn open_dialog(&mut self, action: Action, approval: &Approval, ctx: &Ctx<'_>) -> Vec<Cmd> {
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
            Action::StopRun => {
                self.dialog = Some(Dialog::words(approval, Purpose::StopRun));
                Vec::new()
            }
            Action::Rule => {
                let covers =
                    [RuleScope::Exact, RuleScope::Shape].map(|scope| like::covered(approval, scope, ctx));
                self.dialog = Some(Dialog::rule(approval, covers));
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

    /// Opens the line for a question; nothing is decided by it.
    pub(super) fn ask(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match self.current(ctx) {
            Some(approval) => {
                self.part = Part::Detail;
                self.dialog = Some(Dialog::words(approval, Purpose::Ask));
                self.take_up_draft();
                Vec::new()
            }
            None => vec![Cmd::Note(Note::refused("nothing is selected"))],
        }
    }

    /// Sends the question, if the request is still the one it was typed about.
    fn put(&mut self, question: String, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(dialog) = self.dialog.take() else {
            return Vec::new();
        };
        match ctx.model.approvals.get(&dialog.id) {
            Some(approval) if approval.picture == dialog.picture && ctx.model.connection.is_live() => {
                self.look = Look::Request;
                vec![Cmd::Link(LinkCmd::Ask {
                    approval: approval.id,
                    digest: approval.body.digest.clone(),
                    question,
                })]
            }
            _ => vec![Cmd::Note(Note::refused(
                "nothing was asked: not connected, or the request changed",
            ))],
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
            Typed::Words(Purpose::StopRun, reason) => self.finish(ctx, |approval| Verdict {
                also: Some(Also::StopRun {}),
                title: format!("deny and stop the run: {}", approval.body.action),
                ..deny(approval, reason)
            }),
            Typed::Words(Purpose::Ask, question) => self.put(question, ctx),
            Typed::Words(purpose, user) => self.handed(purpose, user, ctx),
            Typed::Amend(payload) => self.amended(payload, ctx),
            Typed::Rule(scope) => match self.current(ctx).and_then(|a| Some((a, word(a, ctx)?))) {
                Some((approval, word)) => {
                    let confirm = Dialog::confirm(approval, word, None);
                    self.dialog = Some(Dialog {
                        rule: Some(scope),
                        ..confirm
                    });
                    Vec::new()
                }
                None => self.finish(ctx, |approval| ruled(approval, scope)),
            },
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
                match self.dialog.as_ref().and_then(|dialog| dialog.rule) {
                    Some(scope) => self.finish(ctx, |approval| ruled(approval, scope)),
                    None => self.finish(ctx, |approval| approve(approval, edited)),
                }
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
            .filter(|a| a.picture == dialog.picture && a.is_pending());
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

/// A yes that is a rule from then on.
fn ruled(approval: &Approval, scope: RuleScope) -> Verdict {
    Verdict {
        also: Some(Also::AddRule { scope, name: None }),
        title: format!(
            "approve, with a rule ({}): {}",
            scope.as_str(),
            approval.body.action
        ),
        ..approve(approval, None)
    }
}

pub(super) fn approve(approval: &Approval, edited: Option<Value>) -> Verdict {
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

pub(super) fn deny(approval: &Approval, reason: String) -> Verdict {
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
