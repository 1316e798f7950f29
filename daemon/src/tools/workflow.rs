//! A published workflow as a tool: a run of its own, found again under its key.

use std::sync::Arc;

use dirigent_protocol::entity::PublishedTool;
use dirigent_protocol::run::{EffectRequest, OnUnknown, Traits, WorkflowCall};
use futures::future::BoxFuture;
use serde_json::Value;

use super::Kind;
use super::change::{Open, whole};
use super::names::{definition, usable};
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};

pub(super) const KIND: Kind = Kind {
    field: "workflow",
    open: |grant| {
        grant
            .workflow
            .clone()
            .map(|one| Box::new(Published(one)) as Box<dyn Tool>)
    },
    settings: None,
    problem: |grant| unusable(grant.workflow.as_ref()),
};

struct Published(PublishedTool);

impl Tool for Published {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        let PublishedTool {
            name,
            description,
            input_schema,
            ..
        } = &self.0;
        let offered = Offered {
            definition: definition(name, description, input_schema.clone().unwrap_or_default()),
            own: name.clone(),
            traits: Traits {
                outward: true,
                ..Traits::default()
            },
            read_only: false,
            on_unknown: Some(OnUnknown::Retry),
        };
        Box::pin(std::future::ready(Ok(Described {
            offered: vec![offered],
            ..Described::default()
        })))
    }

    fn call(&self, _: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let version = if self.0.version.is_empty() {
            "latest".to_owned()
        } else {
            self.0.version.clone()
        };
        Ok(Wanted {
            destination: format!("workflow {} {version}", self.0.name),
            request: EffectRequest::Workflow(WorkflowCall {
                namespace: String::new(),
                name: self.0.name.clone(),
                version,
                input: Arc::new(arguments.clone()),
                detached: false,
            }),
            before: None,
        })
    }

    fn open(&self, _: &str, limits: &[&Value]) -> Vec<Open> {
        whole(limits)
            .map(|input| ("/workflow/input", input))
            .into_iter()
            .collect()
    }
}

/// What is wrong with a grant of something published.
pub(super) fn unusable(one: Option<&PublishedTool>) -> Option<String> {
    (!usable(&one?.name)).then(|| "`name` must be 1 to 64 of a-z A-Z 0-9 _ -".to_owned())
}
