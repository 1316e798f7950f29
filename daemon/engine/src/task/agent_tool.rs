//! One tool call of an agent: asked about where it must be, then performed; its answer goes back to the model.
//!
//! No row: no document names it. It stands inside every task that calls an agent.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    ApprovalClass, ApprovalRequest, Consequence, Decision, DecisionRecord, EffectRequest, NOT_PERFORMED,
    PlannedEffect, Risk, WorkflowError,
};
use serde_json::{Value, json};

use crate::machine::{Me, Next, Outcome, Stop, Task, Turn, millis};

/// A call of a tool.
#[derive(Debug)]
pub(super) struct AgentTool;

fn gone() -> Stop {
    let error = WorkflowError::standard("runtime", 500, "The tool call is not planned");
    Stop::fault(error)
}

fn ask(
    turn: &mut Turn<'_, '_>,
    me: Me<'_>,
    (name, planned): (&str, &PlannedEffect),
    (class, reason): (ApprovalClass, Option<String>),
) -> Outcome {
    let agent = turn.caller(me.frame);
    let life = turn.question_life();
    let shown = json!({ "tool": name, "destination": planned.destination, "request": planned.request });
    let before = planned.before.as_ref().map(|before| {
        // The same shape with what is there now, so that what differs is what is written.
        let mut now = shown.clone();
        if let Some(content) = now.pointer_mut("/request/file/deed/write/content") {
            *content = (**before).clone();
        }
        Arc::new(now)
    });
    let request = ApprovalRequest {
        title: format!(
            "{} wants {}",
            agent.as_deref().unwrap_or("an agent"),
            planned.request.summary()
        ),
        action: format!("tool {name}"),
        risk: if class == ApprovalClass::Always {
            Risk::High
        } else {
            Risk::Medium
        },
        reason,
        payload: Arc::new(shown),
        before,
        agent,
        on_deny: Consequence::GoesOn,
        on_expire: Consequence::GoesOn,
        confirm: None,
        expires_after_ms: Some(millis(life)),
        deciders: dirigent_protocol::run::Deciders::default(),
        edit_schema: planned
            .edit
            .as_deref()
            .map(|request| Arc::new(changes(name, planned, request))),
        remind_ms: None,
        escalation: None,
        raises_budget: false,
    };
    turn.put_question(me, request, life)
}

/// What is performed: what was planned, or what the person who allowed it made of it.
fn allowed(turn: &Turn<'_, '_>, me: Me<'_>) -> Result<EffectRequest, Stop> {
    let (_, planned) = turn.planned(me.frame).ok_or_else(gone)?;
    let allowed = turn.state.frame(me.frame).and_then(|frame| frame.allowed.clone());
    let Some(wanted) = allowed.as_deref().map(|allowed| &allowed["request"]) else {
        return Ok(planned.request);
    };
    if serde_json::to_value(&planned.request).is_ok_and(|asked| asked == *wanted) {
        return Ok(planned.request);
    }
    let changed = serde_json::from_value::<EffectRequest>(wanted.clone());
    let changed = changed
        .ok()
        .filter(|changed| changed.kind() == planned.request.kind());
    changed.filter(|_| planned.edit.is_some()).ok_or_else(|| {
        let title = "A person wants the call changed, so it was not made";
        Stop::fault(WorkflowError::standard("approval", 403, title))
    })
}

/// What the model is told, and the trial's result shows, of a call that a trial does not make.
fn not_performed(planned: &PlannedEffect) -> Value {
    json!({
        NOT_PERFORMED: "not performed while trying: this call acts, or a person is asked before it; nothing was done",
        "destination": planned.destination,
        "request": planned.request,
    })
}

/// What may become of all that is shown, where the request may become that.
fn changes(name: &str, planned: &PlannedEffect, request: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "tool": { "const": name },
            "destination": { "const": planned.destination },
            "request": request,
        },
        "required": ["tool", "destination", "request"],
        "additionalProperties": false,
    })
}

impl Task for AgentTool {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let (name, planned) = turn.planned(me.frame).ok_or_else(gone)?;
        let (class, reason) = turn.gate(&planned);
        if turn.state.pins().trial && (class != ApprovalClass::Never || !planned.only_reads()) {
            return Ok(Next::Done(Arc::new(not_performed(&planned)), None));
        }
        if class == ApprovalClass::Never {
            return turn.request(me, planned.request);
        }
        ask(turn, me, (&name, &planned), (class, reason))
    }

    fn decided(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        record: DecisionRecord,
        _payload: Payload,
    ) -> Outcome {
        let title = match &record.decision {
            Decision::Approve { .. } => {
                let request = allowed(turn, me)?;
                return turn.request(me, request);
            }
            Decision::Deny => "A person denied the call",
            Decision::Expire => "Nobody allowed the call in time",
        };
        let error = WorkflowError::standard("approval", 403, title);
        Err(Stop::fault(match record.reason {
            Some(reason) => error.detail(reason),
            None => error,
        }))
    }

    fn timer_fired(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        // Another attempt of what was allowed already.
        let request = allowed(turn, me)?;
        turn.request(me, request)
    }

    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        let (_, planned) = turn.planned(me.frame).ok_or_else(gone)?;
        let request = allowed(turn, me)?;
        // An answer to a program goes back as it is.
        if request == planned.request || matches!(request, EffectRequest::Permission(_)) {
            return Ok(Next::Done(output, None));
        }
        // The model must not take what it asked for as done.
        let told = json!({
            "changed": "a person changed this call before it was made",
            "made": request,
            "answer": &*output,
        });
        Ok(Next::Done(Arc::new(told), None))
    }

    fn default_attempts(&self) -> u32 {
        3
    }
}
