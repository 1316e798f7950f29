//! What model calls took: tokens and money.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sums over model calls. Money is in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Calls that got an answer.
    pub calls: u64,
    /// Tokens read (`gen_ai.usage.input_tokens`).
    pub input_tokens: u64,
    /// Tokens written (`gen_ai.usage.output_tokens`).
    pub output_tokens: u64,
    /// Known cost; calls without a price are not in it.
    pub cost_micro_usd: u64,
    /// Calls whose price nobody knows.
    pub unpriced_calls: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
        self.unpriced_calls = self.unpriced_calls.saturating_add(other.unpriced_calls);
    }
}
