//! A run: what was started, where it stands, what came out. Its journal is a stream beside it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Conversation, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::{EntityId, RunId};
use crate::run::{Origin, RunBudget, Status, Usage, Waiting};

/// How far a run is, in tasks of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Progress {
    /// Tasks that ended.
    pub done: u32,
    /// Tasks known so far.
    pub total: u32,
}

/// A run that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Queued {
    /// Its place among those that wait with it, from 1 and counted up to 1,000; filled in when it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
    /// The key of its input that it is limited by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why it waits, in words.
    pub why: String,
    /// Since when.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A run that was set aside: the daemon died with it in hand again and again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quarantine {
    /// How often, one after the other without progress.
    pub deaths: u32,
    /// Since when.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// One execution of a workflow version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkflowExecution {
    /// Name of the workflow.
    pub workflow: String,
    /// The pinned version's entity.
    #[schemars(with = "String")]
    pub workflow_version: EntityId,
    /// The pinned version's digest, hexadecimal.
    pub digest: String,
    /// The author's version.
    pub version: String,
    /// Where it stands.
    pub status: Status,
    /// Task it is at, for people.
    pub step: String,
    /// How far it is.
    pub progress: Progress,
    /// What it was given.
    pub input: Value,
    /// What came out.
    pub output: Value,
    /// Why it faulted, problem details.
    pub error: Value,
    /// When its first step began.
    #[schemars(with = "Option<String>")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
    /// What its model calls took.
    pub usage: Usage,
    /// Where it stands in its budget; absent where none holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<RunBudget>,
    /// Given by the starter: the same key does not start a second run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The run it comes from: retried, begun anew or forked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Who started it, for people.
    pub started_by: String,
    /// The run that started it, where it is a run of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub parent: Option<RunId>,
    /// The step of that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_step: Option<String>,
    /// Higher goes first where runs wait.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Where it waits for its turn; absent where it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queued>,
    /// A step of it was refused at a door and asks again later; the one that asks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waiting>,
    /// It was set aside; a person must release it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// What a list shows of it, where it is a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Conversation>,
    /// Events in its journal when this was written.
    pub events: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl Entity for WorkflowExecution {
    const DEFINITION: Definition = Definition {
        kind: Kind::WorkflowExecution,
        about: "one run of a workflow",
        plural: "workflow-executions",
        aliases: &["run", "runs", "execution", "executions"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                workflow: "hello".into(),
                ..Self::default()
            })
        },
        indexes: &[
            Index {
                field: "status",
                unique: false,
            },
            Index {
                field: "workflow",
                unique: false,
            },
            Index {
                field: "idempotency_key",
                unique: true,
            },
        ],
        sensitive: &[],
        relations: &[Relation {
            name: "version",
            field: "workflow_version",
            target: || Kind::WorkflowVersion,
        }],
        columns: &[
            Column {
                title: "id",
                field: "id",
            },
            Column {
                title: "workflow",
                field: "workflow",
            },
            Column {
                title: "version",
                field: "version",
            },
            Column {
                title: "status",
                field: "status",
            },
            Column {
                title: "step",
                field: "step",
            },
            Column {
                title: "started",
                field: "started_at",
            },
        ],
        writer: Writer::Daemon,
        retention_days: Some(90),
    };
}
