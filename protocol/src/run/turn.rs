//! One turn of an agent that has tools: what its model said, and what becomes of each tool it asks for.
//!
//! A turn's outcome carries its own message and nothing of the turns before it; a turn's intent names the conversation
//! by count and digest ([`TurnRef`]). Invariant: a call is planned when the model asks for it, complete to the byte;
//! what is planned is what a person is shown and what is performed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EffectRequest, FileDeed, OnUnknown, Sandbox};
use crate::Payload;
use crate::chat::Message;
use crate::digest::Digest;

/// Names the conversation that a turn goes on from; the messages themselves are in the run's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRef {
    /// Which turn it is, from 0.
    pub number: u32,
    /// How many messages the model has said and been told.
    pub messages: u32,
    /// Their bytes as JSON, the input among them: what bounds the tokens that are read.
    pub bytes: u64,
    /// Digest of the call and of every exchange since, one over the other.
    pub digest: Digest,
}

/// What a model said that asks for tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentTurn {
    /// The version of the agent that answered: later turns keep to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
    /// Its message, tool calls included.
    pub message: Message,
    /// One per tool call of the message, in its order.
    pub calls: Vec<PlannedCall>,
    /// How far the conversation may go.
    #[serde(default)]
    pub limits: LoopLimits,
    /// What its input and its instructions bring into the conversation.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub given: Traits,
}

/// One tool call and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// The model's id of the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// What becomes of it.
    pub plan: Plan,
}

/// What becomes of a tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// It is answered without doing anything: refused, or a search over the tools themselves.
    Answer {
        /// Told to the model.
        response: Payload,
        /// It was refused.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    /// It is performed.
    Effect(Box<PlannedEffect>),
}

/// A tool call that is granted, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedEffect {
    /// What is performed, byte for byte.
    pub request: EffectRequest,
    /// Whether a person is asked first.
    #[serde(default)]
    pub approval: ApprovalClass,
    /// What happens when nobody knows how it ended.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// What it reads and where it acts.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub traits: Traits,
    /// Asking again and getting the same answer is how it is meant: it waits for something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Where it goes, for people: a host, a path, a server's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub destination: String,
    /// What is there now and would be written over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Payload>,
    /// Why a person is asked beyond what its class says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// JSON Schema of what a person may make of the request before it is performed; none is nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Payload>,
}

/// Whether a person is asked before a tool is called.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalClass {
    /// Never.
    Never,
    /// Asked; a rule may answer.
    #[default]
    Ask,
    /// Always asked; no rule answers.
    Always,
}

/// What a tool, or a conversation, has to do with: no more than two of them go together without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Traits {
    /// It brings text that nobody here has written or checked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untrusted: bool,
    /// It reads what is not public.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// It changes something or sends something out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outward: bool,
}

impl Traits {
    /// Nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            untrusted: self.untrusted || other.untrusted,
            private: self.private || other.private,
            outward: self.outward || other.outward,
        }
    }

    /// All three: a person must be asked.
    #[must_use]
    pub const fn all(self) -> bool {
        self.untrusted && self.private && self.outward
    }
}

/// How far a conversation with tools may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoopLimits {
    /// Turns of the model.
    #[schemars(range(min = 1, max = 10_000))]
    pub turns: u32,
    /// Tool calls in all.
    #[schemars(range(min = 1, max = 100_000))]
    pub tool_calls: u32,
    /// Tool calls of one turn that run at once.
    #[schemars(range(min = 1, max = 64))]
    pub parallel: u32,
    /// The same calls with the same answers, this often one after the other, are a circle.
    #[schemars(range(min = 2, max = 100))]
    pub repeats: u32,
    /// Tokens of the conversation, read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Seconds since its first turn was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<u64>,
}

impl Default for LoopLimits {
    fn default() -> Self {
        Self {
            turns: 50,
            tool_calls: 200,
            parallel: 8,
            repeats: 3,
            tokens: None,
            time_s: None,
        }
    }
}

/// Stands in the answer to a call that was not made because its run only tries an agent out.
pub const NOT_PERFORMED: &str = "not_performed";

impl PlannedEffect {
    /// Whether it changes nothing and sends nothing out, by what it is and by what its grant says of it.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let can = match &self.request {
            EffectRequest::File(call) => !matches!(call.deed, FileDeed::Write { .. }),
            EffectRequest::Command(call) => call.sandbox == Sandbox::Pure,
            EffectRequest::Http(call) => matches!(call.method.as_str(), "GET" | "HEAD"),
            // Another agent acts through its own tools, and a server says nothing of itself that is believed.
            EffectRequest::Agent(_) | EffectRequest::Mcp(_) | EffectRequest::Noop { .. } => true,
            _ => false,
        };
        can && !self.traits.outward
    }
}

impl PlannedCall {
    /// Whether asking again for the same is how it is meant.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(&self.plan, Plan::Effect(planned) if planned.waits)
    }
}
