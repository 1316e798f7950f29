//! What comes back of a request, without the values of secrets that were in it. Looks none up.
//!
//! Invariant: no value and no mark that the outside made up stands in a text, a field or its name.

use std::sync::Arc;

use dirigent_protocol::chat::Message;
use dirigent_protocol::run::{EffectOutcome, SECRET_CLOSE, SECRET_OPEN};
use serde_json::Value;

/// What a value is replaced by.
const MASK: &str = "***";

/// An outcome without the values, and without marks that the outside made up.
pub(crate) fn masked(mut outcome: EffectOutcome, values: &[String]) -> EffectOutcome {
    match &mut outcome {
        EffectOutcome::Done { output, facts, .. } => {
            if touches(output, values) {
                clean(Arc::make_mut(output), values, Marks::Gone);
            }
            facts
                .values_mut()
                .for_each(|fact| clean(fact, values, Marks::Gone));
        }
        EffectOutcome::Failed { error, .. } => {
            clean_text(&mut error.title, values, Marks::Gone);
            if let Some(detail) = &mut error.detail {
                clean_text(detail, values, Marks::Gone);
            }
            clean(&mut error.data, values, Marks::Gone);
        }
        EffectOutcome::Unknown { reason } => clean_text(reason, values, Marks::Gone),
        EffectOutcome::Turn { turn, .. } => {
            let mut written = serde_json::to_value(&**turn).unwrap_or_default();
            if touches(&written, values) {
                // What is planned has the marks of its grants; those of the model were taken out before it was planned.
                let mut calls = written["calls"].take();
                clean(&mut calls, values, Marks::Kept);
                clean(&mut written, values, Marks::Gone);
                written["calls"] = calls;
                if let Ok(clean) = serde_json::from_value(written) {
                    *turn = Arc::new(clean);
                }
            }
        }
        EffectOutcome::Asks { ask } => {
            let mut written = serde_json::to_value(&**ask).unwrap_or_default();
            if touches(&written, values) {
                clean(&mut written, values, Marks::Gone);
                if let Ok(clean) = serde_json::from_value(written) {
                    *ask = Arc::new(clean);
                }
            }
        }
        EffectOutcome::Cancelled => {}
    }
    outcome
}

/// What a model said, without marks that it made up: none of what it asks for is filled in.
pub(super) fn unmarked(message: Message) -> Message {
    let mut written = serde_json::to_value(&message).unwrap_or_default();
    if !touches(&written, &[]) {
        return message;
    }
    clean(&mut written, &[], Marks::Gone);
    serde_json::from_value(written).unwrap_or(message)
}

/// What becomes of marks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Kept,
    Gone,
}

fn dirty(text: &str, values: &[String]) -> bool {
    text.contains([SECRET_OPEN, SECRET_CLOSE]) || values.iter().any(|value| text.contains(value.as_str()))
}

fn touches(value: &Value, values: &[String]) -> bool {
    match value {
        Value::String(text) => dirty(text, values),
        Value::Array(items) => items.iter().any(|item| touches(item, values)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, item)| dirty(name, values) || touches(item, values)),
        Value::Number(number) => !values.is_empty() && dirty(&number.to_string(), values),
        Value::Null | Value::Bool(_) => false,
    }
}

fn clean_text(text: &mut String, values: &[String], marks: Marks) {
    for value in values {
        if text.contains(value.as_str()) {
            *text = text.replace(value.as_str(), MASK);
        }
    }
    if marks == Marks::Gone && text.contains([SECRET_OPEN, SECRET_CLOSE]) {
        *text = text.replace([SECRET_OPEN, SECRET_CLOSE], "");
    }
}

fn clean(value: &mut Value, values: &[String], marks: Marks) {
    match value {
        Value::String(text) => clean_text(text, values, marks),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, values, marks)),
        Value::Object(fields) => {
            let taken = std::mem::take(fields);
            for (mut name, mut item) in taken {
                clean_text(&mut name, values, marks);
                clean(&mut item, values, marks);
                fields.insert(name, item);
            }
        }
        // A number that is a value becomes a text.
        Value::Number(number) => {
            let mut text = number.to_string();
            if dirty(&text, values) {
                clean_text(&mut text, values, marks);
                *value = Value::String(text);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}
