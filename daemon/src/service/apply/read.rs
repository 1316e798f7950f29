//! From text to definitions, and everything that is wrong with them.

use std::collections::{BTreeMap, HashMap};

use dirigent_protocol::entity::{Kind, Writer};
use dirigent_protocol::source::{
    self, Diagnostic, Node, Place, Position, Value as Parsed, join_pointer, nearest,
};
use serde_json::Value;

use super::super::change::check_labels;
use super::super::definitions::{self, workflow};
use super::super::name;
use super::super::schema::Schemas;
use super::text;

/// Fields of `metadata` that a printed document has and a file need not.
const PRINTED: [&str; 9] = [
    "id",
    "org",
    "team",
    "owner",
    "visibility",
    "shared_with",
    "revision",
    "created_at",
    "updated_at",
];

/// A definition of a file.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) spec: Value,
    /// Where it stands.
    pub(super) at: Position,
    /// Agents it calls, and where.
    pub(super) agents: Vec<(String, Place)>,
}

/// Definitions of a file and findings in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) items: Vec<Item>,
    pub(super) found: Vec<Diagnostic>,
}

/// Every error and warning of a file that can be told without a daemon.
#[must_use]
pub fn check_file(text: &[u8]) -> Vec<Diagnostic> {
    read(&Schemas::default(), text).found
}

/// Reads a file.
pub(super) fn read(schemas: &Schemas, bytes: &[u8]) -> Reading {
    let parsed = source::parse(bytes);
    let file = String::from_utf8_lossy(bytes);
    let mut reading = Reading {
        items: Vec::new(),
        found: parsed.diagnostics,
    };
    let documents = parsed.documents.len();
    for node in &parsed.documents {
        let item = if node.get("document").is_some() || node.get("do").is_some() {
            read_workflow(node, &text::of(&file, node, documents), &mut reading.found)
        } else {
            read_entity(schemas, node, &mut reading.found)
        };
        reading.items.extend(item);
    }
    refuse_twins(&mut reading);
    reading
        .found
        .sort_by_key(|found| (found.at.line, found.at.column));
    reading
}

fn read_workflow(node: &Node, text: &str, found: &mut Vec<Diagnostic>) -> Option<Item> {
    let (read, more) = workflow::read(node, text);
    found.extend(more);
    let read = read?;
    let at = node.locate("/document/name");
    if let Err(wrong) = name::check(&read.name, Place::new(at, "/document/name")) {
        found.push(wrong);
    }
    let agents = read.agents.into_iter().map(|agent| {
        (
            agent.clone(),
            locate_agent(node, "", &agent).unwrap_or(Place::new(at, "")),
        )
    });
    Some(Item {
        kind: Kind::Workflow,
        agents: agents.collect(),
        labels: None,
        spec: serde_json::to_value(read.spec).unwrap_or_default(),
        name: read.name,
        at,
    })
}

/// Where an agent is named, below a pointer: as a text, or by the name of what may be used.
fn locate_agent(node: &Node, pointer: &str, agent: &str) -> Option<Place> {
    match &node.value {
        Parsed::Mapping(entries) => entries.iter().find_map(|entry| {
            let here = join_pointer(pointer, &entry.key);
            let name = entry.value.as_str().or_else(|| entry.value.get("name")?.as_str());
            if entry.key == "agent" && name == Some(agent) {
                Some(Place::new(entry.value.span.start, here))
            } else {
                locate_agent(&entry.value, &here, agent)
            }
        }),
        Parsed::Sequence(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| locate_agent(item, &format!("{pointer}/{at}"), agent))
        }
        _ => None,
    }
}

fn read_entity(schemas: &Schemas, node: &Node, found: &mut Vec<Diagnostic>) -> Option<Item> {
    let start = node.span.start;
    let Some(kind_node) = node.get("kind") else {
        found.push(
            Diagnostic::error(
                "unknown_document",
                "this is neither a workflow (`document:`) nor another definition (`kind:`)",
                Place::new(start, ""),
            )
            .help("begin with `document:` and `do:`, or with `kind: Agent`, `metadata:` and `spec:`"),
        );
        return None;
    };
    for entry in node.as_mapping().into_iter().flatten() {
        if !["kind", "metadata", "spec"].contains(&entry.key.as_str()) {
            found.push(unknown_field(
                &entry.key,
                entry.key_span.start,
                "",
                &["kind", "metadata", "spec"],
            ));
        }
    }
    let kind = read_kind(kind_node, found);
    let (name, labels) = read_metadata(node, found);
    let Some(spec_node) = node.get("spec") else {
        let message = "the field `spec` is missing";
        found.push(Diagnostic::error("missing_field", message, Place::new(start, "")).help("add `spec:`"));
        return None;
    };
    let (kind, name) = (kind?, name?);
    let mut spec = spec_node.to_json();
    let mut agents = Vec::new();
    let mut more = schemas.check(kind, &spec);
    if more.is_empty()
        && let Some(definition) = definitions::of(kind)
    {
        more = definition.complete(&name, &mut spec);
        let called = definition.agents(&name, &spec).into_iter();
        agents.extend(called.map(|agent| {
            let place = locate_agent(spec_node, "/spec", &agent);
            (agent, place.unwrap_or(Place::new(start, "")))
        }));
    }
    for finding in &mut more {
        // A finding inside an embedded text keeps the place it has there; others get theirs in the file.
        if finding.at.line == 0 {
            let position = spec_node.locate(&finding.at.path);
            finding.at = Place::new(position, format!("/spec{}", finding.at.path));
        }
    }
    found.extend(more);
    Some(Item {
        kind,
        name,
        labels,
        spec,
        at: start,
        agents,
    })
}

fn read_kind(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Kind> {
    let text = node.as_str().unwrap_or_default();
    let at = Place::new(node.span.start, "/kind");
    let written: Vec<&str> = Kind::ALL
        .iter()
        .filter(|kind| kind.definition().writer == Writer::People)
        .map(|kind| kind.as_str())
        .collect();
    match Kind::parse(text) {
        Some(kind) if kind.definition().writer == Writer::People => return Some(kind),
        Some(kind) => found.push(
            Diagnostic::error(
                "daemon_kind",
                format!("documents of the kind {kind} are written by the daemon alone"),
                at,
            )
            .help(format!("kinds you can apply: {}", written.join(", "))),
        ),
        None => {
            let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
            let help = nearest(text, written.iter().copied()).map_or_else(
                || format!("kinds you can apply: {}", written.join(", ")),
                |near| format!("write `{near}`"),
            );
            found.push(
                Diagnostic::error("unknown_kind", format!("there is no kind `{shown}`"), at).help(help),
            );
        }
    }
    None
}

type Named = (Option<String>, Option<BTreeMap<String, String>>);

fn read_metadata(node: &Node, found: &mut Vec<Diagnostic>) -> Named {
    let Some(metadata) = node.get("metadata") else {
        let at = Place::new(node.span.start, "");
        found.push(
            Diagnostic::error("missing_field", "the field `metadata` is missing", at)
                .help("add `metadata: {name: ...}`"),
        );
        return (None, None);
    };
    let (mut name, mut labels) = (None, None);
    for entry in metadata.as_mapping().into_iter().flatten() {
        let at = Place::new(entry.value.span.start, format!("/metadata/{}", entry.key));
        match entry.key.as_str() {
            "name" => {
                // `name: 7` is a name, written without quotes.
                let text = match &entry.value.value {
                    Parsed::Number { text, .. } => text.clone(),
                    _ => entry.value.as_str().unwrap_or_default().to_owned(),
                };
                found.extend(name::check(&text, at).err());
                name = Some(text);
            }
            "labels" => labels = Some(read_labels(&entry.value, &at, found)),
            printed if PRINTED.contains(&printed) => {}
            other => {
                let known = ["name", "labels"];
                found.push(unknown_field(other, entry.key_span.start, "/metadata", &known));
            }
        }
    }
    if name.is_none() {
        let at = Place::new(node.locate("/metadata"), "/metadata");
        found.push(
            Diagnostic::error("missing_field", "the field `name` is missing", at).help("add `name: ...`"),
        );
    }
    (name, labels)
}

fn read_labels(node: &Node, at: &Place, found: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    if node.as_mapping().is_none() && !matches!(node.value, Parsed::Null) {
        let message = format!("`labels` must be a mapping of texts, not {}", node.kind());
        found.push(Diagnostic::error("wrong_type", message, at.clone()));
    }
    for entry in node.as_mapping().into_iter().flatten() {
        match &entry.value.value {
            Parsed::String { text, .. } | Parsed::Number { text, .. } => {
                labels.insert(entry.key.clone(), text.clone());
            }
            Parsed::Bool(truth) => {
                labels.insert(entry.key.clone(), truth.to_string());
            }
            _ => {
                let message = format!(
                    "the label `{}` must be text, not {}",
                    entry.key,
                    entry.value.kind()
                );
                let at = Place::new(entry.value.span.start, format!("/metadata/labels/{}", entry.key));
                found.push(Diagnostic::error("wrong_type", message, at));
            }
        }
    }
    for mut wrong in check_labels(&labels) {
        wrong.at = at.clone();
        found.push(wrong);
    }
    labels
}

fn unknown_field(name: &str, at: Position, path: &str, known: &[&str]) -> Diagnostic {
    let place = Place::new(at, source::join_pointer(path, name));
    let help = nearest(name, known.iter().copied()).map_or_else(
        || format!("known are: {}", known.join(", ")),
        |near| format!("write `{near}`"),
    );
    Diagnostic::error("unknown_field", format!("there is no field `{name}` here"), place).help(help)
}

fn refuse_twins(reading: &mut Reading) {
    let mut seen: HashMap<(Kind, String), Position> = HashMap::new();
    for item in &reading.items {
        // What is run by its name shares one set of names.
        let runs = definitions::of(item.kind).is_some_and(definitions::Definition::runs);
        let kind = if runs { Kind::Workflow } else { item.kind };
        let twin = seen.insert((kind, item.name.to_lowercase()), item.at);
        if let Some(first) = twin {
            let message = format!(
                "the {} `{}` stands in line {} already",
                item.kind, item.name, first.line
            );
            reading.found.push(
                Diagnostic::error("duplicate_definition", message, Place::new(item.at, ""))
                    .help("rename or remove one of them; names that differ in case alone are the same"),
            );
        }
    }
}
