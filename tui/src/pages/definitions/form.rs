//! The form of a definition: which of its values stand in rows, what each is for and how it is asked.
//!
//! A form is one declaration in [`FORMS`]; the rows stand in the outline beside the tasks of workflows and are moved
//! over, drawn, undone and checked as those are. Invariant: a row shows what the text says, and a row is set by an edit
//! of the text.

use dirigent_protocol::source::{Node, Position, Span, Value};

use super::field::{Ask, Field};
use super::named;
use super::outline::{Task, indent, line, own_lines};
use crate::text::compact;

/// A part of a form.
#[derive(Debug)]
enum Part {
    /// A value beside its kind.
    Meta(Field),
    One(Field),
    /// Values under one name.
    Group(&'static str, &'static str, &'static [Field]),
    /// A list of which each item has these values.
    List(&'static str, &'static [Field]),
}

/// The forms, by the kind of their documents.
const FORMS: &[(&str, &[Part])] = &[("Orchestration", ORCHESTRATION)];

/// Names of who works, of which a member has one.
pub(super) const WHO: [&str; 3] = ["agent", "workflow", "capability"];
/// The list that is added to.
pub(super) const MEMBERS: &str = "members";

/// What stands where nothing does.
static NOTHING: Node = Node {
    value: Value::Null,
    span: Span {
        start: Position { line: 0, column: 0 },
        end: Position { line: 0, column: 0 },
    },
};

const fn field(name: &'static str, ask: Ask, about: &'static str) -> Field {
    Field { name, ask, about }
}

const MEMBER: &[Field] = &[
    field("who", Ask::Who, "an agent, a workflow or a capability"),
    field("name", Ask::Words, "its name here"),
    field("role", Ask::Words, "what it is good for, told to the lead"),
    field(
        "input",
        Ask::Value,
        "mapping: what it is given, over $context.matter and .previous",
    ),
    field("when", Ask::Words, "an expression: whether it works at all"),
    field("on", Ask::Words, "the type of the events it works on"),
];

const RULES: &[(&str, &str)] = &[
    ("plurality", "the most votes; a tie wins nothing"),
    ("majority", "more than half of all voters"),
    ("unanimous", "all voters"),
    ("{ at_least: 1 }", "one vote"),
    ("{ at_least: 2 }", "two votes"),
    ("{ at_least: 3 }", "three votes"),
];

const ORCHESTRATION: &[Part] = &[
    Part::Meta(field("name", Ask::Words, "what it is run by")),
    Part::One(field("description", Ask::Words, "what it is for")),
    Part::One(field("strategy", Ask::Strategy, "how the members work together")),
    Part::List(MEMBERS, MEMBER),
    Part::Group("lead", "supervisor, judge, or who joins", MEMBER),
    Part::Group(
        "vote",
        "how votes are counted",
        &[
            field("choices", Ask::Names, "what may be chosen, with commas"),
            field(
                "choice",
                Ask::Words,
                "an expression: where a voter's choice stands",
            ),
            field("rule", Ask::OneOf(RULES), "what wins; majority without one"),
            field("otherwise", Ask::Words, "what is decided where nothing wins"),
        ],
    ),
    Part::Group(
        "limits",
        "how far it goes",
        &[
            field("rounds", Ask::Number, "most rounds, or events"),
            field("depth", Ask::Number, "most handoffs, one after the other"),
            field("visits", Ask::Number, "how often one may have the matter"),
            field("timeout", Ask::Words, "how long a run may take, as PT1H"),
            field("until", Ask::Words, "the type of the event that ends it"),
        ],
    ),
    Part::Group(
        "budget",
        "the most a run may take",
        &[
            field("usd", Ask::Number, "US dollars"),
            field("tokens", Ask::Number, "tokens, read and written"),
            field("calls", Ask::Number, "calls of models"),
        ],
    ),
    Part::One(field("output", Ask::Value, "what it gives, over what came last")),
    Part::One(field("prepare", Ask::Text, "tasks that come first")),
    Part::One(field("finish", Ask::Text, "tasks that come last")),
    Part::One(field("input_schema", Ask::Text, "what its input looks like")),
];

/// The rows of a document that has a form; empty of any other.
pub(super) fn rows(root: &Node, lines: &[&str]) -> Vec<Task> {
    let kind = root.get("kind").and_then(Node::as_str).unwrap_or_default();
    let form = FORMS.iter().find(|(of, _)| *of == kind);
    let (Some((_, parts)), Some(spec)) = (form, root.get("spec")) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for part in *parts {
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
                push_fields(&format!("/spec/{name}"), fields, node, 1, &mut out);
            }
            Part::List(name, fields) => {
                let node = spec.get(name);
                let items = node.and_then(Node::as_sequence).unwrap_or_default();
                out.push(Task {
                    said: true,
                    ..head("/spec", name, items.len().to_string())
                });
                let owned = node.and_then(|node| own_lines(items, node, lines));
                for (at, item) in items.iter().enumerate() {
                    out.push(member(
                        &format!("/spec/{name}"),
                        at,
                        item,
                        owned.as_deref(),
                        lines,
                    ));
                    push_fields(&format!("/spec/{name}/{at}"), fields, Some(item), 2, &mut out);
                }
            }
        }
    }
    out
}

fn push_fields(list: &str, fields: &'static [Field], node: Option<&Node>, depth: usize, out: &mut Vec<Task>) {
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
    Task {
        field: Some(field),
        depth,
        said: said.is_some(),
        ..head(list, field.name, said.unwrap_or_else(|| field.about.to_owned()))
    }
}

fn member(list: &str, at: usize, item: &Node, owned: Option<&[(usize, usize)]>, lines: &[&str]) -> Task {
    let who = who(item);
    let called = item.get("name").and_then(Node::as_str);
    let dash_line = line(item.span.start.line);
    Task {
        pointer: format!("{list}/{at}"),
        name: called.or(who.map(|(_, name)| name)).unwrap_or("?").to_owned(),
        kind: who.map_or_else(|| "nobody".to_owned(), |(kind, name)| format!("{kind} {name}")),
        list: list.to_owned(),
        at,
        depth: 1,
        lines: owned.and_then(|owned| owned.get(at).copied()),
        dash_line,
        indent: lines.get(dash_line).map_or(0, |text| indent(text)),
        item: true,
        said: true,
        ..Task::default()
    }
}

/// Who works: what kind of name, and the name.
pub(super) fn who(member: &Node) -> Option<(&'static str, &str)> {
    let mut kinds = WHO.into_iter();
    kinds.find_map(|kind| Some((kind, member.get(kind)?.as_str()?)))
}

/// What the text says of a field, in one line.
fn value(node: Option<&Node>, field: &Field) -> Option<String> {
    if field.ask == Ask::Who {
        let (kind, name) = who(node?)?;
        return Some(format!("{kind} {name}"));
    }
    let found = named::at(node?, &[field.name])?;
    Some(match &found.value {
        Value::Null => return None,
        Value::String { text, .. } => text.trim_end().to_owned(),
        Value::Sequence(items) if items.iter().all(|item| item.as_str().is_some()) => {
            let names: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
            names.join(", ")
        }
        _ => compact(&found.to_json()),
    })
}
