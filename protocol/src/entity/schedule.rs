//! A schedule: when runs of a workflow or an orchestration begin by themselves. It has the id of its workflow or
//! orchestration, and lives as long as the newest version of that has a `schedule`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Relation, Writer};
use crate::id::EntityId;

/// When runs of a workflow begin by themselves, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Schedule {
    /// The workflow or orchestration.
    #[schemars(with = "String")]
    pub workflow: EntityId,
    /// Its name.
    pub workflow_name: String,
    /// Digest of the version that says so.
    pub digest: String,
    /// In words: `cron 0 6 * * *`, `every 1h`, `on events`.
    pub when: String,
    /// The time zone `cron` is in.
    pub timezone: String,
    /// What becomes of missed runs: `skip`, `one`, `all`.
    pub missed: String,
    /// What becomes of runs that would overlap: `allow`, `skip`, `replace`.
    pub overlap: String,
    /// It starts nothing.
    pub paused: bool,
    /// Who paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// The next due time.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Timestamp>,
    /// The due times behind it.
    #[schemars(with = "Vec<String>")]
    pub then: Vec<Timestamp>,
    /// The newest due time that was dealt with.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_due: Option<Timestamp>,
    /// The newest run it started.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<EntityId>,
    /// Runs of it that were not over when it was last looked at.
    #[schemars(with = "Vec<String>")]
    pub active: Vec<EntityId>,
    /// Runs it started.
    pub started: u64,
    /// Due times that were left out: missed, overlapping, or refused.
    pub left_out: u64,
    /// Why the newest due time was left out; empty is well.
    pub trouble: String,
    /// When it began; `every` counts from here.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Entity for Schedule {
    const DEFINITION: Definition = Definition {
        kind: Kind::Schedule,
        about: "when runs of a workflow begin by themselves",
        plural: "schedules",
        aliases: &["cron"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                workflow: EntityId::nil(),
                workflow_name: "nightly".into(),
                when: "cron 0 2 * * *".into(),
                timezone: "Europe/Berlin".into(),
                missed: "one".into(),
                overlap: "allow".into(),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "paused",
            unique: false,
        }],
        sensitive: &[],
        relations: &[Relation {
            name: "workflow",
            field: "workflow",
            target: || Kind::Workflow,
        }],
        columns: &[
            Column {
                title: "workflow",
                field: "name",
            },
            Column {
                title: "when",
                field: "when",
            },
            Column {
                title: "zone",
                field: "timezone",
            },
            Column {
                title: "next",
                field: "next_due",
            },
            Column {
                title: "last",
                field: "last_due",
            },
            Column {
                title: "paused",
                field: "paused",
            },
            Column {
                title: "started",
                field: "started",
            },
        ],
        writer: Writer::Daemon,
        retention_days: None,
    };
}
