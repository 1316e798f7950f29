//! Folding what budgets hear of: reservations, bills, doubts, raises.
//!
//! Invariant: what is set aside for an effect is set aside in every scope around it, and leaves each of them exactly
//! once: as what was billed, or, where nobody knows, at its worst.

use std::sync::Arc;

use dirigent_protocol::run::{
    Account, Amounts, Budget, Decision, DecisionRecord, Doubt, EffectId, EffectOutcome, EffectRequest,
    EventBody, TimerPurpose,
};
use serde_json::Value;

use super::effects::usage;
use super::frame::FrameId;
use super::run::{Effect, EffectPhase, PendingApproval, RunState};

/// Most calls in doubt that are kept by name; the accounts count all.
const MAX_DOUBTS: usize = 1_000;

impl RunState {
    pub(super) fn budget_event(&mut self, body: &EventBody) {
        match body {
            EventBody::EffectHeld {
                effect,
                step,
                attempt,
                request,
                ..
            } => {
                if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
                    known.phase = EffectPhase::Held;
                } else if let Some(request) = request {
                    self.add_effect(*effect, step, *attempt, request.clone(), EffectPhase::Held);
                }
            }
            EventBody::EffectReleased { effect } => {
                if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
                    known.phase = EffectPhase::Queued;
                }
            }
            EventBody::BudgetReserved { effect, reserved } => self.reserve(*effect, *reserved),
            _ => {}
        }
    }

    /// The account of a scope: the run's own for its root.
    pub(crate) fn account_of(&self, frame: FrameId) -> Option<&Account> {
        if frame == self.root {
            return Some(&self.account);
        }
        self.frame(frame)?.account.as_deref()
    }

    pub(super) fn reserve(&mut self, id: EffectId, worst: Amounts) {
        let Some(effect) = self.effects.get_mut(id.0).map(Arc::make_mut) else {
            return;
        };
        effect.reserved = Some(worst);
        let effect = effect.clone();
        self.in_scopes(&effect, |account| account.reserved = account.reserved.plus(worst));
    }

    /// An effect ended: its reservation becomes its bill.
    pub(super) fn charge(&mut self, effect: &Effect, outcome: &EffectOutcome) {
        let Some(worst) = effect.reserved else { return };
        match outcome {
            EffectOutcome::Done { .. }
            | EffectOutcome::Turn { .. }
            | EffectOutcome::Failed { .. }
            | EffectOutcome::Asks { .. } => {
                let billed = Amounts::from(usage(outcome));
                self.in_scopes(effect, |account| {
                    account.reserved = account.reserved.less(worst);
                    account.spent = account.spent.plus(billed);
                });
            }
            // What was stopped on its way may have been billed all the same.
            EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled => self.note_doubt(effect, worst),
        }
    }

    /// Nobody knows how an effect ended: it counts at its worst.
    pub(super) fn doubt(&mut self, id: EffectId) {
        let Some(effect) = self.effects.get(id.0).cloned() else {
            return;
        };
        if effect.request.is_run() {
            // A run goes on whatever becomes of who waits for it, and is found again.
            return;
        }
        let Some(worst) = effect.reserved else { return };
        self.note_doubt(&effect, worst);
        if let Some(known) = self.effects.get_mut(id.0).map(Arc::make_mut) {
            known.reserved = None;
        }
    }

    fn note_doubt(&mut self, effect: &Effect, worst: Amounts) {
        self.in_scopes(effect, |account| {
            account.reserved = account.reserved.less(worst);
            account.spent = account.spent.plus(worst);
            account.in_doubt = account.in_doubt.plus(worst);
        });
        if self.doubts.len() >= MAX_DOUBTS {
            self.doubts.remove(0);
        }
        let key = effect.phase.key().map(|key| key.to_string()).unwrap_or_default();
        self.doubts.push(Doubt {
            effect: effect.id,
            step: effect.step.clone(),
            key,
            worst,
        });
    }

    /// The bill of a call in doubt came after all.
    pub(super) fn clear_doubt(&mut self, id: EffectId, outcome: &EffectOutcome) {
        if matches!(outcome, EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled) {
            return;
        }
        let Some(at) = self.doubts.iter().position(|doubt| doubt.effect == id) else {
            return;
        };
        let worst = self.doubts.remove(at).worst;
        let account = &mut self.account;
        account.in_doubt = account.in_doubt.less(worst);
        account.spent = account.spent.less(worst).plus(usage(outcome).into());
    }

    fn in_scopes(&mut self, effect: &Effect, change: impl Fn(&mut Account)) {
        change(&mut self.account);
        let mut at = Some(effect.frame);
        while let Some(id) = at.filter(|id| *id != self.root) {
            let Some(frame) = self.frame_mut(id) else { break };
            change(frame.account.get_or_insert_default());
            at = frame.parent;
        }
        if let EffectRequest::Agent(call) = &effect.request {
            change(self.agents.entry(call.agent.clone()).or_default());
        }
    }

    /// A person decided whether a scope's budget is raised.
    pub(super) fn budget_decided(&mut self, pending: &PendingApproval, record: &DecisionRecord) {
        self.drop_question_timers(pending.frame);
        let raised = match &record.decision {
            Decision::Approve { edited } => raised_to(edited.as_ref().unwrap_or(&pending.request.payload)),
            Decision::Deny | Decision::Expire => None,
        };
        let account = if pending.frame == self.root {
            &mut self.account
        } else {
            let Some(frame) = self.frame_mut(pending.frame) else {
                return;
            };
            frame.account.get_or_insert_default()
        };
        account.refused = raised.is_none();
        account.raised = raised.or(account.raised);
    }

    /// Timers of a frame's question go with it.
    pub(super) fn drop_question_timers(&mut self, frame: FrameId) {
        let expiry = |timer: &super::run::Timer| {
            timer.frame == frame
                && matches!(
                    timer.purpose,
                    TimerPurpose::ApprovalExpiry
                        | TimerPurpose::ApprovalReminder
                        | TimerPurpose::ApprovalEscalation
                )
        };
        let gone: Vec<u64> = self
            .timers
            .iter()
            .filter(|(_, timer)| expiry(timer))
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            self.timers.remove(id);
        }
    }
}

/// What a payload raises a budget to: `{ "raise_to": { "usd": 2.5, "tokens": 1000, "calls": 9, "time_ms": 60000 } }`.
fn raised_to(payload: &Value) -> Option<Budget> {
    let wanted = payload.get("raise_to")?.as_object()?;
    let count = |name: &str| wanted.get(name).and_then(Value::as_u64);
    let budget = Budget {
        micro_usd: wanted
            .get("usd")
            .and_then(Value::as_f64)
            .map(Budget::micro_of_usd),
        tokens: count("tokens"),
        calls: count("calls"),
        time_ms: count("time_ms"),
        ..Budget::default()
    };
    budget.limits().then_some(budget)
}
