//! Where a run stands in its budgets, for people and scripts. Decides nothing.

use dirigent_protocol::run::{Account, RunBudget, ScopeBudget};

use super::budget::run_limit;
use super::model::Workflow;
use crate::state::{EffectPhase, Frame, RunState};

/// Calls in doubt, steps and waiting effects that are shown by name.
const MAX_SHOWN: usize = 100;

/// Where a run stands in its budget; none where no budget holds anywhere in it.
#[must_use]
pub fn run_budget(workflow: &Workflow, state: &RunState) -> Option<RunBudget> {
    let limit = run_limit(workflow, state);
    let scopes = scopes(workflow, state);
    if limit.is_none() && state.account == Account::default() && scopes.is_empty() {
        return None;
    }
    let held = state.effects().filter(|effect| effect.phase == EffectPhase::Held);
    let shown = state.doubts.len().saturating_sub(MAX_SHOWN);
    Some(RunBudget {
        limit: limit.unwrap_or_default(),
        spent: state.account.spent,
        reserved: state.account.reserved,
        in_doubt: state.account.in_doubt,
        open_bills: state.doubts.iter().skip(shown).map(Into::into).collect(),
        scopes,
        held: held
            .take(MAX_SHOWN)
            .map(|effect| effect.step.to_string())
            .collect(),
    })
}

/// Budgets of steps that go on, and where they stand.
fn scopes(workflow: &Workflow, state: &RunState) -> Vec<ScopeBudget> {
    if !workflow.budgeted {
        return Vec::new();
    }
    let scope = |frame: &Frame| {
        frame.parent?;
        let declared = workflow
            .task(workflow.task_at(&frame.step.pointer)?)
            .base
            .settings
            .budget?;
        let account = frame.account.as_deref().cloned().unwrap_or_default();
        Some(ScopeBudget {
            step: frame.step.to_string(),
            limit: account.raised.map_or(declared, |to| declared.raised(to)),
            spent: account.spent,
            reserved: account.reserved,
        })
    };
    state
        .frames()
        .filter_map(|(_, frame)| scope(frame))
        .take(MAX_SHOWN)
        .collect()
}
