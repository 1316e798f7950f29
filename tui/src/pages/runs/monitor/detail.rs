//! What the detail pane shows of a step: facts, input, output, events, logs, cost, audit.
//! Owns the choice and the wording; the widget draws.

use dirigent_protocol::run::{EffectRequest, StepId, Usage};
use dirigent_protocol::watch::StreamSource;

use super::event_line::EventLine;
use super::run_view::RunView;
use super::step_run::{EffectRun, StepRun};
use super::time_rows::step_name;
use super::words::{asked, fault};
use super::words_approval::who;
use crate::model::Journal;
use crate::text::{amount, fit};
use crate::theme::Role;
use crate::widgets::Line;
use crate::widgets::step::{StepData, StepTab};
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::short;

/// Most event and log lines in the detail.
const MAX_LINES: usize = 500;

/// Cells of a loop's item in the facts.
const MAX_ITEM: usize = 80;

/// Everything of one step.
pub(super) fn detail<'a>(
    view: &'a RunView,
    journal: Option<&'a Journal>,
    id: &StepId,
    now: u64,
) -> StepData<'a> {
    let mut data = StepData {
        id: id.to_string(),
        ..StepData::default()
    };
    let Some(step) = view.steps.get(id) else {
        data.facts.push(fact("state").add(Role::Dim, "not begun"));
        data.facts.push(fact("place").add(Role::Dim, id.to_string()));
        return data;
    };
    let effect = step.effect.and_then(|effect| view.effects.get(&effect));
    data.stamp = step.seq;
    data.facts = facts(view, id, step, effect, now);
    data.input = match &step.approval {
        // What the decision is about matters more than what the task was given.
        Some((_, request)) => Some(&request.payload),
        None => step.input.as_ref().and_then(|input| view.value(input)),
    };
    data.opens = (step.state == StepState::Person).then_some(StepTab::Input);
    data.output = step.output.as_ref().and_then(|output| view.value(output));
    data.instead = instead(step);
    data.events = events(view, id);
    data.logs = logs(journal, id);
    data.cost = cost(step.usage);
    data.audit = audit(view, id);
    data
}

fn fact(name: &str) -> Line {
    Line::new().add(Role::Dim, fit::fit(name, 9))
}

fn facts(view: &RunView, id: &StepId, step: &StepRun, effect: Option<&EffectRun>, now: u64) -> Vec<Line> {
    let durable = durable(view, id, step, effect);
    let mut lines = vec![what(view, id, step, effect), state(step, now), durable];
    if let Some((item, round, rounds)) = view.item(id) {
        let text = crate::text::compact(item);
        lines.push(
            fact("item")
                .add(Role::Text, fit::cut(&text, MAX_ITEM))
                .add(Role::Dim, format!("   round {} of {rounds}", round + 1)),
        );
    }
    lines
}

/// What it does: its agent, its effect, its question.
fn what(view: &RunView, id: &StepId, step: &StepRun, effect: Option<&EffectRun>) -> Line {
    let mut first = match effect.and_then(|effect| effect.request.as_ref()) {
        Some(EffectRequest::Agent(call)) => {
            let version = call
                .version
                .as_ref()
                .map_or_else(String::new, |version| format!("@{}", version.short()));
            let model = effect
                .and_then(|effect| effect.facts.get("model"))
                .and_then(|model| model.as_str());
            let model = model.map_or_else(String::new, |model| format!("  ({model})"));
            fact("agent").add(Role::Text, format!("{}{version}{model}", call.agent))
        }
        Some(request) => fact("effect").add(Role::Text, asked(request)),
        None => match &step.approval {
            Some((_, request)) => fact("asks")
                .add(Role::Text, &request.title)
                .add(Role::Dim, "  risk ")
                .add(Role::Waiting, request.risk.as_str()),
            None => fact("task")
                .add(Role::Text, step_name(view, id))
                .add(Role::Dim, format!("  {}", step.kind)),
        },
    };
    first.push(Role::Dim, "   attempt ");
    first.push(Role::Text, step.attempt.to_string());
    first
}

/// Where it stands, since when, and who decided.
fn state(step: &StepRun, now: u64) -> Line {
    let sign = step.state.sign();
    let mut second = fact("state").add(sign.role, format!("{} {}", sign.sign, sign.word));
    second.push(
        Role::Dim,
        format!("   began +{}   took {}", short(step.began), short(step.took(now))),
    );
    if let Some(due) = step.due {
        second.push(
            Role::Waiting,
            format!("   due in {}", short(due.saturating_sub(now))),
        );
    }
    if let Some(awaits) = &step.awaits {
        second.push(Role::Waiting, format!("   {awaits}"));
    }
    if !step.votes.is_empty() && step.decision.is_none() {
        second.push(
            Role::Waiting,
            format!("   agreed so far: {}", step.votes.join(", ")),
        );
    }
    if let Some(record) = &step.decision {
        second.push(Role::Dim, "   decided by ");
        second.push(Role::Text, who(&record.by));
        if let Some(reason) = &record.reason {
            second.push(Role::Quoted, format!(": {reason}"));
        }
    }
    second
}

/// What is on disk of it, and how it is kept from happening twice.
fn durable(view: &RunView, id: &StepId, step: &StepRun, effect: Option<&EffectRun>) -> Line {
    if view.simulated {
        let place = format!("event {} of {}", amount::count(step.seq), amount::count(view.seq));
        return fact("dry run")
            .add(Role::Text, place)
            .add(Role::Dim, format!("   nothing of it is kept   {id}"));
    }
    let mut third = fact("durable");
    third.push(
        Role::Text,
        format!("event {} of {}", amount::count(step.seq), amount::count(view.seq)),
    );
    if let Some(effect) = effect.filter(|effect| !effect.key.is_empty()) {
        third.push(Role::Dim, "   idempotency key ");
        third.push(Role::Text, &effect.key);
        third.push(
            Role::Dim,
            format!("   if unknown {:?}", effect.on_unknown).to_lowercase(),
        );
        if let Some(digest) = &effect.digest {
            third.push(Role::Dim, format!("   request {}", digest.short()));
        }
    }
    third.push(Role::Dim, format!("   {id}"));
    third
}

fn instead(step: &StepRun) -> Vec<Line> {
    match &step.error {
        Some(error) => {
            let mut lines = vec![Line::new().add(Role::Bad, "✗ ").add(Role::Bad, fault(error))];
            lines.push(Line::new().add(Role::Dim, &error.kind));
            if let Some(place) = &error.instance {
                lines.push(Line::new().add(Role::Dim, format!("raised by {place}")));
            }
            lines
        }
        None if step.state.is_over() => vec![Line::new().add(Role::Dim, step.state.sign().word)],
        None if step.state == StepState::Person => {
            vec![Line::new().add(Role::Waiting, "waits for a decision; the input is what is asked")]
        }
        None => vec![Line::new().add(Role::Dim, "at work: the stream shows what it writes")],
    }
}

fn events(view: &RunView, id: &StepId) -> Vec<Line> {
    listed(view, |line| line.step.as_ref() == Some(id))
}

/// Events that people and rules cause, or are answerable for: from the run's own journal, which cannot be changed.
const ACTS: [&str; 15] = [
    "workflow.started",
    "workflow.suspended",
    "workflow.resumed",
    "workflow.cancelling",
    "approval.requested",
    "approval.decided",
    "approval.voted",
    "approval.amended",
    "approval.delegated",
    "approval.escalated",
    "task.compensating",
    "workflow.forked",
    "approval.withdrawn",
    "effect.unknown",
    "effect.resolved",
];

/// What was done to this step, and to its run as a whole.
fn audit(view: &RunView, id: &StepId) -> Vec<Line> {
    listed(view, |line| {
        ACTS.contains(&line.name) && line.step.as_ref().is_none_or(|step| step == id)
    })
}

fn listed(view: &RunView, wanted: impl Fn(&EventLine) -> bool) -> Vec<Line> {
    let mine = view
        .lines
        .iter()
        .rev()
        .filter(|line| wanted(line))
        .take(MAX_LINES);
    let mut lines: Vec<Line> = mine
        .map(|line| {
            let role = if line.voice == crate::widgets::stream::Voice::Error {
                Role::Bad
            } else {
                Role::Text
            };
            Line::new()
                .add(Role::Dim, format!("{:>5}  ", line.seq))
                .add(Role::Dim, fit::fit(line.name, 20))
                .add(role, &line.text)
        })
        .collect();
    lines.reverse();
    lines
}

fn logs(journal: Option<&Journal>, id: &StepId) -> Vec<Line> {
    let Some(live) = journal.and_then(|journal| journal.live.get(id)) else {
        return Vec::new();
    };
    if live.source == Some(StreamSource::Model) {
        return Vec::new();
    }
    let role = if live.source == Some(StreamSource::Stderr) {
        Role::Warn
    } else {
        Role::Text
    };
    let all: Vec<&str> = live.text.lines().collect();
    all.iter()
        .skip(all.len().saturating_sub(MAX_LINES))
        .map(|line| Line::new().add(role, *line))
        .collect()
}

fn cost(usage: Usage) -> Vec<Line> {
    if usage.calls == 0 {
        return Vec::new();
    }
    let row = |name: &str, value: String| fact(name).add(Role::Text, value);
    let mut lines = vec![
        row("calls", amount::count(usage.calls)),
        row(
            "tokens",
            format!(
                "{} read, {} written",
                amount::count(usage.input_tokens),
                amount::count(usage.output_tokens)
            ),
        ),
        row("cost", amount::usd(usage.cost_micro_usd)),
    ];
    if usage.unpriced_calls > 0 {
        lines.push(fact("").add(
            Role::Warn,
            format!(
                "{} without a known price",
                amount::many(usage.unpriced_calls, "call")
            ),
        ));
    }
    lines
}
