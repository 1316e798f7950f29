//! Where a run comes from that goes on from another.
//!
//! Such a run's journal refers to the other's up to one event and goes on behind it: the numbers of its own events
//! follow that one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RunId;

/// How a run came from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lineage {
    /// It goes on where the other failed or was stopped, or from a step of it.
    #[default]
    Retried,
    /// It begins anew, with the same version and the same input.
    Restarted,
    /// It goes on from an event of the other, perhaps with another input.
    Forked,
}

impl Lineage {
    /// What the other run says of this one: `retried as`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Restarted => "restarted",
            Self::Forked => "forked",
        }
    }
}

/// The run another comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// Which.
    #[schemars(with = "String")]
    pub run: RunId,
    /// Its last event that counts for this run too; 0 where none does.
    #[serde(default)]
    pub at: u64,
    /// How.
    #[serde(default)]
    pub how: Lineage,
}
