//! A change of its own definition that an agent suggests: a person accepts it as a draft, or declines it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{check_as, json_of, schema_of};
use super::{Agent, Column, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::EntityId;

/// A change of its own definition that an agent suggests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AgentSuggestion {
    /// The agent's name.
    pub agent: String,
    /// Number of the version it would change.
    pub number: u64,
    /// That version's digest, hexadecimal.
    pub digest: String,
    /// That version itself: what the change is held against.
    pub base: Agent,
    /// The report it belongs to.
    #[schemars(with = "String")]
    pub report: EntityId,
    /// What it is, in one line.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Runs that show it.
    #[schemars(with = "Vec<String>")]
    pub evidence: Vec<EntityId>,
    /// New values by field of the definition; `give_up_tools` names grants that go.
    pub change: Value,
    /// Where it stands.
    pub status: SuggestionStatus,
    /// Who decided.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub decided_by: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub decided_at: Option<Timestamp>,
    /// Why they decided so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub decided_because: String,
    /// What was accepted: the definition as a draft. Nothing publishes it but a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<Agent>,
    /// The version that the draft changes: of a change that was carried over to a newer one, that newer one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub draft_of: String,
}

/// Where a suggestion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SuggestionStatus {
    /// Nobody has decided.
    #[default]
    Open,
    /// It is the agent's draft.
    Accepted,
    /// Somebody does not want it.
    Declined,
    /// Another one was accepted in its place.
    Replaced,
}

impl SuggestionStatus {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Replaced => "replaced",
        }
    }
}

impl AgentSuggestion {
    /// Longest reason for a decision, characters.
    pub const MAX_REASON: usize = 2_000;
}

impl Entity for AgentSuggestion {
    const DEFINITION: Definition = Definition {
        kind: Kind::AgentSuggestion,
        about: "a change of its own definition that an agent suggests",
        plural: "agent-suggestions",
        aliases: &["suggestion", "suggestions"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                agent: "summary".into(),
                number: 1,
                digest: "0".repeat(64),
                title: "Answer with less chance".into(),
                change: serde_json::json!({ "temperature": 0.2 }),
                ..Self::default()
            })
        },
        indexes: &[
            Index {
                field: "agent",
                unique: false,
            },
            Index {
                field: "status",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[Relation {
            name: "report",
            field: "report",
            target: || Kind::AgentSelfReport,
        }],
        columns: &[
            Column {
                title: "id",
                field: "id",
            },
            Column {
                title: "agent",
                field: "agent",
            },
            Column {
                title: "status",
                field: "status",
            },
            Column {
                title: "made",
                field: "created_at",
            },
            Column {
                title: "title",
                field: "title",
            },
        ],
        writer: Writer::Daemon,
        retention_days: None,
    };
}
