//! JSON Schemas in documents (`input.schema`, `output.schema`, `export.schema`).

use std::fmt;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::source::Node;
use serde_json::Value;

use super::reader::Reader;

/// A compiled schema. Patterns run on a linear engine; references outside are refused.
#[derive(Clone)]
pub struct Schema {
    definition: Arc<Value>,
    /// None where it lies elsewhere: then nothing fits it, for nothing was checked.
    validator: Option<Arc<jsonschema::Validator>>,
}

impl Schema {
    /// Reads `{ format, document }`.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let fields = reader.fields(node, path, &["format", "document", "resource"])?;
        if let Some((format, at)) = fields.get("format") {
            let text = reader.text(format, &at)?;
            if text != "json" && !text.starts_with("json:") {
                let message = format!("schemas of format `{text}` are not supported");
                reader
                    .error("unsupported_schema", message, format.span.start, &at)
                    .help = Some("use JSON Schema: `format: json`".to_owned());
                return None;
            }
        }
        if let Some((resource, at)) = fields.get("resource") {
            return Self::elsewhere(reader, resource, &at);
        }
        if !reader.require(&fields, &["document"]) {
            return None;
        }
        let (document, at) = fields.get("document")?;
        let definition = document.to_json();
        let options = jsonschema::options()
            .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(1 << 20));
        match options.build(&definition) {
            Ok(validator) => Some(Self {
                definition: Arc::new(definition),
                validator: Some(Arc::new(validator)),
            }),
            Err(error) => {
                let inner = error.instance_path().to_string();
                let place = document.locate(&inner);
                let outside = matches!(
                    error.kind(),
                    jsonschema::error::ValidationErrorKind::Referencing(_)
                );
                let (code, message) = if outside {
                    (
                        "external_ref",
                        "a schema may only refer to its own parts".to_owned(),
                    )
                } else {
                    ("bad_schema", format!("this is not a JSON Schema: {error}"))
                };
                reader
                    .error(code, shorten(&message), place, &format!("{at}{inner}"))
                    .help = Some("see json-schema.org; references must start with `#`".to_owned());
                None
            }
        }
    }

    /// A schema that lies elsewhere is accepted and fits nothing: values pass unchecked in no version.
    fn elsewhere(reader: &mut Reader, resource: &Node, at: &str) -> Option<Self> {
        let fields = reader.fields(resource, at, &["name", "endpoint"])?;
        if !reader.require(&fields, &["endpoint"]) {
            return None;
        }
        let (endpoint, place) = fields.get("endpoint")?;
        if endpoint.as_str().is_some() {
            web_only(reader, endpoint, &place)?;
        } else {
            let endpoint = reader.fields(endpoint, &place, &["uri", "authentication"])?;
            if !reader.require(&endpoint, &["uri"]) {
                return None;
            }
            let (uri, place) = endpoint.get("uri")?;
            web_only(reader, uri, &place)?;
        }
        let message = "a schema is not loaded from elsewhere: every value will be refused by it";
        reader
            .warning("external_schema", message, resource.span.start, at)
            .help = Some("write the schema under `document:`".to_owned());
        Some(Self {
            definition: Arc::new(resource.to_json()),
            validator: None,
        })
    }

    /// An object with the `default` of each property that it lacks, where there is one; only of the schema's own
    /// properties, not of what they hold.
    #[must_use]
    pub fn fill(&self, value: &Payload) -> Payload {
        let Some(properties) = self.definition["properties"].as_object() else {
            return Arc::clone(value);
        };
        let Some(given) = value.as_object() else {
            return Arc::clone(value);
        };
        let lacking = |(name, _): &(&String, &Value)| !given.contains_key(*name);
        let default =
            |(name, property): (&String, &Value)| Some((name.clone(), property.get("default")?.clone()));
        let more: Vec<(String, Value)> = properties.iter().filter(lacking).filter_map(default).collect();
        if more.is_empty() {
            return Arc::clone(value);
        }
        let mut filled = given.clone();
        filled.extend(more);
        Arc::new(Value::Object(filled))
    }

    /// The first few violations, each with its place.
    ///
    /// # Errors
    /// One line that lists them.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let Some(validator) = &self.validator else {
            return Err("the schema lies elsewhere, and this version does not load it".to_owned());
        };
        if validator.is_valid(value) {
            return Ok(());
        }
        let list: Vec<String> = validator
            .iter_errors(value)
            .take(5)
            .map(|error| {
                let path = error.instance_path().to_string();
                shorten(&format!(
                    "{}: {error}",
                    if path.is_empty() { "value" } else { &path }
                ))
            })
            .collect();
        Err(list.join("; "))
    }

    /// The schema as written.
    #[must_use]
    pub fn definition(&self) -> &Value {
        &self.definition
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push_str(" ...");
    }
    short
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.definition)
    }
}

/// Refuses a schema that is said to lie in a file, or anywhere but on the web.
fn web_only(reader: &mut Reader, uri: &Node, at: &str) -> Option<()> {
    let text = uri.as_str().unwrap_or_default();
    if !text.contains("://") || text.starts_with("https://") || text.starts_with("http://") {
        return Some(());
    }
    reader
        .error(
            "external_ref",
            "a schema does not lie in a file",
            uri.span.start,
            at,
        )
        .help = Some("write the schema under `document:`".to_owned());
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    const TEXT: &str = "input:\n  schema:\n    document:\n      type: object\n      required: [folder, days]\n      \
         properties:\n        folder: { type: string, default: /tmp }\n        days: { type: integer, default: 7 }\n        \
         note: { type: string }\ndo:\n  - a: { set: { in: '${ $workflow.input }' } }\n";

    #[test]
    fn what_an_input_lacks_comes_from_the_schema_and_is_checked_like_the_rest() {
        let mut run = Bench::yaml(TEXT).start(json!({ "days": 1 }));
        assert_eq!(run.output(), json!({ "in": { "days": 1, "folder": "/tmp" } }));
        let mut run = Bench::yaml(TEXT).start(json!({ "days": "many" }));
        assert_eq!(run.error().status, 400);
        let mut run = Bench::yaml(TEXT).start(json!([1]));
        assert_eq!(run.error().status, 400, "only an object is filled");
    }
}
