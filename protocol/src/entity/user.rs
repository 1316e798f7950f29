//! A person, or a program that acts as one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// Somebody who can act.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// The name people read.
    pub display_name: String,
    /// The user id of the operating system that is this user on the local socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// May do everything in the organisation.
    pub administrator: bool,
    /// May act at all.
    pub disabled: bool,
}

impl Entity for User {
    const DEFINITION: Definition = Definition {
        kind: Kind::User,
        about: "somebody who can act",
        plural: "users",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                display_name: "Dana".into(),
                uid: Some(1000),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "uid",
            unique: true,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "display name",
                field: "display_name",
            },
            Column {
                title: "uid",
                field: "uid",
            },
            Column {
                title: "admin",
                field: "administrator",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
