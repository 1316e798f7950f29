//! What is asked of a model: dialect-neutral.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The task and its material.
    User,
    /// An earlier answer.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// Plain text.
    pub content: String,
}

impl Message {
    /// A message of the given role.
    #[must_use]
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// How long each phase of a call may take. The time to connect belongs to the provider, not to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From sending the request to the first byte of the body.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub silence: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(60),
            silence: Duration::from_secs(30),
            total: Duration::from_secs(600),
        }
    }
}

/// One call of a model.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// Model name as the provider knows it (without `provider/`).
    pub model: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Sampling temperature; the provider's default when absent.
    pub temperature: Option<f64>,
    /// Longest answer wanted, in tokens.
    pub max_tokens: Option<u32>,
    /// JSON Schema the answer must satisfy (structured output). The caller still validates the answer.
    pub response_schema: Option<Value>,
    /// Sampling seed, where the provider has one.
    pub seed: Option<u64>,
    /// Stable key of the effect; sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Time limits of this call.
    pub timeouts: Timeouts,
}

impl ChatRequest {
    /// A request with defaults for everything but model and messages.
    #[must_use]
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        Self {
            model: model.into(),
            messages,
            temperature: None,
            max_tokens: None,
            response_schema: None,
            seed: None,
            idempotency_key: None,
            timeouts: Timeouts::default(),
        }
    }
}
