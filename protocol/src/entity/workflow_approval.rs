//! A question to a person, stored: it survives restarts, any client may answer, one answer counts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::EntityId;
use crate::run::{Consequence, Deciders, Risk};

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalStatus {
    /// Nobody has decided.
    #[default]
    Pending,
    /// Somebody said yes.
    Approved,
    /// Somebody said no.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// The run no longer asks.
    Withdrawn,
}

/// A request for a decision, bound to the digest of exactly what was shown. An effect whose outcome is unknown under
/// the policy `ask` comes here too (`about: effect`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkflowApproval {
    /// The run that waits.
    #[schemars(with = "String")]
    pub run: EntityId,
    /// Its workflow's name.
    pub workflow: String,
    /// The step that asks: JSON pointer, `#` iterations.
    pub step: String,
    /// That task's name.
    pub task: String,
    /// One line: what is asked.
    pub title: String,
    /// What happens on yes.
    pub action: String,
    /// How much harm a wrong yes can do.
    pub risk: Risk,
    /// Why, in the words of whoever asks (untrusted text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exact content the decision is about.
    pub payload: Value,
    /// What is there now, where a yes replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The agent that answers questions about it; without one, the agent whose step ended last in the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What a no does to the run.
    #[serde(skip_serializing_if = "Consequence::is_failure")]
    pub on_deny: Consequence,
    /// What the end of its time does to the run.
    #[serde(skip_serializing_if = "Consequence::is_failure")]
    pub on_expire: Consequence,
    /// Who started the run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub started_by: String,
    /// The word to type for a high risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// SHA-256 of action and payload (and `before`), hexadecimal: what a decision must name.
    pub digest: String,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// When it was asked.
    #[schemars(with = "Option<String>")]
    pub requested_at: Option<Timestamp>,
    /// When it ends by itself, without approval.
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_reason: Option<String>,
    /// The payload as they changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited: Option<Value>,
    /// Set where the question is what became of this effect (its number in the run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_effect: Option<u64>,
    /// The run was stopped with the denial.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped_run: bool,
    /// Who may decide, and how many must agree.
    #[serde(skip_serializing_if = "Deciders::is_default")]
    pub deciders: Deciders,
    /// Yeses so far, where it takes several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// JSON Schema that content must fit when somebody changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_schema: Option<Value>,
    /// Who changed what is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amended_by: Option<String>,
    /// How often people were reminded.
    #[serde(skip_serializing_if = "is_zero")]
    pub reminders: u32,
    /// When others were asked too.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// What people asked about it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A yes, of several.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// When.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl WorkflowApproval {
    /// Most questions about one request.
    pub const MAX_QUESTIONS: usize = 20;
    /// Longest question, characters.
    pub const MAX_QUESTION: usize = 2_000;
    /// Longest part of an answer that is kept here, characters; the whole of it is the run's output.
    pub const MAX_ANSWER: usize = 16_000;
}

/// A question about a request, and what an agent answered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Question {
    /// Who asks.
    pub by: String,
    /// When.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Their words.
    pub text: String,
    /// The agent that is asked.
    pub agent: String,
    /// The run that answers.
    #[schemars(with = "String")]
    pub run: EntityId,
    /// What it answered (untrusted text), or why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The run failed: `answer` says why.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// When it answered.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

impl Entity for WorkflowApproval {
    const DEFINITION: Definition = Definition {
        kind: Kind::WorkflowApproval,
        about: "a question that waits for a person's decision",
        plural: "workflow-approvals",
        aliases: &["approval", "approvals"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                title: "Write the report?".into(),
                ..Self::default()
            })
        },
        indexes: &[
            Index {
                field: "status",
                unique: false,
            },
            Index {
                field: "run",
                unique: false,
            },
            Index {
                field: "workflow",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[Relation {
            name: "run",
            field: "run",
            target: || Kind::WorkflowExecution,
        }],
        columns: &[
            Column {
                title: "id",
                field: "id",
            },
            Column {
                title: "risk",
                field: "risk",
            },
            Column {
                title: "what",
                field: "title",
            },
            Column {
                title: "workflow",
                field: "workflow",
            },
            Column {
                title: "status",
                field: "status",
            },
        ],
        writer: Writer::Daemon,
        retention_days: Some(365),
    };
}
