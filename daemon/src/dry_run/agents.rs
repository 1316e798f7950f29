//! What agents answer with, by their names: the schema of their output.

use std::collections::BTreeMap;

use dirigent_protocol::source::Node;
use serde_json::{Value, json};

/// How deep a schema is followed.
const DEEPEST: usize = 8;

/// Output schemas of agents, by name; null where an agent answers with text.
#[derive(Debug, Clone, Default)]
pub struct AgentShapes(BTreeMap<String, Value>);

impl AgentShapes {
    /// Agents that are published.
    #[must_use]
    pub fn of(agents: impl IntoIterator<Item = (String, Option<Value>)>) -> Self {
        let shape = |(name, schema): (String, Option<Value>)| (name, schema.unwrap_or_default());
        Self(agents.into_iter().map(shape).collect())
    }

    /// Takes up agents that stand in the same file; they go before those that are published.
    pub(super) fn read(&mut self, documents: &[Node]) {
        for document in documents {
            let document = document.to_json();
            let name = document["metadata"]["name"].as_str();
            if let (Some("Agent"), Some(name)) = (document["kind"].as_str(), name) {
                self.0
                    .insert(name.to_owned(), document["spec"]["output_schema"].clone());
            }
        }
    }

    /// An answer of that agent: something its schema lets through, or a text that says what it is.
    pub(super) fn answer(&self, agent: &str) -> Value {
        match self.0.get(agent) {
            Some(schema) if schema.is_object() => fitting(schema, DEEPEST),
            _ => Value::String(format!("(a sample of what {agent} answers)")),
        }
    }
}

/// A value that the usual words of a schema let through.
fn fitting(schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    for fixed in ["const", "default"] {
        if let Some(value) = schema.get(fixed) {
            return value.clone();
        }
    }
    for list in ["enum", "examples"] {
        if let Some(value) = schema[list].get(0) {
            return value.clone();
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("array") => {
            let many = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 10);
            Value::Array((0..many).map(|_| fitting(&schema["items"], depth - 1)).collect())
        }
        Some("string") => Value::from("sample"),
        Some("integer" | "number") => {
            let bound = schema.get("minimum").or_else(|| schema.get("maximum"));
            bound.cloned().unwrap_or_else(|| json!(1))
        }
        Some("boolean") => Value::Bool(true),
        Some("null") => Value::Null,
        _ => match schema["properties"].as_object() {
            Some(properties) => properties
                .iter()
                .map(|(name, schema)| (name.clone(), fitting(schema, depth - 1)))
                .collect(),
            None => json!({}),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fits_the_schema_of_its_agent() {
        let schema = json!({ "type": "object", "required": ["level", "why"], "properties": {
            "level": { "enum": ["low", "high"] },
            "why": { "type": "string" },
            "score": { "type": "number", "minimum": 0.5 },
            "tags": { "type": "array", "minItems": 2, "items": { "type": "string" } },
        }});
        let shapes = AgentShapes::of([
            ("triage".to_owned(), Some(schema.clone())),
            ("writer".to_owned(), None),
        ]);
        let answer = shapes.answer("triage");
        assert!(jsonschema::is_valid(&schema, &answer), "{answer}");
        assert!(shapes.answer("writer").is_string() && shapes.answer("nobody").is_string());
        let endless = json!({ "type": "array", "items": { "type": "array" } });
        assert_eq!(fitting(&endless, 3), json!([[{}]]));
    }
}
