//! A rule of routing: which agent does what takes a capability, by load, cost, past success and content.
//!
//! Rules are data; the daemon's router follows them in the order of their priority. A rule that is not active is followed
//! by nobody and can be simulated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// Which of those that are left does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The first of `agents`; by name where the rule lists none.
    #[default]
    Listed,
    /// Whoever has the fewest calls in hand.
    LeastBusy,
    /// Whose calls cost the least on average; who was never called goes first.
    Cheapest,
    /// Whose calls failed least; who was never called goes first.
    MostSuccessful,
}

/// A rule of routing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrchestrationRule {
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The capability it is about; empty is every one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub capability: String,
    /// Which input it is about, as the `--where` of a list: `kind == "billing" and amount > 100`; empty is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub when: String,
    /// Only these agents, in this order; empty is all that have the capability.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Never these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
    /// Nobody with so many calls in hand already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_load: Option<u32>,
    /// Nobody whose calls cost more than so many US dollars on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub max_usd: Option<f64>,
    /// Nobody of whose calls fewer than this part ended well (0 to 1); it takes five calls to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_success: Option<f64>,
    /// Which of those that are left.
    pub prefer: Preference,
    /// Higher goes first.
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// It is followed.
    pub active: bool,
}

impl Entity for OrchestrationRule {
    const DEFINITION: Definition = Definition {
        kind: Kind::OrchestrationRule,
        about: "which agent does what takes a capability",
        plural: "orchestration-rules",
        aliases: &["rule", "rules", "routingrules"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                capability: "review".into(),
                prefer: Preference::LeastBusy,
                active: true,
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "capability",
            unique: false,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "capability",
                field: "capability",
            },
            Column {
                title: "when",
                field: "when",
            },
            Column {
                title: "prefer",
                field: "prefer",
            },
            Column {
                title: "active",
                field: "active",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
