//! A published orchestration. Written by the daemon, never changed; the workflow it compiles to is a version beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Orchestration, Relation, Writer};
use crate::id::EntityId;

/// An orchestration as it was when it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrchestrationVersion {
    /// The orchestration it is a version of.
    #[schemars(with = "String")]
    pub orchestration: EntityId,
    /// That orchestration's name.
    pub orchestration_name: String,
    /// SHA-256 of the canonical form of `definition`, hexadecimal.
    pub digest: String,
    /// Counts the versions of the orchestration, from 1.
    pub number: u64,
    /// What it said.
    pub definition: Orchestration,
    /// The version of the workflow it compiles to: what runs pin.
    #[schemars(with = "String")]
    pub workflow_version: EntityId,
}

impl Entity for OrchestrationVersion {
    const DEFINITION: Definition = Definition {
        kind: Kind::OrchestrationVersion,
        about: "a published orchestration, immutable, named by its digest",
        plural: "orchestration-versions",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                orchestration: EntityId::nil(),
                orchestration_name: "review".into(),
                digest: "0".repeat(64),
                number: 1,
                definition: Orchestration::default(),
                workflow_version: EntityId::nil(),
            })
        },
        indexes: &[
            Index {
                field: "digest",
                unique: false,
            },
            Index {
                field: "orchestration",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[
            Relation {
                name: "orchestration",
                field: "orchestration",
                target: || Kind::Orchestration,
            },
            Relation {
                name: "workflow",
                field: "workflow_version",
                target: || Kind::WorkflowVersion,
            },
        ],
        columns: &[
            Column {
                title: "orchestration",
                field: "orchestration_name",
            },
            Column {
                title: "number",
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
