//! A conversation with a model: messages of parts, the tools that are offered, and the calls the model makes of them.
//!
//! Shapes are those of OpenTelemetry's GenAI messages, so what is stored can be exported as it is. Nothing here knows a
//! provider's wire; the dialects do. Invariant: what a provider wants back unchanged (signatures of thinking, encrypted
//! reasoning) travels in [`Reasoning::opaque`] and is never read, cut or shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Payload;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The task and its material.
    User,
    /// An earlier answer.
    Assistant,
    /// What tools answered.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        content: String,
    },
    /// What the model thought before it spoke.
    Reasoning(Reasoning),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What the tool answered.
    ToolCallResponse(ToolCallResponse),
}

/// Thinking, kept exactly as the provider gave it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reasoning {
    /// As far as it may be read; empty where it is only encrypted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// What goes back to the same provider unchanged; `Null` where it gave nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub opaque: Value,
}

/// One call of a tool, as the model asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call; unique within its message.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments: a JSON object; or the text that was sent, where it is not JSON.
    pub arguments: Payload,
    /// What goes back to the same provider unchanged (a signature of the thinking that led to the call).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub opaque: Value,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCallResponse {
    /// The id of the [`ToolCall`] it answers.
    pub id: String,
    /// The tool's name (some dialects answer by name).
    pub name: String,
    /// Text, or a JSON value.
    pub response: Payload,
    /// True when the tool failed or was refused; the response says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// A tool that is offered to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// 1 to 64 of `a-z A-Z 0-9 _ -`.
    pub name: String,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub parameters: Payload,
}

/// Whether the model may, must or must not call tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model sees fit.
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// How much a model may think before it answers, where it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A call the rehearsal makes where a model would choose for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RehearsedCall {
    /// The tool's name; a tool that is not offered is not called.
    pub tool: String,
    /// Its arguments. What its schema requires beyond them is taken from what the rehearsal reads.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
}

impl ToolCall {
    /// The text that was sent as arguments, where it is not a JSON object: such a call cannot be made.
    #[must_use]
    pub fn unreadable(&self) -> Option<&str> {
        self.arguments.as_str()
    }
}

impl Message {
    /// A message of one text.
    #[must_use]
    pub fn text(role: Role, content: impl Into<String>) -> Self {
        let content = content.into();
        Self {
            role,
            parts: vec![Part::Text { content }],
        }
    }

    /// Its bytes as JSON; nothing of it is written where it cannot be.
    #[must_use]
    pub fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }

    /// Its texts, one after the other; thinking and calls left out.
    #[must_use]
    pub fn words(&self) -> String {
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::{Message, Part, Reasoning, Role, ToolCall};

    #[test]
    fn a_message_is_written_as_opentelemetry_writes_it() {
        let message = Message {
            role: Role::Assistant,
            parts: vec![
                Part::Reasoning(Reasoning {
                    content: "two invoices".into(),
                    opaque: json!({"signature": "c2ln"}),
                }),
                Part::Text {
                    content: "Let me look.".into(),
                },
                Part::ToolCall(ToolCall {
                    id: "call_1".into(),
                    name: "lookup".into(),
                    arguments: Arc::new(json!({"invoice": "A-1187"})),
                    opaque: json!(null),
                }),
            ],
        };
        let written = json!({"role": "assistant", "parts": [
            {"type": "reasoning", "content": "two invoices", "opaque": {"signature": "c2ln"}},
            {"type": "text", "content": "Let me look."},
            {"type": "tool_call", "id": "call_1", "name": "lookup", "arguments": {"invoice": "A-1187"}},
        ]});
        assert_eq!(serde_json::to_value(&message).unwrap(), written);
        assert_eq!(serde_json::from_value::<Message>(written).unwrap(), message);
        assert_eq!(message.words(), "Let me look.");
        assert_eq!(message.tool_calls().next().unwrap().name, "lookup");
    }
}
