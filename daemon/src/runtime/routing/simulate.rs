//! What a rule of routing would have chosen: looked up among the choices that runs recorded, before it is active.
//!
//! Invariant: nothing changes, and each choice is made again from what was known when it was made.

use std::collections::HashMap;

use dirigent_protocol::entity::{Document, Kind, OrchestrationRule, WorkflowExecution};
use dirigent_protocol::query::{OtherRoute, RouteSimulation};
use dirigent_protocol::run::{EffectId, EffectOutcome, EffectRequest, EventBody, RouteCall};
use dirigent_store::{Budget, ScanRange};
use serde_json::Value;

use super::choose::{Candidate, choose, is_about};
use crate::records::{DEFAULT_ORG, Journal, key};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};

/// Newest runs that are looked at.
const RUNS: usize = 500;
/// Events of one run that are looked at.
const EVENTS: usize = 10_000;
const MAX_DIFFERENCES: usize = 100;

impl RuntimeHandle {
    /// What this rule would have chosen, over recorded choices of runs that `sees` lets through. The rule goes before all
    /// others.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn simulate_routing(
        &self,
        rule: &OrchestrationRule,
        sees: &dyn Fn(&Document) -> bool,
    ) -> Result<RouteSimulation, RuntimeError> {
        let records = &self.core.records;
        let tried = OrchestrationRule {
            active: true,
            ..rule.clone()
        };
        let mut told = RouteSimulation::default();
        let members = key::members(DEFAULT_ORG, Kind::WorkflowExecution);
        let range = ScanRange::prefix(&members).reversed().limited(RUNS);
        for row in records.rows(range).map_err(unread)?.0 {
            let Some(stored) = records.get(Kind::WorkflowExecution, row.id).map_err(unread)? else {
                continue;
            };
            if !sees(&stored.document) {
                continue;
            }
            told.runs += 1;
            let run: WorkflowExecution = body(&stored.document)?;
            let journal = Journal::of(records, row.id.into(), run.origin.as_ref()).map_err(unread)?;
            let budget = Budget {
                items: EVENTS,
                bytes: 8 << 20,
            };
            let mut asked: HashMap<EffectId, RouteCall> = HashMap::new();
            for (event, _) in journal.page(&*self.core.store, 0, budget).map_err(unread)? {
                match event.body {
                    EventBody::EffectQueued {
                        effect,
                        request: EffectRequest::Route(call),
                        ..
                    }
                    | EventBody::EffectIntended {
                        effect,
                        request: Some(EffectRequest::Route(call)),
                        ..
                    } => drop(asked.insert(effect, call)),
                    EventBody::EffectSettled {
                        effect,
                        outcome: EffectOutcome::Done { output, .. },
                    } => {
                        if let Some(call) = asked.remove(&effect) {
                            look(&tried, &call, &output, &stored.document, &mut told);
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(told)
    }
}

fn look(
    rule: &OrchestrationRule,
    call: &RouteCall,
    output: &Value,
    run: &Document,
    told: &mut RouteSimulation,
) {
    told.choices += 1;
    if !is_about(rule, &call.capability, &call.input) {
        return;
    }
    let candidates: Vec<Candidate> = serde_json::from_value(output["candidates"].clone()).unwrap_or_default();
    let rules = [("simulated".to_owned(), rule.clone())];
    let Some(chosen) = choose(&rules, &candidates, &call.capability, &call.input) else {
        return;
    };
    if chosen.rule.is_none() {
        told.left_nobody += 1;
        return;
    }
    told.covered += 1;
    let before = output["agent"].as_str().unwrap_or_default();
    if before == chosen.who.agent {
        told.same += 1;
    } else if told.differs.len() < MAX_DIFFERENCES {
        told.differs.push(OtherRoute {
            run: run.metadata.id.into(),
            capability: call.capability.clone(),
            chosen: before.to_owned(),
            would: chosen.who.agent.clone(),
            why: chosen.why,
        });
    }
}
