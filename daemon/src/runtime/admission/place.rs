//! How a run stands with the gate: what limits it, and whether it waits. Part of the run's row, so that a start of the
//! daemon knows it again without reading a document.

use dirigent_engine::RunLimits;
use serde::{Deserialize, Serialize};

/// Limits of one version, without what makes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// Most runs of the definition at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u32>,
    /// Most runs of a group at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_key: Option<u32>,
    /// Most runs that begin within a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Rate>,
}

/// Most runs that begin within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// How many.
    pub(crate) limit: u32,
    /// Milliseconds.
    pub(crate) period_ms: i64,
}

impl Limits {
    /// Those of a document.
    pub(crate) fn of(declared: &RunLimits) -> Self {
        Self {
            runs: declared.limit,
            per_key: declared.per_key,
            rate: declared.rate.map(|rate| Rate {
                limit: rate.limit,
                period_ms: i64::try_from(rate.period.as_millis()).unwrap_or(i64::MAX),
            }),
        }
    }

    /// Whether anything is limited.
    pub(crate) fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// What a run that wants to begin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Name of its definition.
    pub(crate) definition: String,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// What limits it.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// Higher goes first.
    #[serde(default)]
    pub(crate) priority: i32,
    /// A run that has begun waits for it: it goes before all others, and the daemon's own limit does not hold it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) child: bool,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// What it said.
    pub(crate) ask: Ask,
    /// It waits; smaller numbers came first. None where it counts among those that go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ticket: Option<u64>,
}

impl Place {
    /// Whether it waits.
    pub(crate) fn waits(&self) -> bool {
        self.ticket.is_some()
    }
}
