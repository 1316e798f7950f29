//! Structured output: whatever the schema, the answer has its structure; fields are filled from the input.

use serde_json::{Value, json};

use crate::{ask, log, request};

fn answer(schema: &Value, input: &str) -> Value {
    let reply = ask(request("You review incidents.", input, Some(schema.clone())));
    let value: Value = serde_json::from_str(&reply.text()).expect("JSON");
    let validator = jsonschema::validator_for(schema).expect("schema");
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}\n{schema:#}");
    value
}

#[test]
fn fields_are_filled_by_their_names() {
    let schema = json!({"type": "object", "additionalProperties": false,
        "required": ["title", "severity", "errorCount", "warning_count", "needsApproval", "findings", "timeline", "started_at"],
        "properties": {
            "title": {"type": "string", "maxLength": 20},
            "severity": {"enum": ["low", "medium", "high"]},
            "errorCount": {"type": "integer"}, "warning_count": {"type": "integer"},
            "needsApproval": {"type": "boolean"},
            "started_at": {"type": "string", "format": "date-time"},
            "report": {"type": "string", "description": "The whole report in Markdown"},
            "findings": {"type": "array", "description": "errors", "minItems": 1, "maxItems": 2, "items": {"$ref": "#/$defs/finding"}},
            "errors": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
            "timeline": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"finding": {"type": "object", "required": ["what", "count", "evidence", "component"], "properties": {
            "what": {"type": "string"}, "count": {"type": "integer", "minimum": 1},
            "evidence": {"type": "string"}, "component": {"type": ["string", "null"]}, "severity": {"type": "string"}}}}});
    let log = log();
    let value = answer(&schema, &log);
    assert_eq!(
        (&value["severity"], &value["errorCount"], &value["warning_count"]),
        (&json!("high"), &json!(4), &json!(2))
    );
    assert_eq!(
        (&value["started_at"], &value["needsApproval"]),
        (&json!("2026-03-01T10:00:00Z"), &json!(true))
    );
    let first = &value["errors"][0];
    assert_eq!(
        (&first["count"], &first["severity"], &first["component"]),
        (&json!(3), &json!("error"), &json!("db"))
    );
    let evidence = first["evidence"].as_str().expect("text");
    assert!(log.lines().any(|line| line == evidence), "{evidence}");
    assert!(
        value["report"].as_str().expect("text").contains("## Errors"),
        "{value:#}"
    );
}

#[test]
fn awkward_schemas_are_satisfied_too() {
    let input = log();
    for schema in [
        json!({"type": "string", "minLength": 5_000, "maxLength": 6_000}),
        json!({"type": "integer", "minimum": 7, "maximum": 9}),
        json!({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}),
        json!({"type": "number", "minimum": 0, "maximum": 1}),
        json!({"type": "integer", "multipleOf": 7, "minimum": 1}),
        json!({"type": "array", "minItems": 30, "uniqueItems": true, "items": {"type": "string"}}),
        json!({"type": "array", "items": {"type": "object", "required": ["x"]}}),
        json!({"type": ["null", "boolean"]}),
        json!({"type": "null"}),
        json!({"const": {"a": [1]}}),
        json!({"enum": [3, 5]}),
        json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}),
        json!({"allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
            {"required": ["b"], "properties": {"b": {"type": "boolean"}}}]}),
        json!({"type": "object", "properties": {"self": {"$ref": "#"}}}),
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "string", "format": "date"}}}),
        json!({"type": "object", "additionalProperties": false}),
        json!(true),
        json!({}),
    ] {
        answer(&schema, &input);
        answer(&schema, "");
    }
}

#[test]
fn a_schema_that_grows_without_end_is_cut_off() {
    // Each level asks for eight more of itself: 8^24 values if nobody stopped.
    let schema = json!({"type": "object", "properties": {"errors": {"type": "array", "items": {"$ref": "#"}},
        "timeline": {"type": "array", "items": {"$ref": "#"}}}});
    let value = answer(&schema, &log());
    assert!(value.to_string().len() < 10_000_000);
}
