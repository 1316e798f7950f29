//! Another agent as a tool: it has its own conversation, and its own grants.

use std::sync::Arc;

use dirigent_protocol::entity::PublishedTool;
use dirigent_protocol::run::{AgentCall, EffectRequest, OnUnknown, Traits};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::Kind;
use super::names::definition;
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};

pub(super) const KIND: Kind = Kind {
    field: "agent",
    open: |grant| {
        grant
            .agent
            .clone()
            .map(|one| Box::new(Other(one)) as Box<dyn Tool>)
    },
    settings: None,
    problem: |grant| super::workflow::unusable(grant.agent.as_ref()),
};

struct Other(PublishedTool);

impl Tool for Other {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        // Without a schema of its input, the other agent is told a message.
        let message = json!({
            "type": "object",
            "properties": { "message": { "type": "string" } },
            "required": ["message"],
            "additionalProperties": false,
        });
        let schema = self.0.input_schema.clone().unwrap_or(message);
        let offered = Offered {
            definition: definition(&self.0.name, &self.0.description, schema),
            own: self.0.name.clone(),
            traits: Traits::default(),
            read_only: true,
            on_unknown: Some(OnUnknown::Retry),
        };
        Box::pin(std::future::ready(Ok(Described {
            offered: vec![offered],
            ..Described::default()
        })))
    }

    fn call(&self, _: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let message = match self.0.input_schema {
            Some(_) => None,
            None => arguments["message"].as_str().map(str::to_owned),
        };
        Ok(Wanted {
            destination: format!("agent {}", self.0.name),
            request: EffectRequest::Agent(AgentCall {
                agent: self.0.name.clone(),
                input: Arc::new(arguments.clone()),
                message,
                ..AgentCall::default()
            }),
            before: None,
        })
    }
}
