//! Reads rules and agents, chooses, and gives the choice as the outcome of an effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::entity::{Agent, Kind, OrchestrationRule};
use dirigent_protocol::run::{EffectOutcome, RouteCall, Usage};
use serde_json::json;

use super::choose::{Candidate, choose};
use super::figures::Figures;
use crate::records::{DEFAULT_ORG, Records};
use crate::runtime::agent_use;
use crate::runtime::effects::refused;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{Plans, body, unread};

/// Agents and rules that are looked at.
const MOST: usize = 1_000;
/// Newest runs of an agent that say how it does.
const NEWEST: usize = 500;

/// Chooses agents.
pub(crate) struct Router {
    records: Records,
    plans: Arc<Plans>,
    figures: Arc<Figures>,
}

impl Router {
    pub(crate) fn new(records: Records, plans: Arc<Plans>, figures: Arc<Figures>) -> Self {
        Self {
            records,
            plans,
            figures,
        }
    }

    /// The choice as an outcome: `{ agent, version, rule, why, candidates }`.
    pub(crate) fn outcome(&self, call: &RouteCall) -> EffectOutcome {
        match self.chosen(call) {
            Ok(outcome) => outcome,
            // Nothing was done: asked again, it is read again.
            Err(error) => EffectOutcome::Unknown {
                reason: error.to_string(),
            },
        }
    }

    fn chosen(&self, call: &RouteCall) -> Result<EffectOutcome, RuntimeError> {
        let candidates = self.candidates(&call.capability)?;
        let rules = self.rules()?;
        let Some(chosen) = choose(&rules, &candidates, &call.capability, &call.input) else {
            let detail = format!("nobody has the capability `{}`", call.capability);
            return Ok(refused("configuration", 404, "No agent can do it", detail));
        };
        let output = json!({
            "agent": chosen.who.agent,
            "version": chosen.who.version,
            "rule": chosen.rule,
            "why": chosen.why,
            "candidates": candidates,
        });
        Ok(EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts: BTreeMap::new(),
        })
    }

    fn candidates(&self, capability: &str) -> Result<Vec<Candidate>, RuntimeError> {
        let mut found = Vec::new();
        for stored in self.records.all(Kind::Agent, None, MOST).map_err(unread)? {
            let meta = &stored.document.metadata;
            let agent: Agent = body(&stored.document)?;
            if meta.org != DEFAULT_ORG || !agent.capabilities.iter().any(|known| known.name() == capability) {
                continue;
            }
            let took = agent_use::took(&**self.records.store(), meta.org, &meta.name, NEWEST)?;
            found.push(Candidate {
                agent: meta.name.clone(),
                version: self.plans.newest(meta.org, &meta.name)?.digest,
                load: self.figures.load(&meta.name),
                calls: took.uses,
                failures: took.failures,
                micro_usd: took.usage.cost_micro_usd,
            });
        }
        Ok(found)
    }

    fn rules(&self) -> Result<Vec<(String, OrchestrationRule)>, RuntimeError> {
        let all = self
            .records
            .all(Kind::OrchestrationRule, None, MOST)
            .map_err(unread)?;
        all.iter()
            .filter(|stored| stored.document.metadata.org == DEFAULT_ORG)
            .map(|stored| Ok((stored.document.metadata.name.clone(), body(&stored.document)?)))
            .collect()
    }
}
