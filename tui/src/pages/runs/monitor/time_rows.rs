//! The rows of the timeline: a row a step, below it a row for its model, and which of them the whole run waited for.
//! Owns the choice and the critical path; the widget draws.
//! Invariant: bounded, whatever a loop does: the youngest steps stay.

use std::collections::HashSet;

use dirigent_protocol::run::{EffectRequest, StepId};

use super::graph_of::note;
use super::run_view::RunView;
use crate::text::{amount, clean_line};
use crate::widgets::graph::Graph;
use crate::widgets::timeline::{Span, Stretch, TimeRow, short};

/// Most steps in the timeline.
const MAX_STEPS: usize = 2_000;

/// The name of a step with its rounds: `classify#3`.
pub(super) fn step_name(view: &RunView, id: &StepId) -> String {
    let task = view.steps.get(id).map_or_else(
        || id.pointer.rsplit('/').next().unwrap_or_default().to_owned(),
        |step| clean_line(&step.task).into_owned(),
    );
    let rounds: Vec<String> = id
        .iterations
        .iter()
        .map(|round| (round + 1).to_string())
        .collect();
    if rounds.is_empty() {
        task
    } else {
        format!("{task}#{}", rounds.join("."))
    }
}

/// Rows of the steps that contain no others, in the order they began.
pub(super) fn rows(view: &RunView, graph: &Graph, now: u64) -> Vec<TimeRow> {
    let leaves: Vec<&StepId> = view
        .order
        .iter()
        .filter(|id| !graph.is_container(&id.pointer))
        .collect();
    let critical = critical(view, &leaves);
    let mut out = Vec::new();
    for id in leaves.iter().skip(leaves.len().saturating_sub(MAX_STEPS)) {
        let Some(step) = view.steps.get(*id) else { continue };
        let critical = critical.contains(*id);
        out.push(TimeRow {
            id: id.to_string(),
            name: step_name(view, id),
            depth: 0,
            state: step.state,
            spans: step.spans.clone(),
            note: note(step, now),
            critical,
        });
        out.extend(model_row(view, id, critical));
    }
    out
}

/// The model behind an agent's step: name, tokens in and out.
fn model_row(view: &RunView, id: &StepId, critical: bool) -> Option<TimeRow> {
    let step = view.steps.get(id)?;
    let effect = view.effects.get(&step.effect?)?;
    let Some(EffectRequest::Agent(_)) = effect.request else {
        return None;
    };
    let model = effect.facts.get("model").and_then(serde_json::Value::as_str)?;
    let (from, to) = effect.time;
    let tokens = format!(
        "{}→{} tok",
        amount::tokens(effect.usage.input_tokens),
        amount::tokens(effect.usage.output_tokens)
    );
    Some(TimeRow {
        id: id.to_string(),
        name: clean_line(model).into_owned(),
        depth: 1,
        state: step.state,
        spans: from
            .map(|from| Span {
                stretch: Stretch::Busy,
                from,
                to,
            })
            .into_iter()
            .collect(),
        note: tokens,
        critical,
    })
}

/// The chain of steps nothing but each other kept waiting: from the last end back through what ended before each begin.
fn critical<'a>(view: &RunView, leaves: &[&'a StepId]) -> HashSet<&'a StepId> {
    let end = |id: &StepId| {
        view.steps
            .get(id)
            .map_or(0, |step| step.ended.unwrap_or(u64::MAX))
    };
    let began = |id: &StepId| view.steps.get(id).map_or(0, |step| step.began);
    let mut chain = HashSet::new();
    let mut by_end: Vec<&StepId> = leaves.to_vec();
    by_end.sort_by_key(|id| end(id));
    let mut at = by_end.pop();
    while let Some(id) = at {
        chain.insert(id);
        let begin = began(id);
        while by_end.last().is_some_and(|before| end(before) > begin) {
            by_end.pop();
        }
        at = by_end.pop();
    }
    chain
}

/// Milliseconds the critical path took.
pub(super) fn critical_length(rows: &[TimeRow], now: u64) -> String {
    let total: u64 = rows
        .iter()
        .filter(|row| row.critical && row.depth == 0)
        .flat_map(|row| &row.spans)
        .map(|span| span.to.unwrap_or(now).saturating_sub(span.from))
        .sum();
    short(total)
}
