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

/// What becomes of the run where nobody says yes; known when the question is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// The step fails, and with it the run.
    #[default]
    Fails,
    /// The run goes on behind the step.
    GoesOn,
    /// The step fails; a task around it catches that.
    Caught {
        /// JSON pointer of the task that catches.
        by: String,
        /// Its conditions may still let the failure pass.
        #[serde(default)]
        maybe: bool,
    },
}

impl Consequence {
    /// Nothing catches and nothing goes on.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        *self == Self::Fails
    }
}

/// What a step asks a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// What is there now, where a yes replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Payload>,
    /// The agent that answers questions about the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What a no does.
    #[serde(default, skip_serializing_if = "Consequence::is_failure")]
    pub on_deny: Consequence,
    /// What the end of its time does.
    #[serde(default, skip_serializing_if = "Consequence::is_failure")]
    pub on_expire: Consequence,
    /// The word to type for a high risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Milliseconds until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// The step is a scope whose budget has no room: a yes raises it to what the payload says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raises_budget: bool,
}

impl ApprovalRequest {
    /// What a decision must name: the digest of action and payload, and of what is there now where that is shown.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest_of(&self.action, &self.payload, self.before.as_deref())
    }
}

/// The digest of a request that shows exactly this.
#[must_use]
pub fn digest_of(action: &str, payload: &Value, before: Option<&Value>) -> Digest {
    let mut shown = serde_json::json!({ "action": action, "payload": payload });
    if let (Some(before), Some(members)) = (before, shown.as_object_mut()) {
        members.insert("before".to_owned(), before.clone());
    }
    Digest::of(&shown)
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
    /// The run is stopped with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stops_run: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_there_now_is_part_of_the_digest_only_where_it_is_shown() {
        let payload = json!({"text": "new"});
        let plain = digest_of("write", &payload, None);
        assert_eq!(
            plain,
            Digest::of(&json!({ "action": "write", "payload": payload }))
        );
        let shown = digest_of("write", &payload, Some(&json!("old")));
        assert_ne!(plain, shown);
        assert_ne!(shown, digest_of("write", &payload, Some(&json!("other"))));
    }
}
