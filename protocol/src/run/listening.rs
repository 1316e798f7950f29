//! What a run that listens for events says of itself: which events may concern it, and how it reads them.
//!
//! Invariant: a [`EventPattern`] never leaves out an event that its filter would take; it may let others through, which
//! the run's own decision then refuses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an event stands on the bus: the commit that brought it, and its place in that commit. Events are handed out
/// in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct BusPosition {
    /// Position of the commit.
    pub commit: u64,
    /// Place within it, from 0.
    pub index: u32,
}

/// How a listener sees events (the specification's `read`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadAs {
    /// The event's data.
    #[default]
    Data,
    /// The event with its context attributes.
    Envelope,
    /// The event's data as it was sent: text, base64 where it is binary.
    Raw,
}

impl ReadAs {
    /// What a listener sees of an event.
    #[must_use]
    pub fn of(self, event: &Value) -> Value {
        let data = event.get("data");
        let binary = event.get("data_base64");
        match self {
            Self::Envelope => event.clone(),
            Self::Data => data.or(binary).cloned().unwrap_or(Value::Null),
            Self::Raw => match (data, binary) {
                (Some(Value::String(text)), _) | (None, Some(Value::String(text))) => {
                    Value::String(text.clone())
                }
                (Some(other), _) | (None, Some(other)) => Value::String(other.to_string()),
                (None, None) => Value::Null,
            },
        }
    }
}

/// Which events may concern a filter: what is known of them without running an expression.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventPattern {
    /// Their `type`, where it is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
    pub kind: Option<String>,
    /// Members of the event, by path, that must have these values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<(Vec<String>, Value)>,
}

impl EventPattern {
    /// Whether an event may concern the filter.
    #[must_use]
    pub fn admits(&self, event: &Value) -> bool {
        let kind = self
            .kind
            .as_ref()
            .is_none_or(|kind| event.get("type").and_then(Value::as_str) == Some(kind));
        kind && self
            .equal
            .iter()
            .all(|(path, wanted)| member(event, path) == Some(wanted))
    }
}

/// The member of an event at a path.
#[must_use]
pub fn member<'v>(event: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(event, |at, name| at.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_looks_at_type_and_members() {
        let pattern = EventPattern {
            kind: Some("order.paid".into()),
            equal: vec![(vec!["data".into(), "order".into()], json!(7))],
        };
        assert!(pattern.admits(&json!({"type": "order.paid", "data": {"order": 7}})));
        assert!(!pattern.admits(&json!({"type": "order.paid", "data": {"order": 8}})));
        assert!(!pattern.admits(&json!({"type": "order.sent", "data": {"order": 7}})));
        assert!(!pattern.admits(&json!({"type": "order.paid"})));
        assert!(EventPattern::default().admits(&json!({"type": "anything"})));
    }

    #[test]
    fn an_event_is_read_in_three_ways() {
        let event = json!({"id": "1", "type": "t", "data": {"a": 1}});
        assert_eq!(ReadAs::Data.of(&event), json!({"a": 1}));
        assert_eq!(ReadAs::Envelope.of(&event), event);
        assert_eq!(ReadAs::Raw.of(&event), json!("{\"a\":1}"));
        assert_eq!(
            ReadAs::Raw.of(&json!({"id": "1", "data_base64": "AAEC"})),
            json!("AAEC")
        );
        assert_eq!(ReadAs::Data.of(&json!({"id": "1"})), json!(null));
    }
}
