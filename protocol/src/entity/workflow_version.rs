//! A published workflow: immutable, named by the digest of its canonical form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::EntityId;

/// A workflow as it was when it was published; runs pin it by its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowVersion {
    /// The workflow it is a version of.
    #[schemars(with = "String")]
    pub workflow: EntityId,
    /// That workflow's name.
    pub workflow_name: String,
    /// SHA-256 of the canonical form of `document`, hexadecimal.
    pub digest: String,
    /// The author's own version.
    pub version: String,
    /// Counts the versions of the workflow, from 1.
    pub number: u64,
    /// The document's text as written.
    pub source: String,
    /// The document as JSON.
    pub document: Value,
}

impl Entity for WorkflowVersion {
    const DEFINITION: Definition = Definition {
        kind: Kind::WorkflowVersion,
        about: "a published workflow, immutable, named by its digest",
        plural: "workflow-versions",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                workflow: EntityId::nil(),
                workflow_name: "hello".into(),
                digest: "0".repeat(64),
                version: "0.1.0".into(),
                number: 1,
                source: String::new(),
                document: Value::Null,
            })
        },
        indexes: &[
            Index {
                field: "digest",
                unique: false,
            },
            Index {
                field: "workflow",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[Relation {
            name: "workflow",
            field: "workflow",
            target: || Kind::Workflow,
        }],
        columns: &[
            Column {
                title: "workflow",
                field: "workflow_name",
            },
            Column {
                title: "version",
                field: "version",
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
