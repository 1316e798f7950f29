//! Which rows to walk, and whether they come in the order wanted.

use bytes::Bytes;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::ListQuery;
use serde_json::Value;

use super::super::error::ServiceError;
use super::words::check_field;
use crate::records::{encode_value, key};

/// How a list is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rows to walk.
    pub(super) prefix: Bytes,
    /// The field to order by; none where the rows come in the order wanted.
    pub(super) sort: Option<String>,
    /// From the end.
    pub(super) descending: bool,
}

/// Chooses the rows: those of a value the filter asks for, else those of the field to order by, else all by age.
///
/// `indexed` says which fields documents can be found by.
pub(super) fn plan(
    org: EntityId,
    query: &ListQuery,
    indexed: &dyn Fn(&str) -> bool,
) -> Result<Plan, ServiceError> {
    let (field, descending) = match query.order.as_deref() {
        None | Some("") => ("id", true),
        Some(order) => order
            .strip_prefix('-')
            .map_or((order, false), |field| (field, true)),
    };
    check_field(query.kind, field)?;
    let by_age = matches!(field, "id" | "created_at");
    let value_prefix = query
        .filter
        .as_ref()
        .and_then(|filter| value_prefix(org, query.kind, filter, indexed));
    if let Some(prefix) = value_prefix {
        let sort = (!by_age).then(|| field.to_owned());
        return Ok(Plan {
            prefix,
            sort,
            descending,
        });
    }
    if by_age {
        return Ok(Plan {
            prefix: key::members(org, query.kind),
            sort: None,
            descending,
        });
    }
    // Rows of times sort as texts, which is not quite their order.
    if indexed(field) && !field.ends_with("_at") {
        return Ok(Plan {
            prefix: key::index_field(org, query.kind, field),
            sort: None,
            descending,
        });
    }
    Ok(Plan {
        prefix: key::members(org, query.kind),
        sort: Some(field.to_owned()),
        descending,
    })
}

/// The index rows of a value that every match must have.
fn value_prefix(org: EntityId, kind: Kind, filter: &Filter, indexed: &dyn Fn(&str) -> bool) -> Option<Bytes> {
    match filter {
        Filter::And(all) => all
            .iter()
            .find_map(|filter| value_prefix(org, kind, filter, indexed)),
        Filter::Is {
            field,
            op: Op::Eq,
            value,
        } if indexed(field) && !matches!(value, Value::Null) => {
            Some(key::index_value(org, kind, field, &encode_value(value)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::DEFAULT_ORG;

    fn known(field: &str) -> bool {
        let kind = Kind::WorkflowExecution;
        kind.definition().indexes.iter().any(|index| index.field == field)
    }

    fn of(filter: &str, order: Option<&str>) -> Plan {
        let query = ListQuery {
            filter: (!filter.is_empty()).then(|| filter.parse().unwrap()),
            order: order.map(str::to_owned),
            ..ListQuery::of(Kind::WorkflowExecution)
        };
        plan(DEFAULT_ORG, &query, &known).unwrap()
    }

    #[test]
    fn indexes_are_used_where_they_help() {
        let all = key::members(DEFAULT_ORG, Kind::WorkflowExecution);
        assert_eq!(
            of("", None),
            Plan {
                prefix: all.clone(),
                sort: None,
                descending: true
            }
        );
        let running = of("status == running and version ~ 1", Some("-created_at"));
        assert_eq!((running.sort, running.descending), (None, true));
        assert!(running.prefix.starts_with(b"i"));
        assert_eq!(
            of("status == running", Some("version")).sort.as_deref(),
            Some("version")
        );
        assert_eq!(of("status == a or workflow == b", None).prefix, all);
        assert!(of("", Some("workflow")).prefix.starts_with(b"i"));
        assert_eq!(of("", Some("-ended_at")).sort.as_deref(), Some("ended_at"));
    }

    #[test]
    fn a_mistyped_field_is_refused_with_the_near_one() {
        let query = ListQuery {
            order: Some("statu".into()),
            ..ListQuery::of(Kind::WorkflowExecution)
        };
        let Err(ServiceError::UnknownWord { help, .. }) = plan(DEFAULT_ORG, &query, &known) else {
            unreachable!()
        };
        assert_eq!(help, "write `status`");
    }
}
