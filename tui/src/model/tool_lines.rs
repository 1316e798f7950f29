//! What an agent does between two words of it: the tools it calls and what they gave, from its run's events.
//!
//! Invariant: every call is told when it is wanted and when it ended, in the order of the events, wherever it is shown.

use std::collections::BTreeMap;

use dirigent_protocol::chat::Part;
use dirigent_protocol::run::{AgentTurn, EffectId, EffectOutcome, EffectRequest, EventBody, Plan, StepId};

use crate::text::compact;

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A step asks the agent.
    Asks(StepId),
    /// The agent said this and wants tools.
    Says(String),
    /// A tool, in words.
    Tool(String),
    /// What went wrong, in words.
    Wrong(String),
}

/// The tools that are being called.
#[derive(Debug, Default)]
pub struct ToolLines {
    calling: BTreeMap<EffectId, String>,
    planned: Vec<(EffectRequest, String)>,
}

impl ToolLines {
    /// Takes an event of an effect; what it tells.
    pub fn take(&mut self, body: &EventBody) -> Vec<Told> {
        match body {
            EventBody::EffectQueued {
                effect,
                step,
                request,
                ..
            } => self.asked(*effect, step, Some(request)),
            EventBody::EffectIntended {
                effect,
                step,
                request,
                ..
            } => self.asked(*effect, step, request.as_ref()),
            EventBody::EffectHeld {
                effect,
                step,
                request,
                ..
            } => {
                let mut told = self.asked(*effect, step, request.as_ref());
                told.push(Told::Tool("waits for room in its budget".to_owned()));
                told
            }
            EventBody::EffectSettled { effect, outcome, .. } => self.settled(*effect, outcome),
            _ => Vec::new(),
        }
    }

    /// An effect is asked for: the agent's turn, or a tool it wants.
    fn asked(&mut self, effect: EffectId, step: &StepId, request: Option<&EffectRequest>) -> Vec<Told> {
        let known = self.calling.contains_key(&effect);
        let at = self
            .planned
            .iter()
            .position(|(planned, _)| Some(planned) == request);
        match request {
            Some(EffectRequest::Agent(_)) if !known && at.is_none() => vec![Told::Asks(step.clone())],
            Some(request) if !known => {
                let name = at.map_or_else(|| request.summary(), |at| self.planned.remove(at).1);
                self.calling.insert(effect, name);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn settled(&mut self, effect: EffectId, outcome: &EffectOutcome) -> Vec<Told> {
        let tool = self.calling.remove(&effect);
        match (outcome, tool) {
            (EffectOutcome::Turn { turn, .. }, _) => self.wants(turn),
            (EffectOutcome::Done { output, .. }, Some(name)) => {
                vec![Told::Tool(format!("✓ {name} {}", compact(output)))]
            }
            (EffectOutcome::Failed { error, .. }, Some(name)) => {
                let why = error.detail.as_deref().unwrap_or_default();
                vec![Told::Wrong(format!("✗ {name} {} {why}", error.title))]
            }
            (EffectOutcome::Cancelled, Some(name)) => vec![Told::Tool(format!("{name} was stopped"))],
            (EffectOutcome::Unknown { reason }, _) => {
                vec![Told::Wrong(format!("nobody knows how it ended: {reason}"))]
            }
            _ => Vec::new(),
        }
    }

    /// The model has said something and wants tools.
    fn wants(&mut self, turn: &AgentTurn) -> Vec<Told> {
        let text = turn.message.parts.iter().filter_map(|part| match part {
            Part::Text { content } => Some(content.as_str()),
            _ => None,
        });
        let mut told = vec![Told::Says(text.collect())];
        for call in turn.message.tool_calls() {
            told.push(Told::Tool(format!(
                "⚒ {} {}",
                call.name,
                compact(&call.arguments)
            )));
        }
        self.planned.clear();
        for call in &turn.calls {
            match &call.plan {
                Plan::Effect(planned) => self.planned.push((planned.request.clone(), call.name.clone())),
                Plan::Answer {
                    response,
                    is_error: true,
                } => {
                    told.push(Told::Wrong(format!("✗ {} {}", call.name, compact(response))));
                }
                Plan::Answer { response, .. } => {
                    told.push(Told::Tool(format!("✓ {} {}", call.name, compact(response))));
                }
            }
        }
        told
    }
}
