//! What an agent took, over the runs that are kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::Usage;

/// Most runs of one agent that are counted, newest first.
pub const MAX_RUNS: u32 = 10_000;

/// What an agent took and how it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentUse {
    /// Runs in which it was called.
    pub runs: u64,
    /// How often it was called; a conversation with its tools is one call.
    pub uses: u64,
    /// How often its model or its program failed.
    pub failures: u64,
    /// What its models took.
    pub usage: Usage,
    /// When it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Everything was counted; otherwise the newest [`MAX_RUNS`] only.
    pub complete: bool,
}

impl AgentUse {
    /// How many of a hundred calls did not fail; none where there was no call.
    #[must_use]
    pub const fn success_pct(&self) -> Option<u64> {
        match self.uses {
            0 => None,
            uses => Some(uses.saturating_sub(self.failures) * 100 / uses),
        }
    }
}
