//! Orchestrations: members and a strategy, compiled to a workflow by the engine.

use dirigent_engine::Workflow;
use dirigent_engine::orchestration::{check, compile};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind, Orchestration, OrchestrationVersion};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::source::Diagnostic;
use serde_json::Value;

use super::Definition;

pub(super) struct Orchestrations;

fn read(spec: &Value) -> Option<Orchestration> {
    serde_json::from_value(spec.clone()).ok()
}

impl Definition for Orchestrations {
    fn kind(&self) -> Kind {
        Kind::Orchestration
    }

    fn complete(&self, name: &str, spec: &mut Value) -> Vec<Diagnostic> {
        read(spec).map_or_else(Vec::new, |wanted| check(name, &wanted).1)
    }

    fn canonical(&self, spec: &Value) -> Value {
        // Through the type, so that a default that is spelled out changes nothing.
        read(spec)
            .map(|wanted| Orchestration {
                paused: None,
                ..wanted
            })
            .and_then(|wanted| serde_json::to_value(wanted).ok())
            .unwrap_or_else(|| spec.clone())
    }

    fn version(&self, draft: &Document, canonical: Value, digest: Digest, number: u64) -> Value {
        let body = OrchestrationVersion {
            orchestration: draft.metadata.id,
            orchestration_name: draft.metadata.name.clone(),
            digest: digest.to_string(),
            number,
            definition: serde_json::from_value(canonical).unwrap_or_default(),
            workflow_version: EntityId::nil(),
        };
        serde_json::to_value(body).unwrap_or_default()
    }

    fn restored(&self, version: &Document) -> Value {
        version.spec["definition"].clone()
    }

    fn agents(&self, name: &str, spec: &Value) -> Vec<String> {
        let workflow = self.machine(name, spec);
        workflow.map_or_else(Vec::new, |workflow| workflow.agents().to_vec())
    }

    fn machine(&self, name: &str, spec: &Value) -> Option<Workflow> {
        check(name, &read(spec)?).0
    }

    fn workflows(&self, spec: &Value) -> Vec<String> {
        let Some(wanted) = read(spec) else {
            return Vec::new();
        };
        let lead = wanted.lead.iter().map(|lead| &**lead);
        let all = wanted.members.iter().chain(lead);
        all.filter_map(|member| member.workflow.clone()).collect()
    }

    fn capabilities(&self, spec: &Value) -> Vec<String> {
        let Some(wanted) = read(spec) else {
            return Vec::new();
        };
        let lead = wanted.lead.iter().map(|lead| &**lead);
        let all = wanted.members.iter().chain(lead);
        all.filter_map(|member| member.capability.clone()).collect()
    }

    fn compiled(&self, name: &str, number: u64, canonical: &Value) -> Option<Value> {
        compile(name, number, &read(canonical)?)
    }

    fn runs(&self) -> bool {
        true
    }
}
