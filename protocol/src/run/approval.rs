//! A request for a person's decision, and the decision.
//!
//! Invariant: a decision names the digest of exactly what was shown; anything else is stale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Payload;
use crate::digest::Digest;

/// How much harm a wrong yes can do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Undone easily.
    Low,
    /// Costs something to undo.
    #[default]
    Medium,
    /// Cannot be undone by us.
    High,
}

impl Risk {
    /// The word on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a step asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// One line: what is asked.
    pub title: String,
    /// What will be done on yes, as a short verb phrase: `write report.md`.
    pub action: String,
    /// How much harm a wrong yes can do.
    #[serde(default)]
    pub risk: Risk,
    /// Why, in the words of whoever asks (untrusted text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exact content the decision is about; on yes it is handed on unchanged, or as edited.
    pub payload: Payload,
    /// The word to type for a high risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Milliseconds until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
}

impl ApprovalRequest {
    /// What a decision must name: the digest of action and payload.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::json!({ "action": self.action, "payload": *self.payload }))
    }
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Go on.
    Approve {
        /// The payload as the person changed it; it is theirs from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Value>,
    },
    /// Do not.
    Deny,
    /// Nobody decided in time.
    Expire,
}

/// A decision with who, when and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What was decided.
    pub decision: Decision,
    /// Who did.
    pub by: String,
    /// Their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digest they saw.
    pub digest: Digest,
}
