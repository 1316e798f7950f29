//! Budgets within a decision: is there room for an effect at its worst, must it wait, must somebody be asked?
//!
//! Invariants: an effect whose worst case has no room in every scope around it is not intended; one that only has to
//! wait for what others have set aside waits, and does not fail. An unknown outcome counts at its worst, and its repeat
//! needs room of its own.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::run::{
    Account, Amounts, ApprovalRequest, Budget, EffectId, EffectOutcome, EffectRequest, EventBody, Limited,
    OnExceeded, Risk, StepId, TimerPurpose, Usage, WorkflowError,
};
use serde_json::{Value, json};

use super::effects::millis;
use super::model::{Me, Turn, Work, Workflow};
use crate::state::{EffectPhase, FrameId, RunState};

/// What an effect may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quote {
    /// At worst.
    pub worst: Amounts,
    /// Nobody knows its price.
    pub unpriced: bool,
    /// Nobody knows how many tokens it takes.
    pub uncounted: bool,
    /// The most its agent may take within one run.
    pub agent: Option<Budget>,
    /// It is a run of its own, which may take whatever is set aside for it.
    pub run: bool,
}

/// Where quotes come from.
pub trait Quotes {
    /// What an effect may take; the same request may be quoted again later.
    fn quote(&self, request: &EffectRequest) -> Quote;
}

/// Nothing costs anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Free;

impl Quotes for Free {
    fn quote(&self, _request: &EffectRequest) -> Quote {
        Quote::default()
    }
}

/// Whether there is room for an effect.
pub(super) enum Room {
    /// It takes nothing, or nothing limits it.
    Free,
    /// There is; this much is to be set aside.
    Reserve(Amounts),
    /// There may be once others have ended.
    Later(Option<Limited>),
    /// There is not.
    Full(Box<Shortage>),
}

/// Why there is no room.
pub(super) struct Shortage {
    /// The scope, unless it is an agent.
    frame: Option<FrameId>,
    name: String,
    /// What there is too little of; none where nobody knows the price.
    pub(super) limited: Option<Limited>,
    budget: Budget,
    account: Account,
    needed: Amounts,
    /// Nobody knows how many tokens it takes.
    uncounted: bool,
}

impl Shortage {
    /// The error `budget`, for the document to catch.
    pub(super) fn error(&self) -> WorkflowError {
        let what = self.limited.map_or("a price", Limited::as_str);
        let mut error = WorkflowError::standard("budget", 402, format!("The budget has no room: {what}"));
        error.detail = Some(match self.limited {
            None => format!(
                "nobody knows what the call costs, and {} is limited in money",
                self.name
            ),
            Some(Limited::Time) => format!("the time of {} is over", self.name),
            Some(Limited::Tokens) if self.uncounted => format!(
                "nobody knows how many tokens a program of somebody else takes, and {} is limited in tokens; limit its \
                 calls or its time instead",
                self.name
            ),
            Some(limited) => {
                let of = |amounts: Amounts| match limited {
                    Limited::Money => usd(amounts.micro_usd),
                    Limited::Tokens => format!("{} tokens", amounts.tokens),
                    Limited::Calls | Limited::Time => format!("{} calls", amounts.calls),
                };
                let limit = Amounts {
                    micro_usd: self.budget.micro_usd.unwrap_or(0),
                    tokens: self.budget.tokens.unwrap_or(0),
                    calls: self.budget.calls.unwrap_or(0),
                };
                format!(
                    "{} may take {}; {} is spent, the next call may take {}",
                    self.name,
                    of(limit),
                    of(self.account.spent),
                    of(self.needed)
                )
            }
        });
        error.data = self.facts();
        error
    }

    fn facts(&self) -> Value {
        json!({
            "scope": self.name,
            "limited": self.limited,
            "limit": self.budget,
            "spent": self.account.spent,
            "reserved": self.account.reserved,
            "in_doubt": self.account.in_doubt,
            "needed": self.needed,
        })
    }

    /// Twice the limit, or what is needed if that is more.
    fn proposal(&self) -> Value {
        let needed = self.account.used().plus(self.needed);
        let twice = |limit: Option<u64>, needed: u64| {
            limit.map_or(needed, |limit| limit.saturating_mul(2)).max(needed)
        };
        match self.limited {
            Some(Limited::Tokens) => json!({ "tokens": twice(self.budget.tokens, needed.tokens) }),
            Some(Limited::Calls) => json!({ "calls": twice(self.budget.calls, needed.calls) }),
            Some(Limited::Time) => json!({ "time_ms": twice(self.budget.time_ms, 60_000) }),
            Some(Limited::Money) | None => {
                #[expect(clippy::cast_precision_loss, reason = "money of one run, shown to a person")]
                let usd = twice(self.budget.micro_usd, needed.micro_usd) as f64 / 1e6;
                json!({ "usd": usd })
            }
        }
    }
}

fn usd(micro: u64) -> String {
    format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

impl Turn<'_, '_> {
    /// Whether any budget is in use.
    fn budgeted(&self) -> bool {
        self.workflow.budgeted || self.state.pins.budget.is_some() || !self.state.agents.is_empty()
    }

    /// Whether there is room for an effect of a frame in every scope around it.
    pub(super) fn room(&self, frame: FrameId, request: &EffectRequest) -> Room {
        let agent = match request {
            EffectRequest::Agent(call) => Some(&call.agent),
            _ => None,
        };
        if agent.is_none() && !self.budgeted() {
            return Room::Free;
        }
        let mut quote = self.cx.quotes.quote(request);
        if quote.run {
            quote.worst = self.allowance(frame);
        }
        let (mut limits, mut later) = (false, None);
        let mut at = Some(frame);
        while let Some(id) = at {
            let Some(own) = self.state.frame(id) else { break };
            at = own.parent;
            let Some(budget) = self.limit_of(id, &own.step) else {
                continue;
            };
            limits = true;
            let account = self.state.account_of(id).cloned().unwrap_or_default();
            let elapsed = Duration::try_from(self.cx.now.duration_since(own.started_at)).unwrap_or_default();
            let over = budget.time_is_over(elapsed).then_some(Limited::Time);
            match tight(&budget, &account, &quote, over) {
                Tight::No => {}
                Tight::Later(limited) => later = Some(limited),
                Tight::Full(limited) => {
                    return Room::Full(Box::new(Shortage {
                        frame: Some(id),
                        name: scope_name(&own.step),
                        limited,
                        budget,
                        account,
                        needed: quote.worst,
                        uncounted: quote.uncounted,
                    }));
                }
            }
        }
        if let (Some(budget), Some(agent)) = (quote.agent, agent) {
            limits = true;
            match self.agent_room(budget, agent, &quote) {
                Room::Later(limited) => later = Some(limited),
                Room::Full(shortage) => return Room::Full(shortage),
                Room::Free | Room::Reserve(_) => {}
            }
        }
        match later {
            Some(limited) => Room::Later(limited),
            None if !limits || quote.worst.is_nothing() => Room::Free,
            None => Room::Reserve(quote.worst),
        }
    }

    fn agent_room(&self, budget: Budget, agent: &str, quote: &Quote) -> Room {
        let account = self.state.agents.get(agent).cloned().unwrap_or_default();
        match tight(&budget, &account, quote, None) {
            Tight::No => Room::Free,
            Tight::Later(limited) => Room::Later(limited),
            Tight::Full(limited) => Room::Full(Box::new(Shortage {
                frame: None,
                name: format!("the agent `{agent}`"),
                limited,
                budget,
                account,
                needed: quote.worst,
                uncounted: quote.uncounted,
            })),
        }
    }

    /// The budget of a scope as it is now.
    pub(super) fn limit_of(&self, frame: FrameId, step: &StepId) -> Option<Budget> {
        scope_limit(self.workflow, &self.state, frame, step)
    }

    /// Records that a new effect waits for room.
    pub(super) fn hold(
        &mut self,
        step: &StepId,
        attempt: u32,
        limited: Option<Limited>,
        request: EffectRequest,
    ) {
        let effect = EffectId(self.next_seq());
        self.emit(EventBody::EffectHeld {
            effect,
            step: step.clone(),
            attempt,
            limited,
            request: Some(request),
        });
    }

    /// Asks a person to raise the budget of a scope; no where nobody may be asked.
    pub(super) fn ask_to_raise(&mut self, shortage: &Shortage) -> bool {
        let asks = shortage.budget.on_exceeded == OnExceeded::Ask && !shortage.account.refused;
        let Some(frame) = shortage.frame.filter(|_| asks) else {
            return false;
        };
        let asked = |id: FrameId, turn: &Self| {
            turn.state
                .approvals()
                .any(|pending| pending.frame == id && pending.request.raises_budget)
        };
        if asked(frame, self) {
            return true;
        }
        let mut shown = shortage.facts();
        shown["raise_to"] = shortage.proposal();
        let expires = self.default_expiry();
        let request = ApprovalRequest {
            title: format!("Raise the budget of {}?", shortage.name),
            action: format!("raise the budget of {}", shortage.name),
            risk: Risk::High,
            reason: shortage.error().detail,
            payload: Arc::new(shown),
            confirm: Some("raise".to_owned()),
            expires_after_ms: Some(millis(expires)),
            raises_budget: true,
            ..ApprovalRequest::default()
        };
        let (approval, digest, step) = ((self.cx.ids)(), request.digest(), self.step(frame));
        self.emit(EventBody::ApprovalRequested {
            approval,
            step: step.clone(),
            digest,
            request,
        });
        let due = self.after(expires);
        self.set_timer(step, due, TimerPurpose::ApprovalExpiry);
        true
    }

    /// A scope ends: nobody needs to raise its budget any more.
    pub(super) fn withdraw_raise(&mut self, frame: FrameId) {
        let pending = self
            .state
            .approvals()
            .find(|pending| pending.frame == frame && pending.request.raises_budget);
        if let Some((approval, step)) = pending.map(|pending| (pending.id, pending.step.clone())) {
            self.emit(EventBody::ApprovalWithdrawn { approval, step });
        }
    }

    /// An effect whose outcome is unknown is to be repeated: with room of its own, later, or not at all.
    pub(super) fn reserve_again(&mut self, effect: EffectId) {
        let Some(known) = self.state.effect(effect).cloned() else {
            return;
        };
        if known.request.is_run() && known.reserved.is_some() {
            // The same run is found again; it takes no more than what was set aside for it.
            return;
        }
        let limited = match self.room(known.frame, &known.request) {
            Room::Free => return,
            Room::Reserve(reserved) => {
                self.emit(EventBody::BudgetReserved { effect, reserved });
                return;
            }
            Room::Later(limited) => limited,
            Room::Full(shortage) => {
                if !self.ask_to_raise(&shortage) {
                    return self.fail_for_want(effect, known.frame, &shortage);
                }
                shortage.limited
            }
        };
        self.hold_again(effect, limited);
    }

    fn hold_again(&mut self, effect: EffectId, limited: Option<Limited>) {
        let Some(known) = self.state.effect(effect) else {
            return;
        };
        let (step, attempt) = (known.step.clone(), known.attempt);
        self.emit(EventBody::EffectHeld {
            effect,
            step,
            attempt,
            limited,
            request: None,
        });
    }

    fn fail_for_want(&mut self, effect: EffectId, frame: FrameId, shortage: &Shortage) {
        self.emit(EventBody::EffectSettled {
            effect,
            outcome: EffectOutcome::Failed {
                error: shortage.error(),
                retryable: false,
                retry_after_ms: None,
                retry: None,
                usage: Usage::default(),
            },
        });
        self.work.push(Work::Use { frame });
    }

    /// An effect that waited: intended where there is room and a permit (held already where `permitted`).
    pub(super) fn intend_if_room(&mut self, effect: EffectId, permitted: bool) {
        let Some(known) = self.state.effect(effect).cloned() else {
            return;
        };
        let reserved = match self.room(known.frame, &known.request) {
            Room::Free => None,
            Room::Reserve(worst) => Some(worst),
            Room::Later(limited) => {
                if known.phase != EffectPhase::Held {
                    self.hold_again(effect, limited);
                }
                return;
            }
            Room::Full(shortage) => {
                if !self.ask_to_raise(&shortage) {
                    self.fail_for_want(effect, known.frame, &shortage);
                } else if known.phase != EffectPhase::Held {
                    self.hold_again(effect, shortage.limited);
                }
                return;
            }
        };
        let Some(task) = self.workflow.task_at(&known.step.pointer) else {
            return;
        };
        if permitted || self.permit(&known.request) {
            let me = Me {
                frame: known.frame,
                task: self.workflow.task(task),
            };
            self.intend(me, effect, known.attempt, None, reserved);
        } else {
            self.emit(EventBody::EffectReleased { effect });
        }
    }

    /// Lets what waits for room go on where there is some now, until nothing moves any more.
    pub(super) fn spend(&mut self) {
        if !self.budgeted() {
            return;
        }
        loop {
            let before = self.events.len();
            let rests = self.state.suspended || self.state.cancelling || self.state.status.is_final();
            if before == 0 || rests || !self.needed.is_empty() {
                return;
            }
            let held: Vec<EffectId> = self
                .state
                .effects()
                .filter(|effect| effect.phase == EffectPhase::Held && !effect.abort)
                .map(|effect| effect.id)
                .collect();
            for effect in held {
                self.intend_if_room(effect, false);
            }
            self.run();
            if self.events.len() == before {
                return;
            }
        }
    }
}

/// The budget of a scope as it is now.
pub(super) fn scope_limit(
    workflow: &Workflow,
    state: &RunState,
    frame: FrameId,
    step: &StepId,
) -> Option<Budget> {
    if frame == state.root {
        return run_limit(workflow, state);
    }
    let task = workflow.task(workflow.task_at(&step.pointer)?);
    let declared = task.base.settings.budget?;
    let raised = state.account_of(frame).and_then(|account| account.raised);
    let budget = raised.map_or(declared, |to| declared.raised(to));
    budget.limits().then_some(budget)
}

/// The budget of the run itself as it is now: what its document and its starter say, raised where a person did.
pub(super) fn run_limit(workflow: &Workflow, state: &RunState) -> Option<Budget> {
    let declared = workflow.settings.budget.unwrap_or_default();
    let both = declared.and(state.pins.budget.unwrap_or_default());
    let budget = state.account.raised.map_or(both, |to| both.raised(to));
    budget.limits().then_some(budget)
}

fn scope_name(step: &StepId) -> String {
    if step.pointer.is_empty() {
        "the run".to_owned()
    } else {
        format!("the step {step}")
    }
}

enum Tight {
    No,
    Later(Option<Limited>),
    Full(Option<Limited>),
}

fn tight(budget: &Budget, account: &Account, quote: &Quote, over: Option<Limited>) -> Tight {
    if over.is_some() {
        return Tight::Full(over);
    }
    if quote.worst.is_nothing() && !quote.unpriced {
        return Tight::No;
    }
    if quote.uncounted && budget.tokens.is_some() {
        return Tight::Full(Some(Limited::Tokens));
    }
    if quote.unpriced && budget.micro_usd.is_some() {
        return Tight::Full(None);
    }
    let full = budget.exceeded_by(account.spent.plus(quote.worst));
    let later = budget.exceeded_by(account.used().plus(quote.worst));
    match (full, later) {
        (Some(limited), _) => Tight::Full(Some(limited)),
        (None, Some(limited)) => Tight::Later(Some(limited)),
        (None, None) => Tight::No,
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
