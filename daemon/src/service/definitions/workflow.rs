//! Workflows: Open Workflow documents, read by the engine.

use dirigent_engine::Workflow as Machine;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind, Workflow, WorkflowVersion};
use dirigent_protocol::source::{self, Diagnostic, Node, Place, Value as Parsed};
use serde_json::Value;

use super::Definition;

pub(in crate::service) struct Workflows;

/// A document that can be run.
pub(in crate::service) struct Read {
    /// `document.name`.
    pub(in crate::service) name: String,
    /// Agents it calls by a fixed name.
    pub(in crate::service) agents: Vec<String>,
    /// The draft's body.
    pub(in crate::service) spec: Workflow,
}

/// Reads a document; `text` is what its author wrote.
pub(in crate::service) fn read(node: &Node, text: &str) -> (Option<Read>, Vec<Diagnostic>) {
    let (machine, found) = dirigent_engine::parse_workflow(node);
    (machine.map(|machine| described(&machine, text)), found)
}

/// Every workflow of a file that can be read, and everything that is wrong with its text.
pub(in crate::service) fn machines(text: &str) -> (Vec<Machine>, Vec<Diagnostic>) {
    let parsed = source::parse(text.as_bytes());
    let (mut machines, mut found) = (Vec::new(), parsed.diagnostics);
    for node in parsed
        .documents
        .iter()
        .filter(|node| node.get("document").is_some())
    {
        let (machine, findings) = dirigent_engine::parse_workflow(node);
        machines.extend(machine);
        found.extend(findings);
    }
    (machines, found)
}

fn described(machine: &Machine, text: &str) -> Read {
    Read {
        name: machine.name().to_owned(),
        agents: machine.agents().to_vec(),
        spec: Workflow {
            source: text.to_owned(),
            namespace: machine.namespace().to_owned(),
            version: machine.version().to_owned(),
            title: machine.title().unwrap_or_default().to_owned(),
            summary: machine.summary().unwrap_or_default().to_owned(),
            digest: machine.digest().to_string(),
            paused: None,
        },
    }
}

impl Definition for Workflows {
    fn kind(&self) -> Kind {
        Kind::Workflow
    }

    fn complete(&self, name: &str, spec: &mut Value) -> Vec<Diagnostic> {
        let text = spec["source"].as_str().unwrap_or_default().to_owned();
        let parsed = source::parse(text.as_bytes());
        let mut found = parsed.diagnostics;
        let [node] = parsed.documents.as_slice() else {
            if found.is_empty() {
                let at = Place {
                    line: 0,
                    column: 0,
                    path: "/source".to_owned(),
                };
                found.push(Diagnostic::error(
                    "several_documents",
                    "`source` holds more than one document",
                    at,
                ));
            }
            return found;
        };
        let (read, more) = read(node, &text);
        found.extend(more);
        let Some(read) = read else { return found };
        if read.name != name {
            let at = Place::new(node.locate("/document/name"), "/document/name");
            let message = format!("the workflow is `{name}`, its document says `{}`", read.name);
            found.push(Diagnostic::error("name_mismatch", message, at).help(format!("write `name: {name}`")));
        }
        *spec = serde_json::to_value(read.spec).unwrap_or_default();
        found
    }

    fn canonical(&self, spec: &Value) -> Value {
        let text = spec["source"].as_str().unwrap_or_default();
        source::parse(text.as_bytes())
            .documents
            .first()
            .map_or(Value::Null, Node::to_json)
    }

    fn version(&self, draft: &Document, canonical: Value, digest: Digest, number: u64) -> Value {
        let text = |field: &str| draft.spec[field].as_str().unwrap_or_default().to_owned();
        let body = WorkflowVersion {
            workflow: draft.metadata.id,
            workflow_name: draft.metadata.name.clone(),
            digest: digest.to_string(),
            version: text("version"),
            number,
            source: text("source"),
            document: canonical,
        };
        serde_json::to_value(body).unwrap_or_default()
    }

    fn restored(&self, version: &Document) -> Value {
        serde_json::json!({ "source": version.spec["source"] })
    }

    fn agents(&self, _name: &str, spec: &Value) -> Vec<String> {
        let text = spec["source"].as_str().unwrap_or_default();
        let parsed = source::parse(text.as_bytes());
        let read = parsed.documents.first().and_then(|node| read(node, text).0);
        read.map(|read| read.agents).unwrap_or_default()
    }

    fn workflows(&self, spec: &Value) -> Vec<String> {
        let parsed = source::parse(spec["source"].as_str().unwrap_or_default().as_bytes());
        let mut found = Vec::new();
        parsed.documents.iter().for_each(|node| called(node, &mut found));
        found
    }

    fn runs(&self) -> bool {
        true
    }
}

/// Names of the workflows and orchestrations that tasks of a document run, wherever they stand.
fn called(node: &Node, found: &mut Vec<String>) {
    let by_name = node.get("call").and_then(Node::as_str) == Some("orchestration");
    let run = node.get("run").and_then(|run| run.get("workflow"));
    let given = run.into_iter().chain(node.get("with").filter(|_| by_name));
    for name in given.filter_map(|node| node.get("name")).filter_map(Node::as_str) {
        found.push(name.to_owned());
    }
    match &node.value {
        Parsed::Sequence(items) => items.iter().for_each(|item| called(item, found)),
        Parsed::Mapping(entries) => entries.iter().for_each(|entry| called(&entry.value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_caller_runs_it_wherever_the_task_stands() {
        let names = |text: &str| Workflows.workflows(&json!({ "source": text }));
        let deep = "do:\n  - a:\n      try:\n        - b: { run: { workflow: { namespace: n, name: below, version: latest } } }\n      catch: {}\n";
        assert_eq!(names(deep), ["below"]);
        assert_eq!(
            names("do: [ { a: { call: orchestration, with: { name: below } } } ]\n"),
            ["below"]
        );
        assert!(names("do: [ { below: { set: { name: below } } } ]\n").is_empty());
    }
}
