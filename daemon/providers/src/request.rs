//! What is asked of a model: dialect-neutral.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::chat::{Effort, Message, Part, RehearsedCall, ToolChoice, ToolDefinition};
use serde_json::Value;

use crate::Secret;

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

/// Tokens of thinking, for models that are told a number.
pub(crate) fn thinking_tokens(effort: Effort) -> u32 {
    match effort {
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
    }
}

/// One call of a model.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// Model name as the provider knows it (without `provider/`).
    pub model: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<ToolDefinition>,
    /// Whether it may, must or must not call them; means nothing without tools.
    pub tool_choice: ToolChoice,
    /// Sampling temperature; the provider's default when absent.
    pub temperature: Option<f64>,
    /// Longest answer wanted, in tokens.
    pub max_tokens: Option<u32>,
    /// How much it may think; the provider's default when absent.
    pub effort: Option<Effort>,
    /// JSON Schema the answer must satisfy (structured output). The caller still validates the answer.
    pub response_schema: Option<Value>,
    /// Sampling seed, where the provider has one.
    pub seed: Option<u64>,
    /// Stable key of the effect; sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What the rehearsal calls, turn by turn, in place of a model's choice. Models never see it.
    pub rehearsal: Vec<Vec<RehearsedCall>>,
    /// Time limits of this call.
    pub timeouts: Timeouts,
    /// Values that must not stand in an answer, nor in the text that streams; the provider's key is one by itself.
    pub guarded: Arc<[Secret]>,
}

impl ChatRequest {
    /// A request with defaults for everything but model and messages.
    #[must_use]
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        Self {
            model: model.into(),
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::default(),
            temperature: None,
            max_tokens: None,
            effort: None,
            response_schema: None,
            seed: None,
            idempotency_key: None,
            rehearsal: Vec::new(),
            timeouts: Timeouts::default(),
            guarded: Arc::default(),
        }
    }

    /// Bytes of text it holds: messages, tools and schema. A token is at least one byte, so this bounds the prompt.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let mut bytes = 0;
        self.texts(|text| bytes += text.len());
        bytes
    }

    /// Every text the model reads, in no particular order.
    pub(crate) fn texts(&self, mut each: impl FnMut(&str)) {
        for part in self.messages.iter().flat_map(|message| &message.parts) {
            match part {
                Part::Text { content } => each(content),
                Part::Reasoning(reasoning) => {
                    each(&reasoning.content);
                    if !reasoning.opaque.is_null() {
                        each(&reasoning.opaque.to_string());
                    }
                }
                Part::ToolCall(call) => {
                    each(&call.name);
                    each(&call.arguments.to_string());
                    if !call.opaque.is_null() {
                        each(&call.opaque.to_string());
                    }
                }
                Part::ToolCallResponse(answer) => {
                    each(&answer.name);
                    each(&answer.response.to_string());
                }
            }
        }
        for tool in &self.tools {
            each(&tool.name);
            each(&tool.description);
            each(&tool.parameters.to_string());
        }
        if let Some(schema) = &self.response_schema {
            each(&schema.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::chat::Role;
    use serde_json::json;

    use super::*;

    #[test]
    fn its_bytes_bound_everything_a_model_reads() {
        let mut request = ChatRequest::new("m", vec![Message::text(Role::User, "grüße")]);
        assert_eq!(request.bytes(), 7);
        request.tools.push(ToolDefinition {
            name: "look".into(),
            description: "it up".into(),
            parameters: Arc::new(json!({})),
        });
        assert_eq!(request.bytes(), 7 + 4 + 5 + 2);
    }
}
