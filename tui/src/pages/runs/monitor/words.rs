//! Events of a run in words, one line each, for the stream and the detail.
//! Owns the wording; what a run looks like is the fold's business.
//! Invariant: bounded length, whatever an outcome holds.

use dirigent_protocol::run::{
    AgentCall, EffectOutcome, EffectRequest, EventBody, RunEvent, StepId, TimerPurpose,
};
use jiff::Timestamp;
use serde_json::Value;

use super::event_line::EventLine;
use super::run_view::RunView;
use super::words_approval::approval_phrase;
use super::words_budget::{amounts, held};
use super::words_bus::bus_phrase;
use crate::text::{amount, compact, fit};
use crate::widgets::stream::Voice;
use crate::widgets::timeline::short;

/// Cells of a value inside a line.
const VALUE: usize = 240;

/// The event in words; `None` for events without news for a person.
pub(super) fn words(event: &RunEvent, view: &RunView) -> Option<EventLine> {
    let (voice, text) = match &event.body {
        EventBody::TimerFired { .. }
        | EventBody::TimerSet {
            purpose:
                TimerPurpose::Yield
                | TimerPurpose::TaskTimeout
                | TimerPurpose::AttemptTimeout
                | TimerPurpose::WorkflowTimeout
                | TimerPurpose::ApprovalExpiry
                | TimerPurpose::ApprovalReminder
                | TimerPurpose::ApprovalEscalation,
            ..
        } => return None,
        body => phrase(body, view, event.time),
    };
    let step = event.body.step().cloned().or_else(|| {
        if let EventBody::TaskCompensating { step, .. } = &event.body {
            return Some(step.clone());
        }
        let effect = match &event.body {
            EventBody::EffectSettled { effect, .. }
            | EventBody::EffectUnknown { effect, .. }
            | EventBody::EffectResolved { effect, .. }
            | EventBody::EffectLate { effect, .. }
            | EventBody::EffectReleased { effect }
            | EventBody::BudgetReserved { effect, .. } => effect,
            _ => return None,
        };
        view.effects.get(effect).map(|effect| effect.step.clone())
    });
    Some(EventLine {
        seq: event.seq,
        time: event.time,
        step,
        name: event.body.name(),
        voice,
        text,
    })
}

fn phrase(body: &EventBody, view: &RunView, now: Timestamp) -> (Voice, String) {
    let phrase = run_phrase(body)
        .or_else(|| task_phrase(body, view, now))
        .or_else(|| effect_phrase(body, view, now))
        .or_else(|| approval_phrase(body))
        .or_else(|| bus_phrase(body));
    phrase.unwrap_or_else(|| (Voice::Event, body.name().to_owned()))
}

fn run_phrase(body: &EventBody) -> Option<(Voice, String)> {
    use EventBody as E;
    Some(match body {
        E::WorkflowStarted {
            workflow, version, ..
        } => (
            Voice::Event,
            format!("run of {workflow} started, version {}", version.short()),
        ),
        E::WorkflowForked { origin, at, how, .. } => (
            Voice::Person,
            format!("{} from run {} at its event {at}", how.as_str(), origin.short()),
        ),
        E::WorkflowMigrated { from, to, by, .. } => (
            Voice::Person,
            format!(
                "goes on under version {} instead of {}, by {by}",
                to.short(),
                from.short()
            ),
        ),
        E::WorkflowWaiting {} => (Voice::Event, "the run waits".to_owned()),
        E::WorkflowSuspended { by, .. } => (Voice::Person, format!("paused by {by}")),
        E::WorkflowResumed { by, .. } => (
            Voice::Event,
            by.as_ref()
                .map_or_else(|| "goes on".to_owned(), |by| format!("resumed by {by}")),
        ),
        E::WorkflowCompleted { .. } => (Voice::Event, "run completed".to_owned()),
        E::WorkflowFaulted { error } => (Voice::Error, format!("run faulted: {}", fault(error))),
        E::WorkflowCancelling { by, reason } => {
            (Voice::Person, because("cancel asked by ", by, reason.as_deref()))
        }
        E::WorkflowCompensating { left } => (
            Voice::Event,
            match left {
                None | Some(0) => "everything has stopped; what was done is undone, newest first".to_owned(),
                Some(left) => format!(
                    "everything has stopped; what was done is undone, newest first; up to event {left} it is left to \
                     other retries"
                ),
            },
        ),
        E::WorkflowCancelled { uncompensated } if !uncompensated.is_empty() => {
            let steps: Vec<String> = uncompensated.iter().map(ToString::to_string).collect();
            (
                Voice::Error,
                format!("run cancelled; not undone: {}", steps.join(", ")),
            )
        }
        E::WorkflowCancelled { .. } => (Voice::Event, "run cancelled".to_owned()),
        _ => return None,
    })
}

fn task_phrase(body: &EventBody, view: &RunView, now: Timestamp) -> Option<(Voice, String)> {
    use EventBody as E;
    Some(match body {
        E::TaskStarted { task, kind, .. } => (Voice::Event, format!("{task} started ({kind})")),
        E::TaskSkipped { task, .. } => (Voice::Event, format!("{task} skipped: its condition was false")),
        E::TaskCompleted { step, .. } => (
            Voice::Event,
            format!("{} completed{}", name(step, view), took(step, view, now)),
        ),
        E::TaskFaulted { step, error } => {
            // The failed effect has said it already.
            let told = view.steps.get(step).and_then(|step| step.error.as_ref()) == Some(error);
            let why = if told {
                String::new()
            } else {
                format!(": {}", fault(error))
            };
            (Voice::Error, format!("{} faulted{why}", name(step, view)))
        }
        E::TaskCaught { error, .. } => (Voice::Event, format!("caught: {}", fault(error))),
        E::TaskRetried {
            delay_ms,
            waits_for: Some(what),
            ..
        } => (Voice::Event, format!("waits {} ({what})", short(*delay_ms))),
        E::TaskRetried {
            attempt, delay_ms, ..
        } => (Voice::Event, format!("attempt {attempt} in {}", short(*delay_ms))),
        E::TaskCancelled { step, reason } => (
            Voice::Event,
            because("cancelled ", &name(step, view), reason.as_deref()),
        ),
        E::TaskCompensating { step, by } => (
            Voice::Event,
            format!("{} undoes what {} did", name(by, view), name(step, view)),
        ),
        E::TaskExtended { step, .. } => (
            Voice::Event,
            format!("{} is done; what extends it comes after it", name(step, view)),
        ),
        E::TaskIterated { iteration, .. } => (Voice::Event, format!("round {}", iteration + 1)),
        _ => return None,
    })
}

fn effect_phrase(body: &EventBody, view: &RunView, now: Timestamp) -> Option<(Voice, String)> {
    use EventBody as E;
    Some(match body {
        E::EffectQueued { request, .. } => (Voice::Event, format!("waits for a permit: {}", asked(request))),
        E::EffectHeld { limited, .. } => (Voice::Event, format!("waits {}", held(*limited))),
        E::EffectReleased { .. } => (Voice::Event, "the budget has room again".to_owned()),
        E::BudgetReserved { reserved, .. } => (
            Voice::Event,
            format!("set aside for the repeat: {}", amounts(*reserved)),
        ),
        E::EffectIntended {
            request,
            attempt,
            effect,
            reserved,
            ..
        } => {
            let request = request
                .as_ref()
                .or_else(|| view.effects.get(effect)?.request.as_ref());
            let what = request.map_or_else(|| "effect".to_owned(), asked);
            let again = if *attempt > 1 {
                format!("  (attempt {attempt})")
            } else {
                String::new()
            };
            let aside = reserved.map_or_else(String::new, |set| format!("  (set aside: {})", amounts(set)));
            (Voice::Sent, format!("{what}{again}{aside}"))
        }
        E::EffectSettled { outcome, .. } => settled(outcome),
        E::EffectUnknown { reason, policy, .. } => (
            Voice::Error,
            format!("nobody knows how it ended ({reason}); policy {policy:?}"),
        ),
        E::EffectResolved { by, .. } => (Voice::Person, format!("{by} said what became of it")),
        E::EffectLate { .. } => (
            Voice::Event,
            "an outcome came too late and was not used".to_owned(),
        ),
        E::TimerSet { due, purpose, .. } => {
            let wait = u64::try_from(due.as_millisecond() - now.as_millisecond()).unwrap_or(0);
            let what = if *purpose == TimerPurpose::Retry {
                "tries again in"
            } else {
                "waits"
            };
            (Voice::Event, format!("{what} {}", short(wait)))
        }
        E::TimerFired { .. } => (Voice::Event, "time is up".to_owned()),
        _ => return None,
    })
}

pub(super) fn because(what: &str, who: &str, reason: Option<&str>) -> String {
    reason.map_or_else(
        || format!("{what}{who}"),
        |reason| format!("{what}{who}: {reason}"),
    )
}

fn name(step: &StepId, view: &RunView) -> String {
    view.steps
        .get(step)
        .map_or_else(|| step.to_string(), |step| step.task.to_string())
}

fn took(step: &StepId, view: &RunView, now: Timestamp) -> String {
    let Some(step) = view.steps.get(step) else {
        return String::new();
    };
    format!(" in {}", short(view.since(now).saturating_sub(step.began)))
}

/// A fault in one line.
pub(super) fn fault(error: &dirigent_protocol::run::WorkflowError) -> String {
    match &error.detail {
        Some(detail) => format!("{} ({}): {}", error.title, error.status, fit::cut(detail, VALUE)),
        None => format!("{} ({})", error.title, error.status),
    }
}

/// A request in one line.
pub(super) fn asked(request: &EffectRequest) -> String {
    match request {
        EffectRequest::Shell(call) => format!("$ {}", fit::cut(&call.command, VALUE)),
        EffectRequest::Agent(AgentCall {
            agent,
            version,
            input,
            handoff: None,
            ..
        }) => {
            let at = version
                .as_ref()
                .map_or_else(String::new, |version| format!("@{}", version.short()));
            format!("agent {agent}{at} {}", compact(input))
        }
        other => fit::cut(&other.summary(), VALUE),
    }
}

fn settled(outcome: &EffectOutcome) -> (Voice, String) {
    match outcome {
        EffectOutcome::Done { output, usage, facts } => {
            let mut text = String::from("✓ ");
            if let Some(source) = facts
                .get(dirigent_protocol::dry_run::SAMPLE)
                .and_then(Value::as_str)
            {
                text.push_str(&format!("sample ({source})  "));
            }
            for fact in ["model", "status", "code", "exit_code"] {
                if let Some(value) = facts.get(fact) {
                    text.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                    text.push_str("  ");
                }
            }
            if usage.calls > 0 {
                text.push_str(&format!(
                    "{}→{} tok  ",
                    amount::tokens(usage.input_tokens),
                    amount::tokens(usage.output_tokens)
                ));
            }
            text.push_str(&compact(output));
            (Voice::Event, text)
        }
        EffectOutcome::Turn { turn, .. } => {
            let calls = turn.message.tool_calls();
            let calls = calls.map(|call| format!("⚒ {} {}", call.name, compact(&call.arguments)));
            (Voice::Event, calls.collect::<Vec<_>>().join("  "))
        }
        EffectOutcome::Failed { error, retryable, .. } => (
            Voice::Error,
            format!(
                "{}{}",
                fault(error),
                if *retryable { ", may be tried again" } else { "" }
            ),
        ),
        EffectOutcome::Unknown { reason } => (Voice::Error, format!("outcome unknown: {reason}")),
        EffectOutcome::Cancelled => (Voice::Event, "stopped".to_owned()),
        EffectOutcome::Asks { ask } => (Voice::Event, format!("asks: {}", ask.title)),
    }
}
