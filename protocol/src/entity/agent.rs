//! An agent's draft: which model, which prompt, which shapes go in and out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::agent_retry::AgentRetry;
use super::agent_tool::AgentTool;
use super::capability::Capability;
use super::definition::{check_as, json_of, schema_of};
use super::foreign_agent::ForeignAgent;
use crate::chat::{Effort, RehearsedCall};
use crate::run::{Budget, LoopLimits};

use super::{Column, Definition, Entity, Index, Kind, Writer};

/// A model with a task: its prompt template and the schemas of what goes in and out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// What it is for, one or two sentences.
    #[serde(default)]
    pub description: String,
    /// `provider/model`, or an alias of the configuration; empty means the default model.
    #[serde(default)]
    pub model: String,
    /// Models asked in its place, in this order, where one refuses without having done anything: a limit that takes long,
    /// a missing key, no connection. Never after an outcome that nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub fallback_models: Vec<String>,
    /// System prompt, a Jinja template over `input`.
    #[serde(default)]
    pub system: String,
    /// User prompt, a Jinja template over `input`.
    pub prompt: String,
    /// JSON Schema of the input; anything goes where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// JSON Schema of the output; absent means plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Sampling temperature, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
    /// Most tokens of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u32>,
    /// How much it may think before it answers, where its model can: `low`, `medium` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// What the rehearsal does in a model's place: the tools it calls, turn by turn, before it answers. Models never see it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsal: Vec<Vec<RehearsedCall>>,
    /// Seconds before a call is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_s: Option<u32>,
    /// Most tokens of its prompt, rendered: what a budget sets aside for it. Without it the budget goes by the length of
    /// the templates and of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_input_tokens: Option<u32>,
    /// When a call that is known to have failed is made again; 5 attempts where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<AgentRetry>,
    /// What it can do, in words that orchestrations and rules of routing name, each alone or with the tools it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// The most all its calls in one run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<AgentBudget>,
    /// What it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<AgentTool>,
    /// It is a program that somebody else wrote; its model and tools are its own then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignAgent>,
    /// How far a conversation with its tools may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LoopLimits>,
    /// Its input is written by people who may ask for everything it can do. Otherwise it counts as untrusted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted_input: bool,
    /// What its model is not given any more where too much was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextPolicy>,
    /// An answer counts only where the provider says that it is of exactly the model that was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact_model: bool,
    /// What becomes of an answer that its model had to cut: `fail`, or `mark` to go on with what there is. Where it is
    /// absent, a call fails and an answer in a conversation is marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_cut: Option<OnCut>,
}

/// What becomes of an answer that was cut at `max_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCut {
    /// The call fails, and says so.
    Fail,
    /// The text goes on, marked as cut among its facts.
    Mark,
}

/// How much of what was said a model is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextPolicy {
    /// Most bytes of what was said before this call (its history); the oldest exchanges are left out first.
    #[schemars(range(max = 262_144))]
    pub history_bytes: u32,
    /// What becomes of a request that does not fit its model's window; where nothing is said, a conversation forgets its
    /// oldest exchanges and a call by itself fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_full: Option<WhenFull>,
}

/// What becomes of a request that does not fit its model's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The call fails, and says so.
    Fail,
    /// The oldest exchanges are left out until it fits; what is said now and its newest answers never are.
    DropOldest,
}

impl ContextPolicy {
    /// A turn adds as much again and is recorded beside it: both fit one record of 1 MiB.
    const MAX_HISTORY: u32 = 256 << 10;

    /// `history_bytes`, however much an older definition wants.
    #[must_use]
    pub fn most(&self) -> usize {
        self.history_bytes.min(Self::MAX_HISTORY) as usize
    }

    /// Whether something is left out of a request that does not fit; `talks` where it goes on with what was said before.
    #[must_use]
    pub fn drops(&self, talks: bool) -> bool {
        self.when_full.map_or(talks, |when| when == WhenFull::DropOldest)
    }
}

impl Default for ContextPolicy {
    fn default() -> Self {
        Self {
            history_bytes: 128 << 10,
            when_full: None,
        }
    }
}

/// The most an agent may take in one run; what is absent has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentBudget {
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub usd: Option<f64>,
    /// Tokens, read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Calls of its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
}

impl AgentBudget {
    /// As a run counts it.
    #[must_use]
    pub fn budget(self) -> Budget {
        Budget {
            micro_usd: self.usd.map(Budget::micro_of_usd),
            tokens: self.tokens,
            calls: self.calls,
            ..Budget::default()
        }
    }
}

impl Entity for Agent {
    const DEFINITION: Definition = Definition {
        kind: Kind::Agent,
        about: "a model with a task: prompt template, input and output schema",
        plural: "agents",
        aliases: &[],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                description: "Summarises a text.".into(),
                model: "rehearsal/rehearsal".into(),
                prompt: "Summarise:\n{{ input.text }}".into(),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "model",
            unique: false,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "model",
                field: "model",
            },
            Column {
                title: "description",
                field: "description",
            },
            Column {
                title: "rev",
                field: "revision",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
