//! What a test is held against instead of what it recorded: a workflow's document, agents.

use std::collections::BTreeMap;

use dirigent_engine::machine::Workflow;
use dirigent_protocol::entity::Agent;
use dirigent_protocol::source::{self, Diagnostic, Node, Place};

/// Definitions of files.
#[derive(Debug, Default)]
pub struct Drafts {
    /// Workflows by name.
    pub workflows: BTreeMap<String, Workflow>,
    /// Agents by name.
    pub agents: BTreeMap<String, Agent>,
}

impl Drafts {
    /// Adds the definitions of a file.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn add(&mut self, text: &[u8]) -> Result<(), Vec<Diagnostic>> {
        let parsed = source::parse(text);
        let mut found = parsed.diagnostics;
        for node in &parsed.documents {
            if node.get("document").is_some() {
                let (workflow, findings) = dirigent_engine::parse_workflow(node);
                found.extend(findings);
                if let Some(workflow) = workflow {
                    self.workflows.insert(workflow.name().to_owned(), workflow);
                }
            } else if node.get("kind").and_then(Node::as_str) == Some("Agent") {
                self.agent(node, &mut found);
            }
        }
        found.retain(Diagnostic::is_error);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    fn agent(&mut self, node: &Node, found: &mut Vec<Diagnostic>) {
        let name = node.get("metadata").and_then(|metadata| metadata.get("name"));
        let name = name.and_then(Node::as_str).unwrap_or_default().to_owned();
        let spec = node.get("spec").map(Node::to_json).unwrap_or_default();
        match serde_json::from_value(spec) {
            Ok(agent) => drop(self.agents.insert(name, agent)),
            Err(error) => found.push(Diagnostic::error(
                "bad_value",
                format!("agent `{name}`: {error}"),
                Place::new(node.locate("/spec"), "/spec"),
            )),
        }
    }
}
