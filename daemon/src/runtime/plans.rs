//! Published versions, compiled once and shared by the runs that pin them; agents that runs pin.

use std::fmt::Write as _;
use std::sync::Arc;

use dirigent_engine::machine::Workflow;
use dirigent_engine::state::RunState;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{
    Agent, AgentVersion, Document, Entity, Kind, WorkflowExecution, WorkflowVersion,
};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Pins;
use serde_json::Value;

use super::effects::AgentSource;
use super::error::RuntimeError;
use crate::capped::Capped;
use crate::records::{DEFAULT_ORG, RecordError, Records};

/// Compiled versions kept; a version in use is kept by its runs anyway.
const MAX_KEPT: usize = 256;
/// Versions of one agent that are looked through for the newest.
const MAX_VERSIONS: usize = 10_000;

/// Finds and compiles versions.
pub(crate) struct Plans {
    records: Records,
    compiled: Capped<Digest, Arc<Workflow>, MAX_KEPT>,
    /// Published versions that runs were started on, by their documents.
    started: Capped<EntityId, Arc<WorkflowVersion>, MAX_KEPT>,
    /// Pinned versions of agents that budgets asked about.
    quoted: Capped<Digest, Arc<AgentVersion>, MAX_KEPT>,
}

impl Plans {
    pub(crate) fn new(records: Records) -> Self {
        Self {
            records,
            compiled: Capped::default(),
            started: Capped::default(),
            quoted: Capped::default(),
        }
    }

    /// What a version's document says. A version never changes, so it is read once.
    pub(crate) fn version(&self, document: &Document) -> Result<Arc<WorkflowVersion>, RuntimeError> {
        let id = document.metadata.id;
        if let Some(found) = self.started.get(&id) {
            return Ok(found);
        }
        Ok(self.started.keep(id, Arc::new(body(document)?)))
    }

    /// The compiled form of a version's document.
    pub(crate) fn compiled(&self, version: &WorkflowVersion) -> Result<Arc<Workflow>, RuntimeError> {
        let digest: Option<Digest> = version.digest.parse().ok();
        if let Some(found) = digest.and_then(|digest| self.compiled.get(&digest)) {
            return Ok(found);
        }
        let name = format!("{}@{}", version.workflow_name, version.version);
        let workflow = compile(&name, &version.document)?;
        Ok(self.compiled.keep(workflow.digest(), workflow))
    }

    /// The compiled form of the version a run pinned, and that version.
    pub(crate) fn of_run(&self, execution: &WorkflowExecution) -> Result<Arc<Workflow>, RuntimeError> {
        let version = self.get(Kind::WorkflowVersion, execution.workflow_version)?;
        self.compiled(&body(&version)?)
    }

    /// The published version of that digest.
    pub(crate) fn published(
        &self,
        org: EntityId,
        workflow: &str,
        digest: Digest,
    ) -> Result<Option<Document>, RuntimeError> {
        let wanted = Value::String(digest.to_string());
        let found = self
            .records
            .find_by_index(org, Kind::WorkflowVersion, "digest", &wanted, MAX_VERSIONS)
            .map_err(unread)?;
        let mut documents = found.into_iter().map(|stored| stored.document);
        Ok(documents.find(|document| document.spec["workflow_name"] == workflow))
    }

    /// The version a run was on in that state, which may be an earlier one than it is on now: its document's id and its
    /// compiled form.
    pub(crate) fn of_state(
        &self,
        execution: &WorkflowExecution,
        state: &RunState,
    ) -> Result<(EntityId, Arc<Workflow>), RuntimeError> {
        let current = self.get(Kind::WorkflowVersion, execution.workflow_version)?;
        let version = match state.version() {
            Some(digest) if current.spec["digest"] != digest.to_string() => self
                .published(current.metadata.org, &execution.workflow, digest)?
                .ok_or_else(|| RuntimeError::Missing {
                    what: format!("version {} of `{}`", digest.short(), execution.workflow),
                })?,
            _ => current,
        };
        Ok((version.metadata.id, self.compiled(&body(&version)?)?))
    }

    /// The document of a run.
    pub(crate) fn execution(&self, run: RunId) -> Result<Document, RuntimeError> {
        let found = self
            .records
            .get(Kind::WorkflowExecution, run.into())
            .map_err(unread)?;
        found
            .map(|stored| stored.document)
            .ok_or(RuntimeError::UnknownRun { run })
    }

    /// Pins the newest version of every agent a workflow names.
    pub(crate) fn pins(&self, org: EntityId, workflow: &Workflow) -> Result<Pins, RuntimeError> {
        let mut pins = Pins::default();
        for name in workflow.agents() {
            let version = self.newest(org, name)?;
            let digest = version.digest.parse().map_err(|_| RuntimeError::BadDocument {
                what: format!("version {} of agent `{name}`", version.number),
                detail: "its digest is none".into(),
            })?;
            pins.agents.insert(name.clone(), digest);
        }
        Ok(pins)
    }

    /// The newest version of an agent.
    pub(crate) fn newest(&self, org: EntityId, name: &str) -> Result<AgentVersion, RuntimeError> {
        let missing = || RuntimeError::Missing {
            what: format!("agent `{name}`"),
        };
        let agent = self
            .records
            .find_by_name(org, Kind::Agent, name)
            .map_err(unread)?
            .ok_or_else(missing)?;
        let agent = agent.document;
        let id = Value::String(agent.metadata.id.to_string());
        let versions = self
            .records
            .find_by_index(org, Kind::AgentVersion, "agent", &id, MAX_VERSIONS)
            .map_err(unread)?;
        // The version of what the agent says now; another one may be newer by number when it was changed back.
        let current: Option<Agent> = agent.body().ok();
        let mut versions: Vec<AgentVersion> = versions
            .iter()
            .map(|stored| body(&stored.document))
            .collect::<Result<_, _>>()?;
        versions.sort_by_key(|version| (Some(&version.definition) == current.as_ref(), version.number));
        versions.pop().ok_or_else(missing)
    }

    /// An agent's version, kept in memory where it is pinned: a budget asks about it at every call.
    pub(crate) fn quoted(
        &self,
        name: &str,
        version: Option<Digest>,
    ) -> Result<Arc<AgentVersion>, RuntimeError> {
        let Some(digest) = version else {
            return self.agent(name, None).map(Arc::new);
        };
        if let Some(found) = self.quoted.get(&digest) {
            return Ok(found);
        }
        Ok(self.quoted.keep(digest, Arc::new(self.agent(name, version)?)))
    }

    fn get(&self, kind: Kind, id: EntityId) -> Result<Document, RuntimeError> {
        let missing = || RuntimeError::Missing {
            what: format!("{kind} {id}"),
        };
        Ok(self
            .records
            .get(kind, id)
            .map_err(unread)?
            .ok_or_else(missing)?
            .document)
    }
}

impl AgentSource for Plans {
    fn agent(&self, name: &str, version: Option<Digest>) -> Result<AgentVersion, RuntimeError> {
        let Some(digest) = version else {
            return self.newest(DEFAULT_ORG, name);
        };
        let wanted = Value::String(digest.to_string());
        let found = self
            .records
            .find_by_index(DEFAULT_ORG, Kind::AgentVersion, "digest", &wanted, 1)
            .map_err(unread)?;
        let missing = || RuntimeError::Missing {
            what: format!("version {} of agent `{name}`", digest.short()),
        };
        body(&found.first().ok_or_else(missing)?.document)
    }
}

/// Reads the document of a version; it was checked when it was published.
fn compile(name: &str, document: &Value) -> Result<Arc<Workflow>, RuntimeError> {
    dirigent_engine::load(name, &source_of(document))
        .map(Arc::new)
        .map_err(|details| RuntimeError::BadVersion { details })
}

/// A stored document as text. What its author may only write as an escape stays one: JSON leaves controls of writing
/// direction and the like as they are, and the reader of documents refuses them as raw characters.
fn source_of(document: &Value) -> String {
    let text = document.to_string();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            let _ = write!(safe, "\\u{:04X}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Outside of strings JSON holds none of these, and all are written with four digits.
fn is_escaped(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The body of a stored document.
pub(crate) fn body<T: Entity>(document: &Document) -> Result<T, RuntimeError> {
    document.body().map_err(|error| RuntimeError::BadDocument {
        what: format!("{}/{}", document.kind, document.metadata.name),
        detail: error.to_string(),
    })
}

/// A record that could not be read.
pub(crate) fn unread(error: RecordError) -> RuntimeError {
    match error {
        RecordError::Read(error) => RuntimeError::Read(error),
        other => RuntimeError::BadDocument {
            what: "a record".into(),
            detail: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dirigent_protocol::source;

    #[test]
    fn what_was_written_as_an_escape_compiles_again() {
        let odd: String = (1..=0xffff_u32)
            .filter_map(char::from_u32)
            .filter(|c| c.is_control() || is_escaped(*c) || "\"\\/\u{e000}".contains(*c))
            .chain(['\u{1f469}'])
            .collect();
        let document = serde_json::json!({
            "document": { "dsl": "1.0.3", "namespace": "t", "name": "odd", "version": "1.0.0", "title": odd },
            "do": [{ "a": { "set": { "text": odd, odd.as_str(): 1 } } }],
        });
        let parsed = source::parse(source_of(&document).as_bytes());
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.documents[0].to_json(), document);
    }
}
