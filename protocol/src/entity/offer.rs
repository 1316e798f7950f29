//! An offer: a definition that other programs may run through the daemon, under the offer's name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Kind, Writer};

/// What is run for whoever takes an offer up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Offered {
    /// The newest version of this workflow.
    Workflow(String),
    /// The newest version of this orchestration.
    Orchestration(String),
    /// The newest version of this agent.
    Agent(String),
}

impl Offered {
    /// The kind of the definition, and its name.
    #[must_use]
    pub fn definition(&self) -> (Kind, &str) {
        match self {
            Self::Workflow(name) => (Kind::Workflow, name),
            Self::Orchestration(name) => (Kind::Orchestration, name),
            Self::Agent(name) => (Kind::Agent, name),
        }
    }
}

/// A protocol of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// The Model Context Protocol: a tool of the offer's name.
    Mcp,
    /// Agent2Agent: an agent of the offer's name.
    A2a,
}

impl Over {
    /// The word: `mcp`, `a2a`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
        }
    }
}

/// A definition that other programs may run, and over what. Nothing is offered by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// What is run.
    pub of: Offered,
    /// Over which protocols.
    pub over: Vec<Over>,
    /// What it is for, told to whoever may take it up; without it, what the definition says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Entity for Offer {
    const DEFINITION: Definition = Definition {
        kind: Kind::Offer,
        about: "a definition that other programs may run, over MCP or A2A",
        plural: "offers",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                of: Offered::Workflow("hello".into()),
                over: vec![Over::Mcp, Over::A2a],
                description: "Greets.".into(),
            })
        },
        indexes: &[],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "of",
                field: "of",
            },
            Column {
                title: "over",
                field: "over",
            },
            Column {
                title: "description",
                field: "description",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
