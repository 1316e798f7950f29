//! JSON to jq's values and back, with a limit on what comes back.

use bytes_limit::Budget;
use jaq_json::{Map, Num, Val};
use serde_json::{Number, Value};

/// Largest result of an expression, bytes of JSON text, roughly counted.
pub(super) const MAX_OUTPUT: usize = 8 * 1024 * 1024;
/// Deepest result.
const MAX_DEPTH: usize = 128;

mod bytes_limit {
    /// Counts down.
    pub(super) struct Budget(pub(super) usize);

    impl Budget {
        pub(super) fn take(&mut self, bytes: usize) -> Result<(), String> {
            match self.0.checked_sub(bytes) {
                Some(rest) => {
                    self.0 = rest;
                    Ok(())
                }
                None => Err(format!("the result is larger than {} bytes", super::MAX_OUTPUT)),
            }
        }
    }
}

pub(super) fn to_jaq(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => Val::Num(number_to_jaq(number)),
        Value::String(text) => Val::utf8_str(text.clone()),
        Value::Array(items) => items.iter().map(to_jaq).collect(),
        Value::Object(members) => Val::obj(
            members
                .iter()
                .map(|(key, value)| (Val::utf8_str(key.clone()), to_jaq(value)))
                .collect::<Map>(),
        ),
    }
}

fn number_to_jaq(number: &Number) -> Num {
    if let Some(value) = number.as_i64() {
        Num::from_integral(value)
    } else if let Some(value) = number.as_u64() {
        Num::from_integral(value)
    } else {
        Num::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// Back to JSON; an error says what cannot be kept.
pub(super) fn from_jaq(value: &Val) -> Result<Value, String> {
    convert(value, &mut Budget(MAX_OUTPUT), 0)
}

fn convert(value: &Val, budget: &mut Budget, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("the result is nested deeper than {MAX_DEPTH} levels"));
    }
    budget.take(8)?;
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Num(number) => number_from_jaq(number)?,
        Val::BStr(bytes) | Val::TStr(bytes) => {
            budget.take(bytes.len())?;
            Value::String(String::from_utf8_lossy(bytes).into_owned())
        }
        Val::Arr(items) => Value::Array(
            items
                .iter()
                .map(|item| convert(item, budget, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Val::Obj(members) => {
            let mut map = serde_json::Map::new();
            for (key, item) in members.iter() {
                let Val::TStr(name) = key else {
                    return Err(format!("object key {key} is not a string"));
                };
                budget.take(name.len())?;
                let name = String::from_utf8_lossy(name).into_owned();
                map.insert(name, convert(item, budget, depth + 1)?);
            }
            Value::Object(map)
        }
    })
}

fn number_from_jaq(number: &Num) -> Result<Value, String> {
    let float = match number {
        Num::Int(value) => return Ok(Value::Number(Number::from(*value))),
        Num::BigInt(value) => {
            return match u64::try_from(value.as_ref()) {
                Ok(value) => Ok(Value::Number(Number::from(value))),
                Err(_) => Err("a whole number beyond 64 bits cannot be kept; make it text".to_owned()),
            };
        }
        Num::Float(value) => *value,
        Num::Dec(text) => text.parse().unwrap_or(f64::NAN),
    };
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| "the result is not a finite number".to_owned())
}
