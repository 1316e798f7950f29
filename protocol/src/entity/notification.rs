//! Something a person should know.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    #[default]
    Info,
    /// Look when you can.
    Warning,
    /// Look now.
    Critical,
}

/// A message to a person about something that happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Notification {
    /// One line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// How urgent it is.
    pub level: Level,
    /// The place to look at: `run/ID`, `approval/ID`.
    pub about: String,
    /// When somebody saw it.
    #[schemars(with = "Option<String>")]
    pub read_at: Option<Timestamp>,
}

impl Entity for Notification {
    const DEFINITION: Definition = Definition {
        kind: Kind::Notification,
        about: "something a person should know",
        plural: "notifications",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                title: "Run failed".into(),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "level",
            unique: false,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "when",
                field: "created_at",
            },
            Column {
                title: "level",
                field: "level",
            },
            Column {
                title: "title",
                field: "title",
            },
            Column {
                title: "about",
                field: "about",
            },
        ],
        writer: Writer::Daemon,
        retention_days: Some(30),
    };
}
