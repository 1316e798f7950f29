//! What an agent makes of its own recent work: the figures are the daemon's, the words are its own.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};
use crate::id::EntityId;
use crate::run::Usage;

/// What an agent makes of its own recent work.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AgentSelfReport {
    /// The agent's name.
    pub agent: String,
    /// Number of the version that looked back.
    pub number: u64,
    /// That version's digest, hexadecimal.
    pub digest: String,
    /// The run in which it looked back.
    #[schemars(with = "String")]
    pub run: EntityId,
    /// What the daemon counted.
    pub figures: ReviewFigures,
    /// Runs that it was shown: what its suggestions may refer to.
    #[schemars(with = "Vec<String>")]
    pub shown: Vec<EntityId>,
    /// What it says in a few sentences.
    pub summary: String,
    /// What it says of each measure.
    pub measures: Vec<Assessment>,
    /// What goes well.
    pub good: Vec<String>,
    /// What fails.
    pub bad: Vec<String>,
    /// What it suggests, by `AgentSuggestion`.
    #[schemars(with = "Vec<String>")]
    pub suggestions: Vec<EntityId>,
    /// What it suggested and may not.
    pub refused: Vec<RefusedSuggestion>,
    /// Why there is no assessment; empty where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// Who answered: `provider/model`.
    pub model: String,
    /// The rehearsal answered in a model's place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
}

/// What the daemon counted of an agent's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReviewFigures {
    /// From when on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Runs it was called in.
    pub runs: u64,
    /// Of them, those that failed.
    pub runs_failed: u64,
    /// How often it was called.
    pub calls: u64,
    /// How often its model or its program failed.
    pub failures: u64,
    /// What its models took.
    #[schemars(with = "serde_json::Value")]
    pub usage: Usage,
    /// Everything since then was counted; otherwise the newest runs only.
    pub complete: bool,
}

/// What an agent says of one measure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Assessment {
    /// `success`, `cost`, `tools` or `answers`.
    pub measure: String,
    /// `good`, `fair`, `poor` or `unknown`.
    pub verdict: String,
    /// Why.
    pub words: String,
}

/// What an agent suggested and may not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RefusedSuggestion {
    /// Its title.
    pub title: String,
    /// Stable code: `wider_grant`, `unknown_run`.
    pub code: String,
    /// Why, in words.
    pub reason: String,
}

impl Entity for AgentSelfReport {
    const DEFINITION: Definition = Definition {
        kind: Kind::AgentSelfReport,
        about: "what an agent makes of its own recent work, over counted figures",
        plural: "agent-self-reports",
        aliases: &["report", "reports", "selfreport", "selfreports"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                agent: "summary".into(),
                number: 1,
                digest: "0".repeat(64),
                summary: "Two of twelve runs failed.".into(),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "agent",
            unique: false,
        }],
        sensitive: &[],
        relations: &[],
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
                title: "version",
                field: "number",
            },
            Column {
                title: "made",
                field: "created_at",
            },
            Column {
                title: "summary",
                field: "summary",
            },
        ],
        writer: Writer::Daemon,
        retention_days: None,
    };
}
