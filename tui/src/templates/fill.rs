//! A template's text with values filled in.

use dirigent_protocol::source::{self, Node, Position, Value as Written};
use serde_json::Value;

use super::shape::{Parameter, Shape, at};

/// Why a value cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The template has no such parameter.
    #[error("there is no parameter `{name}`")]
    Unknown {
        /// What was named.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It is something else.
    #[error("`{name}` is of type {kind}, and `{value}` is not")]
    Kind {
        /// The parameter.
        name: String,
        /// What it takes.
        kind: String,
        /// What was given.
        value: String,
    },
    /// No workflow can be called so.
    #[error("a workflow cannot be called `{0}`")]
    Name(String),
}

/// Longest name of a workflow.
const LONGEST: usize = 63;

/// The text of a template with other values, and under another name where one is given.
///
/// # Errors
/// A value does not fit its parameter.
pub fn fill(shape: &Shape, values: &[(String, String)], name: Option<&str>) -> Result<String, Wrong> {
    let mut text = shape.text.to_owned();
    for (key, value) in values {
        let parameter = shape
            .parameters
            .iter()
            .find(|one| one.name == *key)
            .ok_or_else(|| Wrong::Unknown {
                name: key.clone(),
                known: shape.parameters.iter().map(|one| one.name.clone()).collect(),
            })?;
        let value = typed(parameter, value)?;
        // Read anew each time: what was filled in before may have moved the rest.
        text = put(&text, &parameter.at, parameter.value.is_none(), &value);
    }
    if let Some(name) = name {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let sound = name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-');
        if !sound || name.is_empty() || name.len() > LONGEST {
            return Err(Wrong::Name(name.to_owned()));
        }
        text = put(&text, "/document/name", false, &Value::from(name));
    }
    Ok(text)
}

/// What was typed as what the parameter takes.
fn typed(parameter: &Parameter, text: &str) -> Result<Value, Wrong> {
    let wrong = || Wrong::Kind {
        name: parameter.name.clone(),
        kind: parameter.kind.clone(),
        value: text.to_owned(),
    };
    if parameter.kind == "string" {
        return Ok(Value::from(text));
    }
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(_) if parameter.kind.is_empty() => return Ok(Value::from(text)),
        Err(_) => return Err(wrong()),
    };
    let fits = match parameter.kind.as_str() {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if fits { Ok(value) } else { Err(wrong()) }
}

/// Replaces the value at a place, or gives the property there a default.
fn put(text: &str, pointer: &str, is_property: bool, value: &Value) -> String {
    let parsed = source::parse(text.as_bytes());
    let Some(node) = parsed.documents.first().and_then(|node| at(node, pointer)) else {
        return text.to_owned();
    };
    // JSON is YAML.
    let written = value.to_string();
    if !is_property {
        let (from, to) = (offset(text, node.span.start), offset(text, node.span.end));
        return format!("{}{written}{}", &text[..from], &text[to..]);
    }
    let first = first_entry(node);
    let from = offset(text, first.unwrap_or(node.span.start));
    let flow = text[offset(text, node.span.start)..].starts_with('{');
    let behind = if flow {
        ", ".to_owned()
    } else {
        let line = text[..from].rfind('\n').map_or(0, |at| at + 1);
        format!("\n{}", " ".repeat(from - line))
    };
    format!("{}default: {written}{behind}{}", &text[..from], &text[from..])
}

fn first_entry(node: &Node) -> Option<Position> {
    match &node.value {
        Written::Mapping(entries) => entries.iter().next().map(|entry| entry.key_span.start),
        _ => None,
    }
}

/// Bytes before a place.
fn offset(text: &str, at: Position) -> usize {
    let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(0);
    let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let own = text[before..].chars().take(column).map(char::len_utf8);
    before + own.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::shape::{find, shapes};
    use super::*;

    fn filled(template: &str, values: &[(&str, &str)], name: Option<&str>) -> Result<String, Wrong> {
        let values: Vec<_> = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        fill(&find(template).unwrap(), &values, name)
    }

    fn value(text: &str, pointer: &str) -> Value {
        let parsed = source::parse(text.as_bytes());
        assert!(!parsed.has_errors(), "{text}");
        at(&parsed.documents[0], pointer).unwrap().to_json()
    }

    #[test]
    fn values_are_filled_in_and_nothing_else_moves() {
        let values = [
            ("folder", "/home/ada/Mail: new"),
            ("hours", "48"),
            ("when", "0 6 * * *"),
        ];
        let text = filled("mail-digest", &values, Some("ada-digest")).unwrap();
        let properties = "/input/schema/document/properties";
        assert_eq!(
            value(&text, &format!("{properties}/folder/default")),
            "/home/ada/Mail: new"
        );
        assert_eq!(value(&text, &format!("{properties}/hours/default")), 48);
        assert_eq!(value(&text, "/schedule/cron"), "0 6 * * *");
        assert_eq!(value(&text, "/document/name"), "ada-digest");
        let before: Vec<&str> = find("mail-digest").unwrap().text.lines().collect();
        let changed = text.lines().zip(&before).filter(|(new, old)| new != *old).count();
        assert_eq!((changed, text.lines().count()), (4, before.len()));
    }

    #[test]
    fn what_has_no_default_gets_one_in_both_ways_of_writing() {
        let text = filled("release-checklist", &[("version", "2.0.0")], None).unwrap();
        assert_eq!(
            value(&text, "/input/schema/document/properties/version/default"),
            "2.0.0"
        );
        let invoice = r#"{"number":"B-1","lines":[{"quantity":1,"price":2}],"total":2}"#;
        let text = filled("invoice-check", &[("invoice", invoice), ("limit", "1")], None).unwrap();
        assert_eq!(
            value(&text, "/input/schema/document/properties/invoice/default/total"),
            2
        );
        assert_eq!(
            value(&text, "/input/schema/document/properties/invoice/type"),
            "object"
        );
    }

    #[test]
    fn every_parameter_of_every_template_can_be_filled_in() {
        for shape in shapes() {
            for one in &shape.parameters {
                let given = match one.kind.as_str() {
                    "integer" | "number" => json!(3),
                    "array" => json!(["x"]),
                    "object" => json!({ "x": 1 }),
                    "boolean" => json!(false),
                    _ => json!("x y"),
                };
                let typed = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
                let text = fill(&shape, &[(one.name.clone(), typed)], None).unwrap();
                let pointer = if one.value.is_some() {
                    one.at.clone()
                } else {
                    format!("{}/default", one.at)
                };
                assert_eq!(value(&text, &pointer), given, "{} {}", shape.name, one.name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        assert!(matches!(
            filled("mail-digest", &[("hour", "1")], None),
            Err(Wrong::Unknown { .. })
        ));
        assert!(matches!(
            filled("mail-digest", &[("hours", "many")], None),
            Err(Wrong::Kind { .. })
        ));
        assert!(matches!(
            filled("mail-digest", &[], Some("Ada's")),
            Err(Wrong::Name(_))
        ));
    }
}
