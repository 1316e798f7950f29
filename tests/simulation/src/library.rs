//! What is in the store before anybody wants anything: people, agents, workflows and their versions.

use std::sync::Arc;

use dirigent_daemon::records::Draft;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Agent, AgentVersion, Document, Kind, Team, User, Workflow, WorkflowVersion};
use dirigent_protocol::id::EntityId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::run_model::Definitions;

/// Everybody there is; the first one wants runs.
pub(crate) const PEOPLE: [&str; 5] = ["dana", "ann", "bob", "cem", "eve"];
/// The team that approvals name, and who is in it from the beginning.
pub(crate) const TEAM: &str = "ops";
const MEMBERS: [&str; 2] = ["ann", "cem"];

#[derive(Default)]
pub(crate) struct Library {
    pub(crate) documents: Vec<Document>,
    /// Versions that people start.
    pub(crate) versions: Vec<Document>,
    pub(crate) sources: Vec<String>,
    /// Workflows whose runs begin by themselves.
    pub(crate) scheduled: Vec<EntityId>,
    ids: u128,
}

/// The id of a person.
pub(crate) fn user_id(name: &str) -> EntityId {
    let at = PEOPLE.iter().position(|known| *known == name).unwrap();
    EntityId(Uuid::from_u128(0x100 + at as u128))
}

impl Library {
    /// People, their team, and two agents.
    pub(crate) fn new() -> Self {
        let mut library = Self {
            ids: 0x1000,
            ..Self::default()
        };
        for name in PEOPLE {
            let user = User {
                display_name: name.to_owned(),
                ..User::default()
            };
            library.put(Kind::User, name, user_id(name), &user);
        }
        let members = MEMBERS.into_iter().map(user_id).collect();
        let team = Team {
            members,
            ..Team::default()
        };
        let id = library.id();
        library.put(Kind::Team, TEAM, id, &team);
        library.agent("writer", &Agent::default());
        library.agent(
            "judge",
            &Agent {
                output_schema: Some(json!({ "type": "object" })),
                ..Agent::default()
            },
        );
        library
    }

    fn agent(&mut self, name: &str, agent: &Agent) {
        let agent = Agent {
            prompt: "say {{ input.n }}".into(),
            ..agent.clone()
        };
        let (id, version) = (self.id(), self.id());
        self.put(Kind::Agent, name, id, &agent);
        let published = AgentVersion {
            agent: id,
            agent_name: name.into(),
            digest: Digest::of(&serde_json::to_value(&agent).unwrap()).to_string(),
            number: 1,
            definition: agent,
        };
        self.put(Kind::AgentVersion, "", version, &published);
    }

    /// A workflow and its version.
    pub(crate) fn publish(&mut self, source: &str) -> Document {
        let workflow =
            dirigent_engine::load("simulated", source).unwrap_or_else(|found| panic!("{source}\n{found:#?}"));
        let (id, version) = (self.id(), self.id());
        let draft = Workflow {
            source: source.to_owned(),
            namespace: "simulated".into(),
            version: workflow.version().into(),
            digest: workflow.digest().to_string(),
            ..Workflow::default()
        };
        self.put(Kind::Workflow, workflow.name(), id, &draft);
        let body = WorkflowVersion {
            workflow: id,
            workflow_name: workflow.name().into(),
            digest: workflow.digest().to_string(),
            version: workflow.version().into(),
            number: 1,
            source: source.to_owned(),
            document: (**workflow.definition()).clone(),
        };
        self.put(Kind::WorkflowVersion, "", version, &body);
        self.sources.push(source.to_owned());
        self.documents.last().unwrap().clone()
    }

    /// Another version of a workflow; its digest.
    pub(crate) fn publish_next(&mut self, of: &Document, source: &str) -> Digest {
        let workflow =
            dirigent_engine::load("simulated", source).unwrap_or_else(|found| panic!("{source}\n{found:#?}"));
        let version = self.id();
        let body = WorkflowVersion {
            digest: workflow.digest().to_string(),
            version: workflow.version().into(),
            number: 2,
            source: source.to_owned(),
            document: (**workflow.definition()).clone(),
            ..of.body().unwrap()
        };
        self.put(Kind::WorkflowVersion, "", version, &body);
        self.sources.push(source.to_owned());
        workflow.digest()
    }

    /// A workflow whose runs begin by themselves.
    pub(crate) fn schedule_runs(&mut self, source: &str) {
        let version: WorkflowVersion = self.publish(source).body().unwrap();
        self.scheduled.push(version.workflow);
    }

    /// The document of a workflow whose runs begin by themselves.
    pub(crate) fn schedule(&self, id: EntityId) -> Value {
        let bodies = self
            .documents
            .iter()
            .filter_map(|found| found.body::<WorkflowVersion>().ok());
        let mut own = bodies.filter(|version| version.workflow == id);
        own.next().unwrap().document
    }

    /// Published documents by digest.
    pub(crate) fn definitions(&self) -> Definitions {
        let versions = self
            .documents
            .iter()
            .filter(|found| found.kind == Kind::WorkflowVersion);
        let each = versions.map(|found| {
            let body: WorkflowVersion = found.body().unwrap();
            (body.digest, Arc::new(body.document))
        });
        each.collect()
    }

    fn id(&mut self) -> EntityId {
        self.ids += 1;
        EntityId(Uuid::from_u128(self.ids))
    }

    fn put(&mut self, kind: Kind, name: &str, id: EntityId, body: &impl Serialize) {
        let draft = Draft::of(kind, name, serde_json::to_value(body).unwrap()).id(id);
        self.documents.push(draft.document(Timestamp::UNIX_EPOCH));
    }
}
