//! An orchestration's draft: which members work on one matter, by which strategy, within which limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{check_as, json_of, schema_of};
use super::orchestration_schedule::OrchestrationSchedule;
use super::{AgentBudget, Column, Definition, Entity, Index, Kind, Paused, Writer};

/// Several members on one matter; it compiles to an Open Workflow document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Orchestration {
    /// What it is for, one or two sentences.
    #[serde(default)]
    pub description: String,
    /// How the members work together: `sequential`, `parallel`, `conditional`, `event_driven`, `supervisor`,
    /// `handoff`, `vote`, `debate`.
    pub strategy: String,
    /// JSON Schema of the input; anything goes where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// Tasks of the Open Workflow DSL that come first; what the last of them gives is the matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepare: Vec<Value>,
    /// Who works.
    pub members: Vec<Member>,
    /// Who leads: the supervisor, the judge of a debate, who joins what was done side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Box<Member>>,
    /// How votes are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote: Option<VoteRules>,
    /// Tasks of the Open Workflow DSL that come last; they are given what the members came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finish: Vec<Value>,
    /// What it gives: an expression over what the last task gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// How far it goes.
    #[serde(default, skip_serializing_if = "OrchestrationLimits::is_default")]
    pub limits: OrchestrationLimits,
    /// The most a run of it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<AgentBudget>,
    /// When runs of it begin by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<OrchestrationSchedule>,
    /// No new run of it begins; filled in when it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// Somebody who works in an orchestration: exactly one of `agent`, `workflow` and `capability` says who.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name here; without one, that of the agent, workflow or capability.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A published agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// A published workflow or orchestration, run as a run of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Whichever agent has this capability; the rules of routing choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// What it is good for, told to the lead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// What it is given: a value with expressions inside, over `$context.matter`, `$context.previous` and
    /// `$context.results`. Without one, what its strategy gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Whether it works at all: an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The type of the events it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

impl Member {
    /// Its name in the orchestration; empty where it names nobody.
    #[must_use]
    pub fn called(&self) -> &str {
        let given = [&self.agent, &self.workflow, &self.capability];
        let by_kind = given.into_iter().flatten().next().map_or("", String::as_str);
        if self.name.is_empty() { by_kind } else { &self.name }
    }
}

/// How votes are counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteRules {
    /// What may be chosen.
    pub choices: Vec<String>,
    /// Where a voter's choice stands in its answer: an expression. Without one, `.vote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// What wins: `plurality` (the most votes), `majority` (more than half of all voters), `unanimous`, or a number of
    /// votes. Without one, `majority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<VoteRule>,
    /// What is decided where nothing wins; without one, nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// What wins a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoteRule {
    /// The most votes; a tie wins nothing.
    Plurality,
    /// More than half of all voters.
    Majority,
    /// All voters.
    Unanimous,
    /// So many votes.
    AtLeast(u32),
}

/// How far an orchestration goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrchestrationLimits {
    /// Most rounds of a supervisor or a debate, most events of an event-driven one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub rounds: Option<u32>,
    /// Most handoffs, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub depth: Option<u32>,
    /// How often the same member may be handed the matter in one chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub visits: Option<u32>,
    /// How long a run of it may take: an ISO 8601 duration, such as `PT1H`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The type of the event that ends an event-driven one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl OrchestrationLimits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Entity for Orchestration {
    const DEFINITION: Definition = Definition {
        kind: Kind::Orchestration,
        about: "several agents or workflows on one matter, by a strategy",
        plural: "orchestrations",
        aliases: &["orch"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                description: "Two steps, one after the other.".into(),
                strategy: "sequential".into(),
                members: vec![Member {
                    agent: Some("summary".into()),
                    ..Member::default()
                }],
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "strategy",
            unique: false,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "strategy",
                field: "strategy",
            },
            Column {
                title: "description",
                field: "description",
            },
            Column {
                title: "rev",
                field: "revision",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
