//! Says what about a value does not fit a JSON Schema that a definition declares.
//!
//! Nothing is fetched: a schema that points outside itself is refused.

use serde_json::Value;

/// Most findings of one check that are told.
const MAX_FINDINGS: usize = 5;

/// What does not fit, each with its JSON Pointer; nothing where all of it fits.
///
/// # Errors
/// The schema itself is not valid, in words.
pub(crate) fn misfit(schema: &Value, value: &Value) -> Result<Option<String>, String> {
    let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
    let findings: Vec<String> = validator
        .iter_errors(value)
        .take(MAX_FINDINGS)
        .map(|error| {
            let place = error.instance_path().to_string();
            format!("{}: {error}", if place.is_empty() { "/" } else { &place })
        })
        .collect();
    Ok((!findings.is_empty()).then(|| findings.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn findings_have_their_place_and_a_limit() {
        let schema = json!({ "type": "array", "items": { "type": "string" } });
        assert_eq!(misfit(&schema, &json!(["a"])), Ok(None));
        let found = misfit(&schema, &json!([1, 2, 3, 4, 5, 6, 7])).unwrap().unwrap();
        assert!(found.starts_with("/0: "), "{found}");
        assert_eq!(found.split("; ").count(), MAX_FINDINGS, "{found}");
    }

    #[test]
    fn a_schema_that_points_outside_is_refused() {
        let remote = json!({ "$ref": "http://169.254.169.254/schema" });
        assert!(misfit(&remote, &json!(1)).is_err());
    }
}
