//! What agents took: a row for each agent in each run, kept by the run's own commits.
//!
//! Invariant: an outcome is counted in the commit that makes it durable, so it counts once whatever ends the daemon; a
//! row has one writer, its run's driver. Rows go with their runs.

use std::collections::BTreeMap;

use dirigent_engine::state::RunState;
use dirigent_protocol::agent_use::{AgentUse, MAX_RUNS};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EffectOutcome, EffectRequest, EventBody, RunEvent, StepId, Usage};
use dirigent_store::{ScanRange, Store, Txn};
use jiff::Timestamp;

use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use super::rows::{self, UsedRow};

/// What these events settled, by agent; `state` is the one before them. A step counts once, at its end: neither its turns
/// nor attempts that are followed by another are uses or failures, but what they took is counted.
pub(crate) fn settled<'a>(state: &'a RunState, events: &[RunEvent]) -> BTreeMap<&'a str, UsedRow> {
    let mut all: BTreeMap<&str, UsedRow> = BTreeMap::new();
    let mut add = |agent: &'a str, one: UsedRow| {
        let sum = all.entry(agent).or_insert_with(|| nothing(one.at));
        *sum = together(*sum, one);
    };
    let mut failed: Vec<&StepId> = Vec::new();
    for event in events {
        match &event.body {
            EventBody::EffectSettled { effect, outcome } => {
                let Some(effect) = state.effect(*effect) else {
                    continue;
                };
                let EffectRequest::Agent(call) = &effect.request else {
                    continue;
                };
                let (ended, failure, usage) = match outcome {
                    EffectOutcome::Done { usage, .. } => (true, false, *usage),
                    EffectOutcome::Turn { usage, .. } => (false, false, *usage),
                    EffectOutcome::Failed { usage, .. } => {
                        failed.push(&effect.step);
                        let again = is_tried_again(events, &effect.step);
                        (!again, !again, *usage)
                    }
                    // What nobody knows, or nobody wanted any more, says nothing of the agent.
                    EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled | EffectOutcome::Asks { .. } => {
                        continue;
                    }
                };
                let one = UsedRow {
                    uses: u64::from(ended),
                    failures: u64::from(failure),
                    usage,
                    at: event.time,
                };
                add(&call.agent, one);
            }
            // A conversation that went in circles or too far: none of its effects failed.
            EventBody::TaskFaulted { step, .. } if !failed.contains(&step) => {
                let frame = state.frames().find(|(_, frame)| frame.step == *step);
                let conversation = frame.and_then(|(_, frame)| frame.conversation.as_deref());
                if let Some(conversation) = conversation {
                    let one = UsedRow {
                        uses: 1,
                        failures: 1,
                        ..nothing(event.time)
                    };
                    add(&conversation.call.agent, one);
                }
            }
            _ => {}
        }
    }
    all
}

fn is_tried_again(events: &[RunEvent], of: &StepId) -> bool {
    let again = |event: &RunEvent| matches!(&event.body, EventBody::TaskRetried { step, .. } if step == of);
    events.iter().any(again)
}

/// Adds to the rows of a run what its agents took.
pub(crate) fn put(
    store: &dyn Store,
    (org, run): (EntityId, RunId),
    settled: &BTreeMap<&str, UsedRow>,
    txn: &mut Txn,
) -> Result<(), RuntimeError> {
    let mut new = Vec::new();
    for (agent, more) in settled {
        let key = rows::used_key(org, agent, run);
        let before: Option<UsedRow> = rows::get(store, &key, "what an agent took")?;
        if before.is_none() {
            new.push((*agent).to_owned());
        }
        let row = before.map_or(*more, |before| together(before, *more));
        txn.puts.push((key, rows::encode(&row)?));
    }
    if !new.is_empty() {
        let mut all = users(store, run)?;
        all.append(&mut new);
        txn.puts.push((rows::users_key(run), rows::encode(&all)?));
    }
    Ok(())
}

/// Takes the rows of a run away.
pub(crate) fn delete(
    store: &dyn Store,
    (org, run): (EntityId, RunId),
    txn: &mut Txn,
) -> Result<(), RuntimeError> {
    let all = users(store, run)?;
    if !all.is_empty() {
        let keys = all.iter().map(|agent| rows::used_key(org, agent, run));
        txn.deletes.extend(keys);
        txn.deletes.push(rows::users_key(run));
    }
    Ok(())
}

fn users(store: &dyn Store, run: RunId) -> Result<Vec<String>, RuntimeError> {
    let found = rows::get(store, &rows::users_key(run), "the agents of a run")?;
    Ok(found.unwrap_or_default())
}

fn nothing(at: Timestamp) -> UsedRow {
    UsedRow {
        uses: 0,
        failures: 0,
        usage: Usage::default(),
        at,
    }
}

fn together(mut one: UsedRow, other: UsedRow) -> UsedRow {
    one.uses = one.uses.saturating_add(other.uses);
    one.failures = one.failures.saturating_add(other.failures);
    one.usage += other.usage;
    one.at = one.at.max(other.at);
    one
}

/// What an agent took in the newest of the runs that are kept, at most so many.
pub(crate) fn took(
    store: &dyn Store,
    org: EntityId,
    agent: &str,
    most: usize,
) -> Result<AgentUse, RuntimeError> {
    let range = ScanRange::prefix(&rows::used_of(org, agent))
        .reversed()
        .limited(most);
    let page = store.scan(range)?;
    let mut told = AgentUse {
        complete: page.next.is_none(),
        ..AgentUse::default()
    };
    for (_, found) in &page.items {
        let row: UsedRow = rows::decode(&found.value, "what an agent took")?;
        told.runs += 1;
        told.uses += row.uses;
        told.failures += row.failures;
        told.usage += row.usage;
        told.last_used_at = told.last_used_at.max(Some(row.at));
    }
    Ok(told)
}

impl RuntimeHandle {
    /// What an agent took in the runs that are kept, the newest [`MAX_RUNS`] of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn agent_use(&self, org: EntityId, agent: &str) -> Result<AgentUse, RuntimeError> {
        let most = usize::try_from(MAX_RUNS).unwrap_or(usize::MAX);
        took(&*self.core.store, org, agent, most)
    }
}
