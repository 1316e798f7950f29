//! What a model answered: dialect-neutral.

use dirigent_protocol::chat::{Message, Part, Role, ToolCall};
use serde::{Deserialize, Serialize};

/// Why the answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// It waits for the answers of the tools it called.
    ToolCall,
    /// `max_tokens` or the context was reached: the answer is cut, the arguments of its last call too.
    Length,
    /// The provider withheld the rest, or the model declined.
    ContentFilter,
    /// A word of the provider that none of the above covers.
    Other(String),
}

impl FinishReason {
    /// The word of OpenTelemetry's GenAI conventions for it, or the provider's own.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::ToolCall => "tool_call",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

/// Tokens used by one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached and newly cached ones included.
    pub input_tokens: u64,
    /// Tokens of the answer, thinking included.
    pub output_tokens: u64,
    /// Tokens of the prompt the provider had cached.
    pub cached_tokens: u64,
    /// Tokens of the prompt the provider put into its cache at a price of their own.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// True when the provider gave no count and these are our own estimate.
    pub estimated: bool,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// What was said, thought and called, in order. Call ids are unique and not empty.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The model that answered, as the provider names it; may differ from the one asked. `rehearsal` when rehearsed.
    pub model: String,
    /// Tokens used.
    pub usage: Usage,
    /// The provider's id of the answer (`id` of the body).
    pub response_id: Option<String>,
    /// The provider's id of the request (`x-request-id` or its own header), for its support desk.
    pub request_id: Option<String>,
    /// True when bytes of the answer were not UTF-8 and were replaced.
    pub replaced_bytes: bool,
    /// True when the answer held the key it was asked with or another guarded value, which was taken out.
    pub masked_key: bool,
    /// True when this is an extract by the built-in rehearsal, not a model's answer.
    pub rehearsal: bool,
}

impl ChatReply {
    /// Its texts, one after the other; thinking and calls left out.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { content } => Some(content.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The calls it makes, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// The answer as the next message of its conversation.
    #[must_use]
    pub fn message(self) -> Message {
        Message {
            role: Role::Assistant,
            parts: self.parts,
        }
    }
}
