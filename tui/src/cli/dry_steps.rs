//! The steps of a journal with what went in and what came out, references followed: for scripts.

use std::collections::BTreeMap;

use dirigent_protocol::dry_run::SAMPLE;
use dirigent_protocol::run::{Data, EffectOutcome, EventBody, RunEvent, StepId};
use serde_json::{Value, json};

/// How many references are followed from one value.
const MOST: usize = 64;

#[derive(Default)]
struct Steps<'e> {
    order: Vec<&'e StepId>,
    input: Option<&'e Value>,
    known: BTreeMap<&'e StepId, Step<'e>>,
    effects: BTreeMap<u64, &'e StepId>,
}

#[derive(Default)]
struct Step<'e> {
    task: &'e str,
    kind: &'e str,
    state: &'static str,
    input: Option<&'e Data>,
    output: Option<&'e Data>,
    sample: Option<&'e Value>,
}

/// Each step in the order they began: `{ step, task, kind, state, input, output, sample }`.
pub(super) fn steps(events: &[RunEvent]) -> Vec<Value> {
    let mut all = Steps::default();
    events.iter().for_each(|event| all.take(&event.body));
    let one = |id: &&StepId| {
        let step = all.known.get(*id)?;
        Some(json!({
            "step": id, "task": step.task, "kind": step.kind, "state": step.state,
            "input": step.input.and_then(|data| all.value(data)),
            "output": step.output.and_then(|data| all.value(data)),
            "sample": step.sample,
        }))
    };
    all.order.iter().filter_map(one).collect()
}

impl<'e> Steps<'e> {
    fn take(&mut self, body: &'e EventBody) {
        match body {
            EventBody::WorkflowStarted { input, .. } => self.input = Some(&**input),
            EventBody::TaskStarted {
                step,
                task,
                kind,
                input,
            } => {
                let begun = self.begin(step, "running");
                (begun.task, begun.kind, begun.input) = (&**task, &**kind, Some(input));
            }
            EventBody::TaskSkipped { step, task, kind } => {
                let begun = self.begin(step, "skipped");
                (begun.task, begun.kind) = (&**task, &**kind);
            }
            EventBody::TaskCompleted { step, output, .. } => {
                let done = self.known.entry(step).or_default();
                (done.state, done.output) = ("completed", Some(output));
            }
            EventBody::TaskFaulted { step, .. } => self.known.entry(step).or_default().state = "faulted",
            EventBody::TaskCancelled { step, .. } => self.known.entry(step).or_default().state = "cancelled",
            EventBody::EffectIntended { effect, step, .. } => {
                self.effects.insert(effect.0, step);
            }
            EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Done { facts, .. },
            } => {
                if let Some(step) = self.effects.get(&effect.0) {
                    self.known.entry(step).or_default().sample = facts.get(SAMPLE);
                }
            }
            _ => {}
        }
    }

    /// A step that begins again, as in a loop that goes back, stands where it began first.
    fn begin(&mut self, step: &'e StepId, state: &'static str) -> &mut Step<'e> {
        if !self.known.contains_key(step) {
            self.order.push(step);
        }
        let begun = self.known.entry(step).or_default();
        begun.state = state;
        begun
    }

    fn value(&self, data: &'e Data) -> Option<&'e Value> {
        let mut data = data;
        for _ in 0..MOST {
            data = match data {
                Data::Inline(value) => return Some(value),
                Data::WorkflowInput => return self.input,
                Data::Item => return None,
                Data::OutputOf(step) => self.known.get(step)?.output?,
                Data::InputOf(step) => self.known.get(step)?.input?,
            };
        }
        None
    }
}
