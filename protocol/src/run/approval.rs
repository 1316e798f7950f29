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

/// Who may decide, and how many of them must agree to a yes. One no is a no.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Deciders {
    /// Users by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Teams by name: each of their members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// How many yeses it takes; 0 means one.
    #[serde(skip_serializing_if = "is_zero")]
    pub quorum: u32,
    /// Whether who started the run may say yes; absent leaves it to the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Deciders {
    /// Nobody is named: whoever may decide approvals here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.users.is_empty() && self.teams.is_empty()
    }

    /// How many yeses it takes.
    #[must_use]
    pub fn quorum(&self) -> u32 {
        self.quorum.max(1)
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// `to` decides in the place of `from`; beside the others where `from` is not named.
    pub fn delegate(&mut self, from: &str, to: &str) {
        self.users.retain(|user| user != from && user != to);
        self.users.push(to.to_owned());
    }

    /// These may decide too. Where everybody may, everybody still may.
    pub fn join(&mut self, more: &Self) {
        if self.is_open() {
            return;
        }
        for (own, more) in [(&mut self.users, &more.users), (&mut self.teams, &more.teams)] {
            for name in more {
                if !own.contains(name) {
                    own.push(name.clone());
                }
            }
        }
    }

    /// In words: `2 of: ada, team ops`.
    #[must_use]
    pub fn words(&self) -> String {
        let teams = self.teams.iter().map(|team| format!("team {team}"));
        let names: Vec<String> = self.users.iter().cloned().chain(teams).collect();
        let who = if names.is_empty() {
            "anybody who may decide here".to_owned()
        } else {
            names.join(", ")
        };
        format!("{} of: {who}", self.quorum())
    }
}

/// Others are asked too when nobody has decided for some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalation {
    /// Milliseconds after it was asked.
    pub after_ms: u64,
    /// Who may decide then, too.
    pub to: Deciders,
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
    /// Who may decide, and how many.
    #[serde(default, skip_serializing_if = "Deciders::is_default")]
    pub deciders: Deciders,
    /// JSON Schema that content must fit when somebody changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_schema: Option<Payload>,
    /// Milliseconds between reminders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_ms: Option<u64>,
    /// Who is asked too when time passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
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
