//! People of an organisation who share documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Kind, Relation, Writer};
use crate::id::EntityId;

/// People who share documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Team {
    /// The name people read.
    pub title: String,
    /// Its members' users.
    #[schemars(with = "Vec<String>")]
    pub members: Vec<EntityId>,
}

impl Entity for Team {
    const DEFINITION: Definition = Definition {
        kind: Kind::Team,
        about: "people who share documents",
        plural: "teams",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                title: "Operations".into(),
                members: Vec::new(),
            })
        },
        indexes: &[],
        sensitive: &[],
        relations: &[Relation {
            name: "members",
            field: "members",
            target: || Kind::User,
        }],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "title",
                field: "title",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
