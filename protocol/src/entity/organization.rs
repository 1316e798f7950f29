//! The border around documents: nothing is seen across it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Kind, Writer};

/// Everything inside belongs together; nothing is seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Organization {
    /// The name people read.
    pub title: String,
}

impl Entity for Organization {
    const DEFINITION: Definition = Definition {
        kind: Kind::Organization,
        about: "the border around documents",
        plural: "organizations",
        aliases: &["org", "orgs"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || json_of(&Self { title: "Home".into() }),
        indexes: &[],
        sensitive: &[],
        relations: &[],
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
