//! One tool call of an agent: asked about where it must be, then performed; its answer goes back to the model.
//!
//! No row: no document names it. It stands inside every task that calls an agent.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    ApprovalClass, ApprovalRequest, Consequence, Decision, DecisionRecord, EventBody, PlannedEffect, Risk,
    TimerPurpose, WorkflowError,
};
use serde_json::json;

use crate::machine::{Me, Next, Outcome, Stop, Task, Turn, millis};

/// Shortest and longest life of its question.
const LIVES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(90 * 24 * 3_600));

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
    let life = turn.default_expiry().clamp(LIVES.0, LIVES.1);
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
        edit_schema: None,
        remind_ms: None,
        escalation: None,
        raises_budget: false,
    };
    let (approval, digest, step) = ((turn.cx.ids)(), request.digest(), turn.step(me.frame));
    turn.emit(EventBody::ApprovalRequested {
        approval,
        step: step.clone(),
        digest,
        request,
    });
    let due = turn.after(life);
    turn.set_timer(step, due, TimerPurpose::ApprovalExpiry);
    Ok(Next::Wait)
}

impl Task for AgentTool {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let (name, planned) = turn.planned(me.frame).ok_or_else(gone)?;
        let (class, reason) = turn.gate(me.frame, &planned);
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
        let (_, planned) = turn.planned(me.frame).ok_or_else(gone)?;
        let title = match &record.decision {
            Decision::Approve { edited: None } => return turn.request(me, planned.request),
            // Another attempt would have to know the change too; the model can make it itself.
            Decision::Approve { edited: Some(_) } => "A person wants the call changed, so it was not made",
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
        let (_, planned) = turn.planned(me.frame).ok_or_else(gone)?;
        turn.request(me, planned.request)
    }

    fn default_attempts(&self) -> u32 {
        3
    }
}
