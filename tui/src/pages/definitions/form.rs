//! The form of a definition: which of its values stand in rows, what each is for and how it is asked.
//!
//! A form is one declaration in a file of its own and a row of [`FORMS`]; the rows stand in the outline beside the tasks
//! of workflows and are moved over, drawn, undone and checked as those are. Invariant: a row shows what the text says,
//! and a row is set by an edit of the text.

use dirigent_protocol::source::{self, Node, Position, Span, Value};

use super::field::{Ask, Field, field};
use super::form_agent::AGENT;
use super::form_orchestration::{ORCHESTRATION, who};
use super::form_rule::RULE;
use super::items::{Check, Items, Part};
use super::named;
use super::outline::{Task, indent, line, own_lines};
use super::prose;
use crate::text::compact;

/// The forms, by the kind of their documents.
const FORMS: &[(&str, &[Part])] = &[
    ("Agent", AGENT),
    ("Orchestration", ORCHESTRATION),
    ("OrchestrationRule", RULE),
];

/// Stands between a list of names and one of them, in the pointer of its row.
pub(super) const CHECK: char = '#';
/// The list that is checked.
pub(super) const ALLOW: &str = "allow";

static CHECKED: Field = field(ALLOW, Ask::Check, "whether it is granted");

/// What stands where nothing does.
static NOTHING: Node = Node {
    value: Value::Null,
    span: Span {
        start: Position { line: 0, column: 0 },
        end: Position { line: 0, column: 0 },
    },
};

fn form_of(root: &Node) -> Option<&'static [Part]> {
    let kind = root.get("kind").and_then(Node::as_str).unwrap_or_default();
    let mut all = FORMS.iter();
    all.find(|(of, _)| *of == kind).map(|(_, parts)| *parts)
}

/// The list of a text's form that is added to.
pub(super) fn items_of(text: &str) -> Option<&'static dyn Items> {
    let parsed = source::parse(text.as_bytes());
    form_of(parsed.documents.first()?)?
        .iter()
        .find_map(|part| match part {
            Part::List(items) => Some(*items),
            _ => None,
        })
}

/// The rows of a document that has a form; empty of any other.
pub(super) fn rows(root: &Node, lines: &[&str]) -> Vec<Task> {
    let (Some(parts), Some(spec)) = (form_of(root), root.get("spec")) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Meta(field) => {
                let meta = root.get("metadata").unwrap_or(&NOTHING);
                out.push(row("/metadata", field, meta, 0));
            }
            Part::One(field) => out.push(row("/spec", field, spec, 0)),
            Part::Group(name, about, fields) => {
                let node = spec.get(name);
                let set = fields.iter().filter(|field| value(node, field).is_some());
                let set: Vec<&str> = set.map(|field| field.name).collect();
                let words = if set.is_empty() {
                    (*about).to_owned()
                } else {
                    set.join(", ")
                };
                out.push(Task {
                    said: !set.is_empty(),
                    ..head("/spec", name, words)
                });
                push_fields(&format!("/spec/{name}"), *fields, node, 1, &mut out);
            }
            Part::List(items) => push_items(*items, spec, lines, &mut out),
        }
    }
    out
}

fn push_items(of: &dyn Items, spec: &Node, lines: &[&str], out: &mut Vec<Task>) {
    let node = spec.get(of.name());
    let items = node.and_then(Node::as_sequence).unwrap_or_default();
    let words = match items.len() {
        0 => of.about().to_owned(),
        many => many.to_string(),
    };
    out.push(Task {
        said: !items.is_empty(),
        ..head("/spec", of.name(), words)
    });
    let list = format!("/spec/{}", of.name());
    let owned = node.and_then(|node| own_lines(items, node, lines));
    for (at, item) in items.iter().enumerate() {
        let dash_line = line(item.span.start.line);
        let (name, words) = of.head(item);
        let pointer = format!("{list}/{at}");
        out.push(Task {
            pointer: pointer.clone(),
            at,
            depth: 1,
            lines: owned.as_ref().and_then(|owned| owned.get(at).copied()),
            dash_line,
            indent: lines.get(dash_line).map_or(0, |text| indent(text)),
            item: true,
            said: true,
            ..head(&list, &name, words)
        });
        push_fields(&pointer, of.values(item), Some(item), 2, out);
        out.extend(of.checks(item).into_iter().map(|check| checked(&pointer, check)));
        push_fields(&pointer, of.common(), Some(item), 2, out);
    }
}

fn push_fields(
    list: &str,
    fields: impl IntoIterator<Item = &'static Field>,
    node: Option<&Node>,
    depth: usize,
    out: &mut Vec<Task>,
) {
    for field in fields {
        let mut row = row(list, field, node.unwrap_or(&NOTHING), depth);
        row.folded = true;
        out.push(row);
    }
}

fn head(list: &str, name: &str, kind: String) -> Task {
    Task {
        pointer: format!("{list}/{name}"),
        name: name.to_owned(),
        kind,
        list: list.to_owned(),
        ..Task::default()
    }
}

fn row(list: &str, field: &'static Field, node: &Node, depth: usize) -> Task {
    let said = value(Some(node), field);
    let name = field.name.rsplit('/').next().unwrap_or(field.name);
    Task {
        pointer: format!("{list}/{}", field.name),
        field: Some(field),
        depth,
        said: said.is_some(),
        ..head(list, name, said.unwrap_or_else(|| field.about.to_owned()))
    }
}

/// A name that an item may list.
fn checked(item: &str, check: Check) -> Task {
    Task {
        pointer: format!("{item}/{ALLOW}{CHECK}{}", check.name),
        field: Some(&CHECKED),
        depth: 2,
        folded: true,
        said: true,
        ..head(
            item,
            &check.name,
            format!("{} {}", check.state.sign(), check.about),
        )
    }
}

/// What the text says of a field, in one line.
fn value(node: Option<&Node>, field: &Field) -> Option<String> {
    if field.ask == Ask::Who {
        let (kind, name) = who(node?)?;
        return Some(format!("{kind} {name}"));
    }
    let steps: Vec<&str> = field.name.split('/').collect();
    let found = named::at(node?, &steps)?;
    Some(match &found.value {
        Value::Null => return None,
        Value::String { text, .. } if field.ask == Ask::Prose => prose::in_one_line(text)?,
        Value::String { text, .. } if text.trim().is_empty() => return None,
        Value::String { text, .. } => text.trim_end().to_owned(),
        Value::Sequence(items) if items.iter().all(|item| item.as_str().is_some()) => {
            let names: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
            names.join(", ")
        }
        _ => compact(&found.to_json()),
    })
}
