//! A record of who did, or was refused, what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// What the door said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was let through.
    #[default]
    Allowed,
    /// It was refused.
    Denied,
}

/// One decision of the door; reads are counted together, writes and denials stand alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AuditLog {
    /// Who, as the door knew them.
    pub subject: String,
    /// What they asked: `create`, `update`, `run.start`, `approval.decide`, ...
    pub action: String,
    /// On what: `Agent/summary`, `WorkflowExecution/0199...`.
    pub object: String,
    /// What the door said.
    pub verdict: Verdict,
    /// The call's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// How many calls this stands for.
    pub count: u64,
    /// More, in words.
    pub detail: String,
}

impl Entity for AuditLog {
    const DEFINITION: Definition = Definition {
        kind: Kind::AuditLog,
        about: "who did, or was refused, what",
        plural: "audit-logs",
        aliases: &["audit"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                subject: "dana".into(),
                action: "create".into(),
                ..Self::default()
            })
        },
        indexes: &[
            Index {
                field: "subject",
                unique: false,
            },
            Index {
                field: "action",
                unique: false,
            },
            Index {
                field: "object",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "when",
                field: "created_at",
            },
            Column {
                title: "who",
                field: "subject",
            },
            Column {
                title: "what",
                field: "action",
            },
            Column {
                title: "on",
                field: "object",
            },
            Column {
                title: "verdict",
                field: "verdict",
            },
        ],
        writer: Writer::Daemon,
        retention_days: Some(400),
    };
}
