//! A run's events as lines for people: time, what, which task, the particular case.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{Data, Decision, EffectOutcome, EffectRequest, EventBody, RunEvent, StepId};
use serde_json::Value;

use super::format::{brief, clock, short};
use super::out::{Look, Tone};

/// Most characters of the particular case.
const DETAIL: usize = 100;

/// Facts of an effect that say little to people; scripts get them.
const UNTOLD: &[&str] = &["agent_version", "response_id", "provider"];
/// How an answer ends that is whole.
const WHOLE: &[&str] = &["stop", "tool_call"];

/// Knows the names of the tasks it has seen.
#[derive(Debug, Default)]
pub struct EventLines {
    tasks: BTreeMap<StepId, Arc<str>>,
    effects: BTreeMap<u64, StepId>,
    all: bool,
}

impl EventLines {
    /// Without names yet; `all` shows the inner works too: timers, queues.
    #[must_use]
    pub fn new(all: bool) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }

    /// The line of an event; none for the inner works.
    pub fn line(&mut self, event: &RunEvent, look: Look) -> Option<String> {
        self.learn(event);
        if !self.all && is_inner(&event.body) {
            return None;
        }
        let (tone, detail) = describe(&event.body);
        let task = self.task_of(event).unwrap_or_default();
        let name = format!("{:<20}", event.body.name());
        Some(
            format!(
                "{}  {}  {:<18} {}",
                look.paint(Tone::Dim, &clock(event.time)),
                look.paint(tone, &name),
                look.line(&task),
                look.line(&short(&detail, DETAIL)),
            )
            .trim_end()
            .to_owned(),
        )
    }

    /// The name of a step's task, with its round in a loop.
    #[must_use]
    pub fn name(&self, step: &StepId) -> String {
        let name = match self.tasks.get(step) {
            Some(name) => name.to_string(),
            None => step.pointer.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        match step.iterations.last() {
            Some(round) => format!("{name}#{round}"),
            None => name,
        }
    }

    fn learn(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::TaskStarted { step, task, .. } | EventBody::TaskSkipped { step, task, .. } => {
                self.tasks.insert(step.clone(), task.clone());
            }
            EventBody::EffectQueued { effect, step, .. } | EventBody::EffectIntended { effect, step, .. } => {
                self.effects.insert(effect.0, step.clone());
            }
            _ => {}
        }
    }

    fn task_of(&self, event: &RunEvent) -> Option<String> {
        let step = event.body.step().or_else(|| match &event.body {
            EventBody::EffectSettled { effect, .. }
            | EventBody::EffectUnknown { effect, .. }
            | EventBody::EffectResolved { effect, .. }
            | EventBody::EffectLate { effect, .. } => self.effects.get(&effect.0),
            _ => None,
        })?;
        Some(self.name(step))
    }
}

const fn is_inner(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::TimerSet { .. } | EventBody::TimerFired { .. } | EventBody::EffectQueued { .. }
    )
}

fn describe(body: &EventBody) -> (Tone, String) {
    match body {
        EventBody::WorkflowStarted {
            workflow, version, ..
        } => (Tone::Strong, format!("{workflow} version {}", version.short())),
        EventBody::WorkflowForked { origin, at, how, .. } => (
            Tone::Strong,
            format!("{} from run {} at its event {at}", how.as_str(), origin.short()),
        ),
        EventBody::WorkflowMigrated { from, to, by, .. } => (
            Tone::Strong,
            format!("from version {} to {} by {by}", from.short(), to.short()),
        ),
        EventBody::WorkflowCompleted { .. } => (Tone::Good, String::new()),
        EventBody::WorkflowCancelled { uncompensated } if !uncompensated.is_empty() => {
            let steps: Vec<String> = uncompensated.iter().map(ToString::to_string).collect();
            (Tone::Bad, format!("not undone: {}", steps.join(", ")))
        }
        EventBody::TaskCompensating { step, .. } => (Tone::Busy, format!("what {step} did is undone")),
        EventBody::WorkflowFaulted { error } => (Tone::Bad, why(error)),
        EventBody::WorkflowSuspended { by, .. } => (Tone::Ask, format!("by {by}")),
        EventBody::WorkflowCancelling { reason, .. } => (Tone::Dim, reason.clone().unwrap_or_default()),
        other => of_question(other).unwrap_or_else(|| of_task(other)),
    }
}

/// What happens to a question.
fn of_question(body: &EventBody) -> Option<(Tone, String)> {
    Some(match body {
        EventBody::ApprovalRequested {
            approval, request, ..
        } => {
            let (id, risk) = (approval.short(), request.risk.as_str());
            (Tone::Ask, format!("{id}: {} ({risk} risk)", request.title))
        }
        EventBody::ApprovalDecided { record, .. } => decided(record),
        EventBody::ApprovalVoted { record, .. } => {
            (Tone::Ask, format!("one yes of several, by {}", record.by))
        }
        EventBody::ApprovalAmended { by, .. } => (Tone::Ask, format!("asks something else now, by {by}")),
        EventBody::ApprovalDelegated { from, to, .. } => (Tone::Plain, format!("from {from} to {to}")),
        EventBody::ApprovalEscalated { to, .. } => (Tone::Ask, format!("now also {}", to.words())),
        _ => return None,
    })
}

fn of_task(body: &EventBody) -> (Tone, String) {
    match body {
        EventBody::TaskStarted { kind, .. } | EventBody::TaskSkipped { kind, .. } => {
            (Tone::Plain, kind.to_string())
        }
        EventBody::TaskCompleted { output, .. } => match output {
            Data::Inline(value) => (Tone::Good, brief(value, DETAIL)),
            _ => (Tone::Good, String::new()),
        },
        EventBody::TaskFaulted { error, .. } => (Tone::Bad, why(error)),
        EventBody::TaskCaught { error, .. } => (Tone::Busy, why(error)),
        EventBody::TaskRetried {
            attempt,
            delay_ms,
            error,
            waits_for,
            ..
        } => {
            let what = waits_for.as_deref().map_or_else(
                || format!("attempt {attempt}"),
                |what| format!("waits ({what}): attempt {attempt}"),
            );
            (Tone::Ask, format!("{what} in {delay_ms} ms after {}", why(error)))
        }
        EventBody::TaskCancelled { reason, .. } => (Tone::Dim, reason.clone().unwrap_or_default()),
        EventBody::TaskIterated { iteration, .. } => (Tone::Plain, format!("round {iteration}")),
        EventBody::EventEmitted { event, .. } => (Tone::Good, kind_of(event)),
        EventBody::EventReceived { event, .. } => (Tone::Good, kind_of(event)),
        EventBody::ListenOpened { patterns, .. } => {
            let kinds: Vec<&str> = patterns
                .iter()
                .map(|pattern| pattern.kind.as_deref().unwrap_or("any event"))
                .collect();
            (Tone::Plain, format!("for {}", kinds.join(", ")))
        }
        other => of_effect(other),
    }
}

fn kind_of(event: &Value) -> String {
    event["type"].as_str().unwrap_or_default().to_owned()
}

fn of_effect(body: &EventBody) -> (Tone, String) {
    match body {
        EventBody::EffectIntended { attempt, request, .. } => {
            let what = request.as_ref().map(effect).unwrap_or_default();
            let again = if *attempt > 1 {
                format!(" (attempt {attempt})")
            } else {
                String::new()
            };
            (Tone::Busy, format!("{what}{again}").trim_start().to_owned())
        }
        EventBody::EffectHeld { limited, request, .. } => {
            let what = request.as_ref().map(effect).unwrap_or_default();
            let of = limited.map_or("budget", dirigent_protocol::run::Limited::as_str);
            (
                Tone::Ask,
                format!("{what} waits for room in a budget: {of}")
                    .trim_start()
                    .to_owned(),
            )
        }
        EventBody::EffectSettled { outcome, .. } | EventBody::EffectLate { outcome, .. } => settled(outcome),
        EventBody::EffectUnknown { policy, reason, .. } => {
            (Tone::Ask, format!("{policy:?}: {reason}").to_lowercase())
        }
        EventBody::EffectResolved { by, .. } => (Tone::Plain, format!("by {by}")),
        _ => (Tone::Plain, String::new()),
    }
}

fn decided(record: &dirigent_protocol::run::DecisionRecord) -> (Tone, String) {
    let (tone, word) = match &record.decision {
        Decision::Approve { edited: None } => (Tone::Good, "approved"),
        Decision::Approve { edited: Some(_) } => (Tone::Good, "approved with changes"),
        Decision::Deny => (Tone::Bad, "denied"),
        Decision::Expire => (Tone::Bad, "expired"),
    };
    let reason = record
        .reason
        .as_ref()
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    (tone, format!("{word} by {}{reason}", record.by))
}

fn why(error: &dirigent_protocol::run::WorkflowError) -> String {
    match &error.detail {
        Some(detail) => format!("{}: {detail}", error.title),
        None => error.title.clone(),
    }
}

fn effect(request: &EffectRequest) -> String {
    match request {
        EffectRequest::Shell(call) => format!("sh: {}", short(call.command.trim(), 50)),
        other => other.summary(),
    }
}

fn settled(outcome: &EffectOutcome) -> (Tone, String) {
    match outcome {
        EffectOutcome::Asks { ask } => (Tone::Good, format!("asks: {}", short(&ask.title, 80))),
        EffectOutcome::Turn { turn, .. } => {
            let calls = turn.message.tool_calls();
            let calls = calls.map(|call| format!("⚒ {} {}", call.name, brief(&call.arguments, 40)));
            (Tone::Good, calls.collect::<Vec<_>>().join(", "))
        }
        EffectOutcome::Done { usage, facts, .. } => {
            let whole = |value: &Value| value.as_str().is_some_and(|word| WHOLE.contains(&word));
            let told = |(name, value): &(&String, &Value)| {
                !(UNTOLD.contains(&name.as_str()) || *name == "finish_reason" && whole(value))
            };
            let word = |(name, value): (&String, &Value)| match value {
                Value::Bool(true) => name.clone(),
                value => format!("{name} {}", brief(value, 40)),
            };
            let mut words: Vec<String> = facts.iter().filter(told).map(word).collect();
            if usage.calls > 0 {
                words.push(format!(
                    "{} in, {} out tokens",
                    usage.input_tokens, usage.output_tokens
                ));
            }
            (Tone::Good, words.join(", "))
        }
        EffectOutcome::Failed { error, retryable, .. } => (
            Tone::Bad,
            format!(
                "{}{}",
                why(error),
                if *retryable { " (may be tried again)" } else { "" }
            ),
        ),
        EffectOutcome::Unknown { reason } => (Tone::Ask, format!("nobody knows: {reason}")),
        EffectOutcome::Cancelled => (Tone::Dim, "cancelled".to_owned()),
    }
}

/// The flat form for scripts, with the task's name where only the step is recorded.
#[must_use]
pub fn to_json(event: &RunEvent, lines: &mut EventLines) -> Value {
    lines.learn(event);
    let mut flat = event.to_json();
    if let (Some(task), Some(members)) = (lines.task_of(event), flat.as_object_mut()) {
        members.entry("task").or_insert(Value::String(task));
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Look = Look {
        terminal: false,
        colour: false,
    };

    fn event(seq: u64, body: EventBody) -> RunEvent {
        RunEvent {
            seq,
            time: "2026-11-22T18:00:00Z".parse().unwrap(),
            body,
        }
    }

    #[test]
    fn a_task_is_named_in_every_line_about_it() {
        let step = StepId::new("/do/0/fetch");
        let mut lines = EventLines::default();
        let started = EventBody::TaskStarted {
            step: step.clone(),
            task: "fetch".into(),
            kind: "call:http".into(),
            input: Data::WorkflowInput,
        };
        assert!(
            lines
                .line(&event(2, started), PIPE)
                .unwrap()
                .ends_with("fetch              call:http")
        );
        let done = EventBody::TaskCompleted {
            step,
            output: Data::Inline(std::sync::Arc::new(serde_json::json!({"a": 1}))),
            context: None,
            then: None,
            undo: false,
        };
        let line = lines.line(&event(3, done.clone()), PIPE).unwrap();
        assert!(
            line.contains("task.completed") && line.ends_with(r#"fetch              {"a":1}"#),
            "{line}"
        );
        assert_eq!(to_json(&event(3, done), &mut lines)["task"], "fetch");
    }

    #[test]
    fn timers_are_left_out_unless_wanted() {
        let fired = EventBody::TimerFired {
            timer: dirigent_protocol::run::TimerId(3),
        };
        let mut lines = EventLines::default();
        assert_eq!(lines.line(&event(4, fired.clone()), PIPE), None);
        assert!(EventLines::new(true).line(&event(4, fired), PIPE).is_some());
    }
}
