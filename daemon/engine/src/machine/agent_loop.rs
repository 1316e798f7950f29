//! The loop of an agent with tools: a turn of its model, the tools it asks for side by side, the next turn.
//!
//! Every turn and every tool call is an effect of its own. A tool call is a task inside the agent's step, so pausing,
//! cancelling, retrying, asking a person and forking are what they are for every task. Invariants: a turn or a call
//! whose outcome is recorded is not asked for again; nothing goes on beyond its limits or in circles.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirigent_protocol::run::{
    AgentCall, ApprovalClass, Data, EffectRequest, EventBody, LoopLimits, OnUnknown, Plan, PlannedCall,
    PlannedEffect, StepId, WorkflowError,
};

use serde_json::json;

use super::build::Builder;
use super::model::{Me, Next, Outcome, Stop, Task, TaskDef, TaskIndex, Turn};
use crate::document::Base;
use crate::state::{Conversation, FrameId};

/// Keyword of the tasks that tool calls are.
pub(crate) const TOOL: &str = "tool";
/// How deep agents may have agents as tools.
const MAX_DEPTH: usize = 4;

impl Builder {
    /// Gives an agent's task the place of its tool calls.
    pub(crate) fn tools_of(&mut self, agent: TaskIndex, pointer: &str, body: Box<dyn Task>) {
        let index = self.reserve();
        let task = TaskDef {
            pointer: Arc::from(format!("{pointer}/{TOOL}")),
            name: Arc::from(TOOL),
            keyword: Arc::from(TOOL),
            label: Arc::from(TOOL),
            parent: Some(agent),
            base: Base::default(),
            verify: None,
            undo: None,
            stands_for: None,
            uses_secrets: false,
            body,
        };
        self.put(index, task);
    }
}

impl Turn<'_, '_> {
    fn conversation(&self, frame: FrameId) -> Option<&Arc<Conversation>> {
        self.state.frame(frame)?.conversation.as_ref()
    }

    /// Whether a frame's agent has begun to use tools.
    pub(crate) fn converses(&self, me: Me<'_>) -> bool {
        self.conversation(me.frame).is_some()
    }

    /// The conversation goes on: open calls first, then the next turn.
    pub(crate) fn converse(&mut self, me: Me<'_>) -> Outcome {
        let Some(conversation) = self.conversation(me.frame).cloned() else {
            let error = WorkflowError::standard("runtime", 500, "There is no conversation to go on with");
            return Err(Stop::fault(error));
        };
        let open = conversation.open();
        let limits = limits(&conversation);
        if open.is_empty() {
            within(&conversation, limits)?;
            self.in_time(me, limits)?;
            return self.next_turn(me, &conversation);
        }
        if conversation.calls_total() > limits.tool_calls {
            let what = format!("{} tool calls", limits.tool_calls);
            return Err(Stop::fault(too_far(&what)));
        }
        self.begin_calls(me, &conversation, &open, limits.parallel.max(1) as usize)?;
        Ok(Next::Wait)
    }

    fn in_time(&self, me: Me<'_>, limits: LoopLimits) -> Result<(), Stop> {
        let began = self.state.frame(me.frame).map(|frame| frame.started_at);
        let (Some(most), Some(began)) = (limits.time_s, began) else {
            return Ok(());
        };
        let gone = self.cx.now.duration_since(began).as_secs();
        if u64::try_from(gone).unwrap_or(0) < most {
            return Ok(());
        }
        Err(Stop::fault(too_far(&format!("{most} s"))))
    }

    fn next_turn(&mut self, me: Me<'_>, conversation: &Conversation) -> Outcome {
        let version = conversation.last().and_then(|exchange| exchange.turn.version);
        let call = AgentCall {
            agent: conversation.call.agent.clone(),
            version: version.or(conversation.call.version),
            turn: Some(conversation.reference()),
            ..AgentCall::default()
        };
        self.request(me, EffectRequest::Agent(call))
    }

    fn begin_calls(
        &mut self,
        me: Me<'_>,
        conversation: &Conversation,
        open: &BTreeSet<u32>,
        most: usize,
    ) -> Result<(), Stop> {
        let Some(own) = self.state.frame(me.frame) else {
            return Ok(());
        };
        let (step, children) = (own.step.clone(), own.children.clone());
        let number = |id: FrameId| self.state.frame(id)?.step.iterations.last().copied();
        let running: BTreeSet<u32> = children.into_iter().filter_map(number).collect();
        let pointer: Arc<str> = Arc::from(format!("{}/{TOOL}", step.pointer));
        let depth = pointer.rsplit('/').take_while(|part| *part == TOOL).count();
        let Some(task) = self.workflow.task_at(&pointer).filter(|_| depth <= MAX_DEPTH) else {
            let error = WorkflowError::standard("configuration", 400, "Agents stand too deep in agents");
            return Err(Stop::fault(error.detail(format!("at most {MAX_DEPTH} deep"))));
        };
        let room = most.saturating_sub(running.len());
        let missing: Vec<u32> = open.difference(&running).copied().take(room).collect();
        for number in missing {
            let Some((call, arguments)) = conversation.planned(number) else {
                continue;
            };
            let mut iterations = step.iterations.clone();
            iterations.push(number);
            let at = StepId::iterated(pointer.clone(), iterations);
            let frame = self.emit(EventBody::TaskStarted {
                step: at.clone(),
                task: Arc::from(call.name.as_str()),
                kind: Arc::from(TOOL),
                input: Data::Inline(arguments),
            });
            self.begin_body(frame, task, at);
        }
        Ok(())
    }

    /// The plan of a tool call, and its name.
    pub(crate) fn planned(&self, frame: FrameId) -> Option<(String, PlannedEffect)> {
        let own = self.state.frame(frame)?;
        let number = *own.step.iterations.last()?;
        let (call, _) = self.conversation(own.parent?)?.planned(number)?;
        match call {
            PlannedCall {
                name,
                plan: Plan::Effect(planned),
                ..
            } => Some((name.clone(), (**planned).clone())),
            PlannedCall { .. } => None,
        }
    }

    /// The agent whose tool call a frame is.
    pub(crate) fn caller(&self, frame: FrameId) -> Option<String> {
        let parent = self.state.frame(frame)?.parent?;
        Some(self.conversation(parent)?.call.agent.clone())
    }

    /// What is to be done about a tool call whose outcome nobody knows.
    pub(crate) fn planned_policy(&self, me: Me<'_>) -> Option<OnUnknown> {
        if &*me.task.keyword != TOOL {
            return None;
        }
        self.planned(me.frame).map(|(_, planned)| planned.on_unknown)
    }

    /// Whether a person must be asked before a tool call, and why; no more than two of the three go together without.
    /// Whatever came into the run counts, whichever step or agent of it was told.
    pub(crate) fn gate(&self, planned: &PlannedEffect) -> (ApprovalClass, Option<String>) {
        let seen = self.state.seen();
        let mut why: Vec<String> = planned.reason.iter().cloned().collect();
        let mut class = planned.approval;
        if planned.traits.outward && seen.and(planned.traits).all() {
            class = ApprovalClass::Always;
            why.push(
                "untrusted content and private data came into this run, and this call acts outside of it"
                    .to_owned(),
            );
        } else if seen.untrusted {
            why.push("untrusted content came into this run: the model may be following it".to_owned());
        }
        (class, (!why.is_empty()).then(|| why.join("; ")))
    }
}

fn limits(conversation: &Conversation) -> LoopLimits {
    conversation
        .last()
        .map_or_else(LoopLimits::default, |exchange| exchange.turn.limits)
}

fn within(conversation: &Conversation, limits: LoopLimits) -> Result<(), Stop> {
    if let Some(period) = conversation.circle(limits.repeats) {
        return Err(Stop::fault(in_circles(conversation, period, limits.repeats)));
    }
    if conversation.exchanges.len() >= limits.turns as usize {
        return Err(Stop::fault(too_far(&format!("{} turns", limits.turns))));
    }
    if limits.tokens.is_some_and(|most| conversation.tokens >= most) {
        return Err(Stop::fault(too_far(&format!(
            "{} tokens",
            limits.tokens.unwrap_or(0)
        ))));
    }
    Ok(())
}

fn too_far(limit: &str) -> WorkflowError {
    WorkflowError::standard("budget", 429, "The agent has reached its limit without an answer").detail(
        format!("it may take {limit}; raise its `limits`, or give it a smaller task"),
    )
}

fn in_circles(conversation: &Conversation, period: usize, times: u32) -> WorkflowError {
    let from = conversation.exchanges.len().saturating_sub(period);
    let calls = conversation.exchanges[from..].iter().flat_map(|exchange| {
        let calls = exchange.turn.message.tool_calls();
        calls.map(|call| {
            let arguments: String = call.arguments.to_string().chars().take(120).collect();
            format!("`{}` {arguments}", call.name)
        })
    });
    let named: Vec<String> = calls.take(6).collect();
    let detail = format!(
        "{} gave the same answers {times} times over; a tool that is asked again while it waits is declared with `waits`",
        named.join(", ")
    );
    let mut error = WorkflowError::standard("runtime", 508, "The agent goes in circles").detail(detail);
    error.data = json!({ "code": "loop_detected", "times": times });
    error
}

#[cfg(test)]
#[path = "agent_loop_tests.rs"]
mod tests;
