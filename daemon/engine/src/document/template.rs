//! Values with expressions inside: `{ id: "${ .user.id }", tries: 3 }`.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::source::{Node, Value as Located, join_pointer};
use serde_json::Value;

use super::reader::Reader;
use crate::expression::{Answers, EvalError, Expression, Scope, strip};

/// A value that may have expressions inside.
#[derive(Debug, Clone)]
pub enum Template {
    /// Known now.
    Literal(Payload),
    /// One expression.
    Expression(Expression),
    /// One expression of a document in loose mode; the text itself where it fails.
    Loose(Expression, Payload),
    /// A list.
    List(Arc<[Template]>),
    /// Named values.
    Object(Arc<[(String, Template)]>),
}

impl Template {
    /// Reads a value; text is an expression only in `${ }`.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        match &node.value {
            Located::String { text, .. } => match strip(text) {
                Some((start, inside)) => reader.compile(inside, start, node, path).map(Self::Expression),
                None if reader.loose => Some(match Expression::compile(text) {
                    Ok(expression) => Self::Loose(expression, Arc::new(node.to_json())),
                    Err(_) => Self::Literal(Arc::new(node.to_json())),
                }),
                None => {
                    unclosed(reader, text, node, path);
                    Some(Self::Literal(Arc::new(node.to_json())))
                }
            },
            Located::Sequence(items) => {
                let read: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| Self::read(reader, item, &format!("{path}/{i}")))
                    .collect();
                let items: Vec<Self> = read.into_iter().collect::<Option<_>>()?;
                Some(Self::List(items.into()).folded())
            }
            Located::Mapping(entries) => {
                let read: Vec<_> = entries
                    .iter()
                    .map(|entry| {
                        let value = Self::read(reader, &entry.value, &join_pointer(path, &entry.key));
                        value.map(|value| (entry.key.clone(), value))
                    })
                    .collect();
                let entries: Vec<(String, Self)> = read.into_iter().collect::<Option<_>>()?;
                Some(Self::Object(entries.into()).folded())
            }
            _ => Some(Self::Literal(Arc::new(node.to_json()))),
        }
    }

    /// Reads a value whose text is an expression with or without `${ }`.
    pub fn read_bare(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        if node.as_str().is_some() {
            return reader.expression(node, path).map(Self::Expression);
        }
        Self::read(reader, node, path)
    }

    /// A list or object without expressions is a literal.
    fn folded(self) -> Self {
        match &self {
            Self::List(items) => {
                let values: Option<Vec<Value>> = items.iter().map(Self::literal).collect();
                values.map_or(self, |values| Self::Literal(Arc::new(Value::Array(values))))
            }
            Self::Object(entries) => {
                let values: Option<serde_json::Map<String, Value>> = entries
                    .iter()
                    .map(|(key, value)| value.literal().map(|v| (key.clone(), v)))
                    .collect();
                values.map_or(self, |values| Self::Literal(Arc::new(Value::Object(values))))
            }
            _ => self,
        }
    }

    /// Its value, if that is known now.
    #[must_use]
    pub fn literal(&self) -> Option<Value> {
        match self {
            Self::Literal(value) => Some((**value).clone()),
            _ => None,
        }
    }

    /// Its value in a scope.
    ///
    /// # Errors
    /// An expression failed, or the worker must run it first.
    pub fn evaluate(&self, scope: &dyn Scope, answers: &Answers) -> Result<Payload, EvalError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(scope, answers),
            Self::Loose(expression, text) => match expression.evaluate(scope, answers) {
                Err(EvalError::Failed(_)) => Ok(text.clone()),
                other => other,
            },
            Self::List(items) => {
                let values: Vec<Value> = items
                    .iter()
                    .map(|item| item.evaluate(scope, answers).map(unshare))
                    .collect::<Result<_, _>>()?;
                Ok(Arc::new(Value::Array(values)))
            }
            Self::Object(entries) => {
                let values: serde_json::Map<String, Value> = entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), unshare(item.evaluate(scope, answers)?))))
                    .collect::<Result<_, EvalError>>()?;
                Ok(Arc::new(Value::Object(values)))
            }
        }
    }
}

/// The value itself, copied only where others hold it too.
pub(crate) fn unshare(value: Payload) -> Value {
    Arc::try_unwrap(value).unwrap_or_else(|shared| (*shared).clone())
}

/// An expression that was begun and never ended: kept as text it would be a silent surprise. A shell's `${HOME}/bin`
/// is closed, and stays text.
fn unclosed(reader: &mut Reader, text: &str, node: &Node, path: &str) {
    if text.trim_start().starts_with("${") && !text.contains('}') {
        let message = "this expression is not closed";
        reader
            .error("unclosed_expression", message, node.span.start, path)
            .help = Some("end it with `}`".to_owned());
    }
}
