//! Whether a body has the shape of its kind, in words with a place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::entity::Kind;
use dirigent_protocol::source::{Diagnostic, Place, join_pointer, nearest};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// Most findings of one body.
const MOST: usize = 50;

/// The kinds' validators, built when first needed.
#[derive(Default)]
pub(super) struct Schemas(Mutex<HashMap<Kind, Arc<Validator>>>);

/// JSON Schema of a kind's body, with what the kinds of tools bring along.
pub(super) fn schema_of(kind: Kind) -> Value {
    crate::tools::complete((kind.definition().schema)())
}

impl Schemas {
    fn of(&self, kind: Kind) -> Option<Arc<Validator>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&kind) {
            return Some(Arc::clone(found));
        }
        let built = Arc::new(jsonschema::options().offline().build(&schema_of(kind)).ok()?);
        known.insert(kind, Arc::clone(&built));
        Some(built)
    }

    /// Every finding; `path` of each is a pointer into the body.
    pub(super) fn check(&self, kind: Kind, spec: &Value) -> Vec<Diagnostic> {
        let Some(validator) = self.of(kind) else {
            return vec![Diagnostic::error(
                "schema",
                format!("the schema of {kind} cannot be used"),
                Place::default(),
            )];
        };
        let schema = schema_of(kind);
        let mut found: Vec<_> = validator
            .iter_errors(spec)
            .flat_map(|error| explain(&schema, &error))
            .take(MOST)
            .collect();
        if found.is_empty()
            && let Err(error) = (kind.definition().check)(spec)
        {
            found.push(Diagnostic::error(
                "invalid_value",
                error.to_string(),
                Place::default(),
            ));
        }
        found
    }
}

fn place(path: &str) -> Place {
    Place {
        line: 0,
        column: 0,
        path: path.to_owned(),
    }
}

fn explain(schema: &Value, error: &ValidationError<'_>) -> Vec<Diagnostic> {
    let path = error.instance_path().as_str();
    let field = path.rsplit('/').next().unwrap_or_default();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| {
                let known = || {
                    schema["properties"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(k, _)| k.as_str())
                };
                let at = place(&join_pointer(path, name));
                let found =
                    Diagnostic::error("unknown_field", format!("there is no field `{name}` here"), at);
                match nearest(name, known()) {
                    Some(near) => found.help(format!("write `{near}`")),
                    None if path.is_empty() => {
                        found.help(format!("known are: {}", known().collect::<Vec<_>>().join(", ")))
                    }
                    None => found.help("remove it"),
                }
            })
            .collect(),
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let message = format!("the field `{name}` is missing");
            vec![Diagnostic::error("missing_field", message, place(path)).help(format!("add `{name}:`"))]
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(several) => several
                    .iter()
                    .map(|one| one.to_string())
                    .collect::<Vec<_>>()
                    .join(" or "),
            };
            let message = format!("`{field}` must be of type {wanted}");
            vec![Diagnostic::error("wrong_type", message, place(path))]
        }
        ValidationErrorKind::Maximum { .. }
        | ValidationErrorKind::Minimum { .. }
        | ValidationErrorKind::ExclusiveMaximum { .. }
        | ValidationErrorKind::ExclusiveMinimum { .. } => {
            vec![Diagnostic::error("out_of_range", error.to_string(), place(path))]
        }
        // A field that may be absent: what it is where it is there tells more than that it is not nothing.
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            inside(schema, path, context)
                .unwrap_or_else(|| vec![Diagnostic::error("invalid_value", error.to_string(), place(path))])
        }
        _ => vec![Diagnostic::error("invalid_value", error.to_string(), place(path))],
    }
}

/// What keeps a value from being the one thing it may be beside nothing; none where it may be several.
fn inside(schema: &Value, path: &str, context: &[Vec<ValidationError<'static>>]) -> Option<Vec<Diagnostic>> {
    let other_type = |errors: &&Vec<ValidationError<'static>>| {
        let of_whole = |error: &ValidationError<'_>| {
            matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().as_str() == path
        };
        !errors.iter().any(of_whole)
    };
    let mut left = context.iter().filter(other_type);
    let (one, more) = (left.next()?, left.next());
    let found = one.iter().flat_map(|error| explain(schema, error)).collect();
    more.is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_sample_fits_and_every_mistake_is_named_at_once() {
        let schemas = Schemas::default();
        for kind in Kind::ALL {
            assert_eq!(schemas.check(*kind, &(kind.definition().sample)()), [], "{kind}");
        }
        let found = schemas.check(Kind::Agent, &json!({"promt": "x", "model": 7, "temperature": 3}));
        let mut codes: Vec<_> = found
            .iter()
            .map(|d| format!("{} {}", d.code, d.at.path))
            .collect();
        codes.sort();
        assert_eq!(
            codes,
            [
                "missing_field ",
                "out_of_range /temperature",
                "unknown_field /promt",
                "wrong_type /model"
            ]
        );
        // What may be absent is named at its field as well.
        for (spec, expected) in [
            (json!({"limits": {"turns": 0}}), "out_of_range /limits/turns"),
            (json!({"limits": {"turn": 1}}), "unknown_field /limits/turn"),
            (json!({"budget": {"usd": "much"}}), "wrong_type /budget/usd"),
            (
                json!({"retry": {"limit": {"attempt": {"count": 5000}}}}),
                "out_of_range /retry/limit/attempt/count",
            ),
            (
                json!({"foreign": {"kind": "acp", "comand": ["x"]}}),
                "unknown_field /foreign/comand",
            ),
        ] {
            let mut spec = spec;
            spec["prompt"] = "x".into();
            let found = schemas.check(Kind::Agent, &spec);
            let places: Vec<_> = found
                .iter()
                .map(|d| format!("{} {}", d.code, d.at.path))
                .collect();
            assert!(places.iter().any(|place| place == expected), "{spec}: {found:?}");
        }
        let unknown = found.iter().find(|d| d.code == "unknown_field").unwrap();
        assert_eq!(unknown.help.as_deref(), Some("write `prompt`"));
    }
}
