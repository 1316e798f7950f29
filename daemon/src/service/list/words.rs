//! Fields that a filter or an order names: whether the kind has them.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::filter::{Filter, MAX_DEPTH};
use dirigent_protocol::source::nearest;
use serde_json::Value;

use super::super::error::ServiceError;

const METADATA: [&str; 7] = [
    "id",
    "name",
    "owner",
    "revision",
    "created_at",
    "updated_at",
    "kind",
];

/// Refuses a field the kind does not have: a mistyped one would match nothing without a word.
pub(super) fn check_field(kind: Kind, field: &str) -> Result<(), ServiceError> {
    let first = field.split('.').next().unwrap_or_default();
    if METADATA.contains(&field) || (first == "labels" && field.len() > "labels.".len()) {
        return Ok(());
    }
    let schema = (kind.definition().schema)();
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    if known.contains(&first) {
        return Ok(());
    }
    let all = METADATA.iter().copied().chain(known.iter().copied());
    let help = nearest(first, all.clone()).map_or_else(
        || format!("it has: {}, labels.NAME", all.collect::<Vec<_>>().join(", ")),
        |near| format!("write `{near}`"),
    );
    Err(ServiceError::UnknownWord {
        kind,
        what: "field",
        word: field.to_owned(),
        help,
    })
}

/// Checks a filter that came over the wire: its depth and every field.
pub(super) fn check_whole(kind: Kind, filter: &Filter) -> Result<(), ServiceError> {
    if depth(filter) > 2 * MAX_DEPTH {
        return Err(ServiceError::UnknownWord {
            kind,
            what: "filter of that depth",
            word: "where".to_owned(),
            help: format!("nest at most {MAX_DEPTH} levels"),
        });
    }
    check_filter(kind, filter)
}

/// Checks every field of a filter.
fn check_filter(kind: Kind, filter: &Filter) -> Result<(), ServiceError> {
    match filter {
        Filter::And(several) | Filter::Or(several) => {
            several.iter().try_for_each(|filter| check_filter(kind, filter))
        }
        Filter::Not(filter) => check_filter(kind, filter),
        Filter::Is { field, .. } => check_field(kind, field),
    }
}

/// How deep a filter is nested; the wire does not bound it.
fn depth(filter: &Filter) -> usize {
    match filter {
        Filter::And(several) | Filter::Or(several) => 1 + several.iter().map(depth).max().unwrap_or(0),
        Filter::Not(filter) => 1 + depth(filter),
        Filter::Is { .. } => 1,
    }
}

/// Roughly how many bytes a body takes on the wire.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 3,
        Value::Array(items) => 3 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            3 + members
                .iter()
                .map(|(name, value)| name.len() + 3 + weight(value))
                .sum::<usize>()
        }
        _ => 9,
    }
}
