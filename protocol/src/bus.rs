//! The bus of events: CloudEvents that were published, emitted by runs, or follow from what runs do.
//!
//! Invariant: an event of the bus is immutable; what a run's own journal says is derived from it and never stored again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Payload;
use crate::id::RunId;

/// The `type` of every lifecycle event begins so.
pub const LIFECYCLE: &str = "io.serverlessworkflow.";

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusEvent {
    /// The event with its context attributes (CloudEvents 1.0, JSON).
    pub event: Payload,
    /// When it came on the bus.
    pub at: Timestamp,
    /// The run that emitted it, or that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Who published it; empty for runs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// Which events to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsQuery {
    /// Only this `type`; a `*` at its end stands for any rest.
    pub kind: Option<String>,
    /// Only this `source`; a `*` at its end stands for any rest.
    pub source: Option<String>,
    /// Events of this run: those it emitted, and its lifecycle.
    pub run: Option<RunId>,
    /// Most items.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl EventsQuery {
    /// Whether an event is asked for.
    #[must_use]
    pub fn wants(&self, event: &serde_json::Value) -> bool {
        let text = |name: &str| {
            event
                .get(name)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
        };
        let fits = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| fits(wanted, text(name)))
        };
        fits(&self.kind, "type") && fits(&self.source, "source")
    }
}

/// Whether a text is the wanted one; a `*` at its end stands for any rest.
#[must_use]
pub fn fits(wanted: &str, text: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_names_types_and_beginnings() {
        let query = EventsQuery {
            kind: Some("order.*".into()),
            ..EventsQuery::default()
        };
        assert!(query.wants(&json!({"type": "order.paid"})));
        assert!(!query.wants(&json!({"type": "orders"})));
        assert!(EventsQuery::default().wants(&json!({})));
    }
}
