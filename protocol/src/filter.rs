//! The `where` of a list: a small expression over a document's fields.
//!
//! `status == "running" and (labels.env == "prod" or usage.calls > 10) and not name ~ "test"`.
//! Invariant: a filter is data; evaluating it ends after one visit of each of its nodes.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity::Document;

mod parse;

pub use parse::ParseFilterError;

/// Deepest nesting of a filter.
pub const MAX_DEPTH: usize = 16;

/// A condition on a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A field against a value.
    Is {
        /// Dotted name, see [`Document::field`].
        field: String,
        /// How to compare.
        op: Op,
        /// With what.
        value: Value,
    },
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `~`: contains, letters' case ignored.
    Contains,
    /// `in`: equals one of a list.
    In,
}

impl Filter {
    /// A field that equals a value.
    #[must_use]
    pub fn eq(field: &str, value: impl Into<Value>) -> Self {
        Self::Is {
            field: field.to_owned(),
            op: Op::Eq,
            value: value.into(),
        }
    }

    /// Whether the document fits.
    #[must_use]
    pub fn matches(&self, document: &Document) -> bool {
        self.holds(&|name| document.field(name))
    }

    /// Whether it holds of something whose fields `field` reads.
    #[must_use]
    pub fn holds(&self, field: &dyn Fn(&str) -> Option<Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.holds(field)),
            Self::Or(any) => any.iter().any(|filter| filter.holds(field)),
            Self::Not(filter) => !filter.holds(field),
            Self::Is {
                field: name,
                op,
                value,
            } => compare(&field(name).unwrap_or(Value::Null), *op, value),
        }
    }
}

fn compare(found: &Value, op: Op, wanted: &Value) -> bool {
    let order = || order(found, wanted);
    match op {
        Op::Eq => found == wanted || order() == Some(Ordering::Equal),
        Op::Ne => found != wanted && order() != Some(Ordering::Equal),
        Op::Lt => order() == Some(Ordering::Less),
        Op::Le => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
        Op::Gt => order() == Some(Ordering::Greater),
        Op::Ge => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
        Op::Contains => match (found, wanted) {
            (Value::String(found), Value::String(wanted)) => {
                found.to_lowercase().contains(&wanted.to_lowercase())
            }
            (Value::Array(items), wanted) => items.contains(wanted),
            _ => false,
        },
        Op::In => wanted.as_array().is_some_and(|items| items.contains(found)),
    }
}

/// Numbers by size, texts by code points; anything else has no order.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
