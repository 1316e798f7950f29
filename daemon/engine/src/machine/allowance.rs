//! What is set aside of a run's budgets for a run that it starts: the most that one, with all the runs it starts itself,
//! may take. So no tree of runs takes more than the budget of its root.
//!
//! Invariant: what is given to all runs that go on together, with what is spent, is never more than a budget around them.

use dirigent_protocol::run::{Amounts, Budget, EffectId};
use jiff::Timestamp;

use super::budget::scope_limit;
use super::model::{Turn, Workflow};
use crate::state::{Frame, FrameId, Phase, RunState};

/// The budget of the run that an effect starts: what is set aside for it, the least time that is left of the scopes
/// around it, and a person is asked where one of them says so. None where nothing limits it.
#[must_use]
pub fn budget_inside(
    workflow: &Workflow,
    state: &RunState,
    effect: EffectId,
    now: Timestamp,
) -> Option<Budget> {
    let effect = state.effect(effect)?;
    let limit = |amount: u64| (amount > 0).then_some(amount);
    let reserved = effect.reserved.unwrap_or_default();
    let mut budget = Budget {
        micro_usd: limit(reserved.micro_usd),
        tokens: limit(reserved.tokens),
        calls: limit(reserved.calls),
        ..Budget::default()
    };
    let mut at = Some(effect.frame);
    while let Some((id, own)) = at.and_then(|id| Some((id, state.frame(id)?))) {
        if let Some(around) = scope_limit(workflow, state, id, &own.step) {
            let elapsed = u64::try_from(now.duration_since(own.started_at).as_millis()).unwrap_or(0);
            budget = budget.and(Budget {
                time_ms: around.time_ms.map(|limit| limit.saturating_sub(elapsed).max(1)),
                on_exceeded: around.on_exceeded,
                ..Budget::default()
            });
        }
        at = own.parent;
    }
    budget.limits().then_some(budget)
}

impl Turn<'_, '_> {
    /// What a run inside the run may take: what a scope of its own says, or else of every scope around it what is not
    /// spent, shared with the branches that go on beside it. At least a little of each, so that a scope with nothing left
    /// is seen to be full.
    pub(super) fn allowance(&self, frame: FrameId) -> Amounts {
        let (mut share, mut parts) = (Budget::default(), 1_u64);
        let mut at = Some(frame);
        while let Some(id) = at {
            let Some(own) = self.state.frame(id) else { break };
            if let Some(budget) = self.limit_of(id, &own.step) {
                let account = self.state.account_of(id);
                let spent = account.map(|account| account.spent).unwrap_or_default();
                // What is said nearer by is not shared out again: it is had, or waited for.
                let left = |limit: Option<u64>, spent: u64, nearer: Option<u64>| {
                    let parts = if nearer.is_some() { 1 } else { parts };
                    limit.map(|limit| (limit.saturating_sub(spent) / parts).max(1))
                };
                share = share.and(Budget {
                    micro_usd: left(budget.micro_usd, spent.micro_usd, share.micro_usd),
                    tokens: left(budget.tokens, spent.tokens, share.tokens),
                    calls: left(budget.calls, spent.calls, share.calls),
                    ..Budget::default()
                });
            }
            at = own.parent;
            let around = at.and_then(|around| self.state.frame(around));
            if let Some(fork) = around.filter(|around| around.parallel) {
                parts = parts.saturating_mul(self.branches_left(fork));
            }
        }
        Amounts {
            micro_usd: share.micro_usd.unwrap_or(0),
            tokens: share.tokens.unwrap_or(0),
            calls: share.calls.unwrap_or(0),
        }
    }

    /// Branches of a fork that are not done, as many as may go on at once.
    fn branches_left(&self, fork: &Frame) -> u64 {
        let Some(task) = self
            .workflow
            .task_at(&fork.step.pointer)
            .map(|index| self.workflow.task(index))
        else {
            return 1;
        };
        let all: usize = task.body.lists().iter().map(|(_, list)| list.tasks.len()).sum();
        let done = |id: &&FrameId| {
            self.state
                .frame(**id)
                .is_some_and(|child| child.phase == Phase::Done)
        };
        let done = fork.children.iter().filter(done).count() + fork.transitions as usize;
        let most = task.base.settings.fan_out.or(self.workflow.settings.fan_out);
        let left = u64::try_from(all.saturating_sub(done)).unwrap_or(u64::MAX);
        left.min(most.map_or(u64::MAX, u64::from)).max(1)
    }
}
