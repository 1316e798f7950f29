//! What a model answered: dialect-neutral.

use serde::{Deserialize, Serialize};

/// Why the answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// `max_tokens` or the context was reached: the answer is cut.
    Length,
    /// The provider withheld the rest.
    ContentFilter,
    /// A word of the provider that none of the above covers.
    Other(String),
}

/// Tokens used by one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// Tokens of the answer, thinking included.
    pub output_tokens: u64,
    /// Tokens of the prompt the provider had cached.
    pub cached_tokens: u64,
    /// True when the provider gave no count and these are our own estimate.
    pub estimated: bool,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The text of the answer.
    pub content: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The model that answered, as the provider names it; may differ from the one asked. `rehearsal` when rehearsed.
    pub model: String,
    /// Tokens used.
    pub usage: Usage,
    /// The provider's id of the answer (`id` of the body).
    pub response_id: Option<String>,
    /// The provider's id of the request (`x-request-id`), for its support desk.
    pub request_id: Option<String>,
    /// True when bytes of the answer were not UTF-8 and were replaced.
    pub replaced_bytes: bool,
    /// True when this is an extract by the built-in rehearsal, not a model's answer.
    pub rehearsal: bool,
}
