//! The order of documents by a field.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

/// A field's value as something with an order: nothing, truth, number, time, text. Lists and mappings count as nothing.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum SortKey {
    /// Absent.
    Nothing,
    /// True or false.
    Truth(bool),
    /// A number.
    Number(f64),
    /// A moment, of fields named `..._at`.
    Time(Timestamp),
    /// A text.
    Text(String),
}

impl SortKey {
    pub(super) fn of(field: &str, value: Option<Value>) -> Self {
        match value {
            Some(Value::Bool(truth)) => Self::Truth(truth),
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Nothing, Self::Number),
            Some(Value::String(text)) => {
                let time = if field.ends_with("_at") {
                    text.parse().ok()
                } else {
                    None
                };
                time.map_or(Self::Text(text), Self::Time)
            }
            _ => Self::Nothing,
        }
    }

    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.partial_cmp(other).unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_sort_by_time_not_by_text() {
        let early = SortKey::of("ended_at", Some(json!("2026-11-22T18:00:00Z")));
        let late = SortKey::of("ended_at", Some(json!("2026-11-22T18:00:00.5Z")));
        assert_eq!(early.order(&late), Ordering::Less);
        assert_eq!(
            SortKey::of("n", Some(json!(2))).order(&SortKey::of("n", Some(json!(10)))),
            Ordering::Less
        );
        assert_eq!(
            SortKey::of("n", None).order(&SortKey::of("n", Some(json!("")))),
            Ordering::Less
        );
    }
}
