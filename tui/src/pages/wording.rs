//! The things every page speaks of, in words for ears: a request, a run, a span of time.
//!
//! Owns the wording only; what is said where is each page's `speech`.

use dirigent_protocol::run::Status;
use jiff::Timestamp;

use super::Ctx;
use crate::model::{Approval, Run};
use crate::text::{amount, span};
use crate::theme::Sign;

/// A request: `high risk, release-train at approve-deploy, kubectl apply, due in 12 minutes`.
#[must_use]
pub fn request(approval: &Approval, ctx: &Ctx<'_>) -> String {
    let body = &approval.body;
    let what = if body.action.is_empty() {
        &body.title
    } else {
        &body.action
    };
    let mut text = format!(
        "{} risk, {} at {}, {what}",
        body.risk.as_str(),
        body.workflow,
        body.task
    );
    if let Some(at) = body.expires_at {
        text.push_str(&due(at, ctx.time.wall));
    }
    if ctx.model.outbox.held_for(approval.id).is_some() {
        text.push_str(", decided by you, not sent yet");
    } else if ctx.model.outbox.is_sent(approval.id) {
        text.push_str(", your decision is on its way");
    } else if ctx.model.is_snoozed(approval.id, ctx.time) {
        text.push_str(", put off");
    }
    text
}

fn due(at: Timestamp, now: Timestamp) -> String {
    let left = at.as_second() - now.as_second();
    if left > 0 {
        format!(", due in {}", span::spoken(left))
    } else {
        ", its time is up".to_owned()
    }
}

/// Where a run stands: the word of the specification, and whether it is a person it waits for.
#[must_use]
pub fn state(run: &Run, ctx: &Ctx<'_>) -> String {
    let asks = run.status() == Status::Waiting && ctx.model.pending().any(|a| a.body.run == run.id.into());
    let word = Sign::status(run.status()).word;
    if asks {
        format!("{word} for a person")
    } else {
        word.to_owned()
    }
}

/// A run: `8f20, nightly-triage, running at classify, step 4 of 8, 9 minutes old`.
#[must_use]
pub fn run(run: &Run, ctx: &Ctx<'_>) -> String {
    let body = &run.body;
    let mut text = format!("{}, {}", run.id.short(), body.workflow);
    if !body.version.is_empty() {
        text.push_str(&format!(" version {}", body.version));
    }
    text.push_str(&format!(", {}", state(run, ctx)));
    if !body.step.is_empty() && !run.status().is_final() {
        text.push_str(&format!(" at {}", body.step));
    }
    if body.progress.total > 0 {
        text.push_str(&format!(
            ", step {} of {}",
            body.progress.done, body.progress.total
        ));
    }
    let tokens = body.usage.input_tokens + body.usage.output_tokens;
    if tokens > 0 {
        text.push_str(&format!(", {} tokens", amount::count(tokens)));
        text.push_str(&format!(", {}", amount::usd(body.usage.cost_micro_usd)));
    }
    let began = body.started_at.unwrap_or(run.created_at);
    let age = ctx.time.wall.as_second() - began.as_second();
    text.push_str(&format!(", began {} ago", span::spoken(age)));
    if !body.started_by.is_empty() {
        text.push_str(&format!(", by {}", body.started_by));
    }
    text
}

/// Our own signs as words or nothing: for lines that were made for a screen.
#[must_use]
pub fn without_signs(text: &str) -> String {
    const WORDS: &[(&str, &str)] = &[
        ("✓ ", "done: "),
        ("✗ ", "failed: "),
        ("→", " to "),
        ("…", "..."),
        ("● ", ""),
        ("⚑ ", ""),
        ("◌ ", ""),
        ("‖ ", ""),
        ("⊘ ", ""),
        ("○ ", ""),
        ("▲ ", ""),
        ("✎ ", ""),
        ("◷ ", ""),
        ("▒ ", ""),
        ("· ", ""),
        ("▸ ", ""),
        ("◂ ", ""),
    ];
    let mut out = text.to_owned();
    for (sign, word) in WORDS {
        if out.contains(sign) {
            out = out.replace(sign, word);
        }
    }
    out
}

/// A word at the beginning of a sentence.
#[must_use]
pub fn capital(word: &str) -> String {
    let mut rest = word.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
