//! What a template says of itself.

use dirigent_config::templates::{TEMPLATES, Template};
use dirigent_protocol::source::{self, Node};
use serde_json::{Value, json};

/// A template, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// Its title.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// What a real key or server changes.
    pub live: String,
    /// What can be filled in.
    pub parameters: Vec<Parameter>,
    /// An input to try it with.
    pub sample: Value,
    /// The agents that come with it.
    pub agents: Vec<String>,
    /// It begins by itself.
    pub scheduled: bool,
    /// The whole file.
    pub text: &'static str,
}

/// What can be filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// JSON Schema's word for what it is; empty where anything goes.
    pub kind: String,
    /// What stands there now; none where the input has to bring it.
    pub value: Option<Value>,
    /// Where it stands: the value, or the property that has no default yet.
    pub(super) at: String,
}

/// All templates, in the order they are shown.
#[must_use]
pub fn shapes() -> Vec<Shape> {
    TEMPLATES.iter().filter_map(read).collect()
}

/// The template of that name.
#[must_use]
pub fn find(name: &str) -> Option<Shape> {
    TEMPLATES
        .iter()
        .find(|template| template.name == name)
        .and_then(read)
}

impl Shape {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let parameter = |one: &Parameter| {
            json!({ "name": one.name, "about": one.about, "type": one.kind, "value": one.value,
                    "required": one.value.is_none() })
        };
        json!({
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "live": self.live,
            "scheduled": self.scheduled,
            "agents": self.agents,
            "parameters": self.parameters.iter().map(parameter).collect::<Vec<_>>(),
            "sample": self.sample,
        })
    }
}

fn read(template: &Template) -> Option<Shape> {
    let parsed = source::parse(template.text.as_bytes());
    let node = parsed.documents.first()?;
    let head = node.get("document")?;
    let text = |node: &Node, name: &str| {
        node.get(name)
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let metadata = head.get("metadata")?;
    let agents = parsed.documents.iter().skip(1).map(|node| {
        let metadata = node.get("metadata");
        metadata
            .map(|metadata| text(metadata, "name"))
            .unwrap_or_default()
    });
    let sample = metadata.get("dirigent").and_then(|ours| ours.get("sample"));
    Some(Shape {
        name: template.name,
        title: text(head, "title"),
        summary: text(head, "summary"),
        live: text(metadata, "live"),
        parameters: parameters(node, metadata),
        sample: sample.map_or_else(|| json!({}), Node::to_json),
        agents: agents.filter(|name| !name.is_empty()).collect(),
        scheduled: node.get("schedule").is_some(),
        text: template.text,
    })
}

/// The properties of the input, then the places that `metadata.parameters` names.
fn parameters(node: &Node, metadata: &Node) -> Vec<Parameter> {
    const PROPERTIES: &str = "/input/schema/document/properties";
    let properties = at(node, PROPERTIES).and_then(Node::as_mapping);
    let inputs = properties.into_iter().flatten().map(|property| {
        let body = property.value.to_json();
        let here = source::join_pointer(PROPERTIES, &property.key);
        let value = body.get("default").cloned();
        Parameter {
            name: property.key.clone(),
            about: body["description"].as_str().unwrap_or_default().to_owned(),
            kind: body["type"].as_str().unwrap_or_default().to_owned(),
            at: if value.is_some() {
                format!("{here}/default")
            } else {
                here
            },
            value,
        }
    });
    let places = metadata.get("parameters").and_then(Node::as_mapping);
    let places = places.into_iter().flatten().filter_map(|place| {
        let body = place.value.to_json();
        let here = body["at"].as_str()?.to_owned();
        Some(Parameter {
            name: place.key.clone(),
            about: body["description"].as_str().unwrap_or_default().to_owned(),
            kind: "string".to_owned(),
            value: Some(at(node, &here)?.to_json()),
            at: here,
        })
    });
    inputs.chain(places).collect()
}

/// The node at a JSON pointer.
pub(super) fn at<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    let tokens = pointer.split('/').skip(1);
    tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .try_fold(node, |node, token| {
            node.get(&token)
                .or_else(|| node.as_sequence()?.get(token.parse::<usize>().ok()?))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_shown() {
        let all = shapes();
        assert_eq!(all.len(), TEMPLATES.len());
        for shape in &all {
            assert!(
                !shape.title.is_empty() && !shape.summary.is_empty() && !shape.live.is_empty(),
                "{shape:?}"
            );
            assert!(
                shape.parameters.iter().all(|one| !one.about.is_empty()),
                "{}: {:?}",
                shape.name,
                shape.parameters
            );
            assert!(
                shape.sample.as_object().is_some_and(|sample| !sample.is_empty()),
                "{}",
                shape.name
            );
            // The sample brings what has no default.
            let missing = shape.parameters.iter().filter(|one| one.value.is_none());
            for one in missing {
                let optional = one.name == "points" || shape.sample.get(&one.name).is_some();
                assert!(optional, "{}: the sample lacks {}", shape.name, one.name);
            }
        }
    }

    #[test]
    fn places_of_the_text_are_parameters_too() {
        let shape = find("invoice-check").unwrap();
        let first = shape.parameters.iter().find(|one| one.name == "first").unwrap();
        assert_eq!(first.value, Some(json!("accounting")));
        assert!(find("nothing-of-the-kind").is_none());
    }
}
