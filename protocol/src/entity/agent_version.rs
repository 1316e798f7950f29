//! A published agent: immutable, named by the digest of its canonical form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Agent, Column, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::EntityId;

/// An agent as it was when it was published; runs pin it by its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentVersion {
    /// The agent it is a version of.
    #[schemars(with = "String")]
    pub agent: EntityId,
    /// That agent's name.
    pub agent_name: String,
    /// SHA-256 of the canonical form of `definition`, hexadecimal.
    pub digest: String,
    /// Counts the versions of the agent, from 1.
    pub number: u64,
    /// The agent itself.
    pub definition: Agent,
}

impl Entity for AgentVersion {
    const DEFINITION: Definition = Definition {
        kind: Kind::AgentVersion,
        about: "a published agent, immutable, named by its digest",
        plural: "agent-versions",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                agent: EntityId::nil(),
                agent_name: "summary".into(),
                digest: "0".repeat(64),
                number: 1,
                definition: Agent {
                    prompt: "{{ input }}".into(),
                    ..Agent::default()
                },
            })
        },
        indexes: &[
            Index {
                field: "digest",
                unique: false,
            },
            Index {
                field: "agent",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[Relation {
            name: "agent",
            field: "agent",
            target: || Kind::Agent,
        }],
        columns: &[
            Column {
                title: "agent",
                field: "agent_name",
            },
            Column {
                title: "version",
                field: "number",
            },
            Column {
                title: "digest",
                field: "digest",
            },
            Column {
                title: "made",
                field: "created_at",
            },
        ],
        writer: Writer::Daemon,
        retention_days: None,
    };
}
