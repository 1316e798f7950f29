//! A standing answer: requests of one step that a person decided once and for the next times too.
//!
//! A rule is compared with the document of a request, here and in the client alike. Invariant: no rule covers a high
//! risk, an unknown effect, or a request that is decided already.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::{check_as, json_of, schema_of};
use super::{ApprovalStatus, Column, Definition, Entity, Index, Kind, Relation, WorkflowApproval, Writer};
use crate::id::EntityId;
use crate::run::Risk;

/// Deepest nesting that a shape describes; what lies deeper is compared as it is.
const DEPTH: usize = 32;

/// What a rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleAnswer {
    /// Yes.
    Allow,
    /// No; it wins over every yes.
    #[default]
    Deny,
}

/// How much like the first request another one must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// The same action with exactly the same content: the same digest.
    #[default]
    Exact,
    /// The same action with content of the same shape: the same members and JSON types, any values.
    Shape,
}

impl RuleScope {
    /// The word: `exact`, `shape`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Shape => "shape",
        }
    }
}

/// A standing answer for the requests of one step of a workflow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ApprovalRule {
    /// Name of the workflow, in whatever version.
    pub workflow: String,
    /// JSON pointer of the step that asks, in every round of a loop.
    pub step: String,
    /// The action, word for word.
    pub action: String,
    /// How much like the first one a request must be.
    pub scope: RuleScope,
    /// The digest of the request, hexadecimal; for `exact`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The shape of the content: members with the names of JSON types for values; for `shape`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub shape: Value,
    /// What it answers.
    pub answer: RuleAnswer,
    /// Why, in the words of its maker; a denial hands them to whoever asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It is followed.
    pub enabled: bool,
    /// The request it was made from.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_from: Option<EntityId>,
    /// Who made it.
    pub created_by: String,
    /// No request is answered by it from then on.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl ApprovalRule {
    /// The rule that a decision on this request makes.
    #[must_use]
    pub fn like(approval: &WorkflowApproval, scope: RuleScope, answer: RuleAnswer) -> Self {
        let exact = scope == RuleScope::Exact;
        Self {
            workflow: approval.workflow.clone(),
            step: pointer(&approval.step).to_owned(),
            action: approval.action.clone(),
            scope,
            digest: if exact {
                approval.digest.clone()
            } else {
                String::new()
            },
            shape: if exact {
                Value::Null
            } else {
                shape_of(&approval.payload)
            },
            answer,
            enabled: true,
            ..Self::default()
        }
    }

    /// Whether the rule answers this request now.
    #[must_use]
    pub fn covers(&self, approval: &WorkflowApproval, now: Timestamp) -> bool {
        self.enabled
            && self.until.is_none_or(|until| now < until)
            && approval.status == ApprovalStatus::Pending
            && self.fits(approval)
    }

    /// Whether it would answer such a request, decided or not. People who were named, or must be several, are not
    /// spared by a yes.
    #[must_use]
    pub fn fits(&self, approval: &WorkflowApproval) -> bool {
        let named = !approval.deciders.is_open() || approval.deciders.quorum() > 1;
        let same = match self.scope {
            RuleScope::Exact => !self.digest.is_empty() && self.digest == approval.digest,
            RuleScope::Shape => self.shape == shape_of(&approval.payload),
        };
        may_be_ruled(approval)
            && (self.answer == RuleAnswer::Deny || !named)
            && self.workflow == approval.workflow
            && self.step == pointer(&approval.step)
            && self.action == approval.action
            && same
    }
}

/// Whether a rule may ever answer such a request.
#[must_use]
pub fn may_be_ruled(approval: &WorkflowApproval) -> bool {
    approval.risk < Risk::High && approval.unknown_effect.is_none()
}

/// A step without the rounds of the loops around it.
fn pointer(step: &str) -> &str {
    step.rsplit_once('#').map_or(step, |(pointer, _)| pointer)
}

/// The shape of a value: members stay, every scalar becomes the name of its type, an array the shapes of its items,
/// each once.
#[must_use]
pub fn shape_of(value: &Value) -> Value {
    shape_within(value, DEPTH)
}

fn shape_within(value: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return value.clone();
    };
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for item in items {
                let shape = shape_within(item, depth);
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
            shapes.sort_by_cached_key(crate::digest::canonical);
            Value::Array(shapes)
        }
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, item)| (key.clone(), shape_within(item, depth)))
                .collect::<Map<_, _>>(),
        ),
    }
}

impl Entity for ApprovalRule {
    const DEFINITION: Definition = Definition {
        kind: Kind::ApprovalRule,
        about: "a standing answer to the requests of a step",
        plural: "approval-rules",
        aliases: &["rule", "rules"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                workflow: "nightly".into(),
                step: "/do/1/approve".into(),
                action: "write report.md".into(),
                ..Self::default()
            })
        },
        indexes: &[Index {
            field: "workflow",
            unique: false,
        }],
        sensitive: &[],
        relations: &[Relation {
            name: "created_from",
            field: "created_from",
            target: || Kind::WorkflowApproval,
        }],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "answer",
                field: "answer",
            },
            Column {
                title: "scope",
                field: "scope",
            },
            Column {
                title: "action",
                field: "action",
            },
            Column {
                title: "workflow",
                field: "workflow",
            },
            Column {
                title: "enabled",
                field: "enabled",
            },
            Column {
                title: "by",
                field: "created_by",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(action: &str, payload: Value) -> WorkflowApproval {
        WorkflowApproval {
            workflow: "w".into(),
            step: "/do/0/ask#2".into(),
            action: action.into(),
            digest: crate::run::digest_of(action, &payload, None).to_string(),
            payload,
            ..WorkflowApproval::default()
        }
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn exactly_this_is_the_same_action_and_content_of_the_same_step() {
        let first = asked("write a", json!({"text": "x", "n": 1}));
        let rule = ApprovalRule::like(&first, RuleScope::Exact, RuleAnswer::Allow);
        assert!(rule.covers(&first, NOW));
        let mut round = first.clone();
        round.step = "/do/0/ask#3".into();
        assert!(rule.covers(&round, NOW), "another round of the same loop");
        for other in [
            asked("write b", first.payload.clone()),
            asked("write a", json!({"text": "x", "n": 2})),
            WorkflowApproval {
                workflow: "v".into(),
                ..first.clone()
            },
            WorkflowApproval {
                step: "/do/1/ask".into(),
                ..first.clone()
            },
            WorkflowApproval {
                status: ApprovalStatus::Denied,
                ..first.clone()
            },
        ] {
            assert!(!rule.covers(&other, NOW), "{other:?}");
        }
        let mut off = rule;
        off.enabled = false;
        assert!(!off.covers(&first, NOW));
    }

    #[test]
    fn this_shape_is_the_same_members_and_types_whatever_the_values() {
        let first = asked(
            "send",
            json!({"to": ["a@x", "b@x"], "n": 1, "deep": {"ok": true}}),
        );
        let rule = ApprovalRule::like(&first, RuleScope::Shape, RuleAnswer::Allow);
        let same = asked("send", json!({"n": -2.5, "deep": {"ok": false}, "to": ["c@x"]}));
        assert!(rule.covers(&same, NOW));
        for other in [
            json!({"to": ["a@x"], "n": "1", "deep": {"ok": true}}),
            json!({"to": ["a@x"], "n": 1, "deep": {"ok": true}, "bcc": "z@x"}),
            json!({"to": ["a@x", 7], "n": 1, "deep": {"ok": true}}),
            json!({"to": ["a@x"], "n": 1}),
        ] {
            assert!(!rule.covers(&asked("send", other.clone()), NOW), "{other}");
        }
    }

    #[test]
    fn no_rule_answers_a_high_risk_or_an_unknown_effect() {
        let mut first = asked("drop", json!(1));
        let rule = ApprovalRule::like(&first, RuleScope::Exact, RuleAnswer::Deny);
        first.risk = Risk::High;
        assert!(!rule.covers(&first, NOW));
        first.risk = Risk::Low;
        first.unknown_effect = Some(3);
        assert!(!rule.covers(&first, NOW));
    }
}
