//! What an agent's tools are now, for people: its servers are asked, its model is not.
//!
//! Invariant: it calls no tool. What a server says of a tool is shown even where the model does not see it any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::entity::{Agent, AgentVersion};
use dirigent_protocol::run::{EffectOutcome, Usage};
use serde_json::{Value, json};

use super::agent_ask::Step;
use super::agent_tools::{self, Servers};
use crate::tools::World;

/// The tools of a version, grant by grant.
///
/// # Errors
/// They cannot be had, or a person is asked first.
pub(super) async fn listed(version: &AgentVersion, name: &str, servers: &Servers<'_>) -> Step<EffectOutcome> {
    let agent = &version.definition;
    let toolbox = agent_tools::open(agent, servers, None).await?;
    let mut grants = toolbox.map(|toolbox| toolbox.shown()).unwrap_or_default();
    said_now(agent, servers, &mut grants).await;
    Ok(EffectOutcome::Done {
        output: Arc::new(json!({ "agent": name, "version": version.digest, "grants": grants })),
        usage: Usage::default(),
        facts: BTreeMap::new(),
    }
    .bringing(agent_tools::given(agent)))
}

/// Descriptions as they are now, where the list is not the one that was looked at.
async fn said_now(agent: &Agent, servers: &Servers<'_>, grants: &mut [Value]) {
    let changed = agent
        .tools
        .iter()
        .zip(grants)
        .filter(|(_, shown)| shown["changed"] == true);
    for (grant, shown) in changed {
        // It was asked a moment ago: this is that answer.
        let Some(Ok(now)) = (match &grant.mcp {
            Some(server) => Some(servers.manifest(server).await),
            None => None,
        }) else {
            continue;
        };
        for tool in shown["tools"].as_array_mut().into_iter().flatten() {
            if let Some(found) = now.iter().find(|one| one["name"] == tool["own"]) {
                tool["description"] = found["description"].clone();
            }
        }
    }
}
