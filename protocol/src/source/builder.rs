//! Turns parser events into nodes without recursion, and collects what is wrong on the way.

use std::collections::HashMap;
use std::ops::ControlFlow;

use granit_parser::{Event, Marker, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, Place};
use super::node::{Entry, Mapping, Node, Position, Span, Value, join_pointer};
use super::parse::{MAX_ALIASES, MAX_DEPTH, MAX_NODES, too_deep};
use super::scalar::{self, Scalar};

#[derive(Default)]
pub(super) struct Builder {
    pub(super) documents: Vec<Node>,
    pub(super) diagnostics: Vec<Diagnostic>,
    open: Vec<Open>,
    anchors: HashMap<usize, Option<(Node, usize)>>,
    aliases: usize,
    nodes: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    start: Position,
    anchor: usize,
    size: usize,
    path: String,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        lines: HashMap<String, Position>,
        key: Option<(String, Span)>,
    },
}

type Flow = ControlFlow<()>;

impl Builder {
    pub(super) fn event(&mut self, event: &Event<'_>, span: granit_parser::Span) -> Flow {
        let span = Span {
            start: position(&span.start),
            end: position(&span.end),
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, *style, tag.as_deref(), span);
                self.add(node, *anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["seq"], span);
                self.start(span, *anchor, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["map"], span);
                let content = Content::Mapping {
                    entries: Vec::new(),
                    lines: HashMap::new(),
                    key: None,
                };
                self.start(span, *anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(*id, span),
            Event::DocumentEnd => {
                self.anchors.clear();
                Flow::Continue(())
            }
            _ => Flow::Continue(()),
        }
    }

    fn start(&mut self, span: Span, anchor: usize, content: Content) -> Flow {
        let path = self.path();
        if self.open.len() >= MAX_DEPTH {
            self.diagnostics.push(too_deep(Place::new(span.start, path)));
            return Flow::Break(());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open {
            start: span.start,
            anchor,
            size: 1,
            path,
            content,
        });
        Flow::Continue(())
    }

    fn end(&mut self, span: Span) -> Flow {
        let Some(open) = self.open.pop() else {
            return Flow::Continue(());
        };
        let value = match open.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { entries, .. } => Value::Mapping(Mapping(entries)),
        };
        let node = Node {
            value,
            span: Span {
                start: open.start,
                end: span.end,
            },
        };
        self.add(node, open.anchor, open.size)
    }

    fn alias(&mut self, id: usize, span: Span) -> Flow {
        self.aliases += 1;
        let place = Place::new(span.start, self.path());
        if self.aliases > MAX_ALIASES {
            self.diagnostics.push(
                Diagnostic::error(
                    "too_many_aliases",
                    format!("more than {MAX_ALIASES} aliases"),
                    place,
                )
                .help("write the values out, or use named functions under `use`"),
            );
            return Flow::Break(());
        }
        match self.anchors.get(&id) {
            Some(Some((node, size))) => {
                let (mut node, size) = (node.clone(), *size);
                node.span = span;
                self.add(node, 0, size)
            }
            _ => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "alias_cycle",
                        "this alias stands inside the value it names",
                        place,
                    )
                    .help("a value cannot contain itself"),
                );
                Flow::Break(())
            }
        }
    }

    /// Puts a finished node where it belongs. `size` counts its values, aliases expanded.
    fn add(&mut self, node: Node, anchor: usize, size: usize) -> Flow {
        if anchor > 0 {
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        self.nodes += if self.open.is_empty() { 0 } else { 1 };
        let place = Place::new(node.span.start, self.path());
        let Some(open) = self.open.last_mut() else {
            if !matches!(node.value, Value::Null) {
                self.documents.push(node);
            }
            return Flow::Continue(());
        };
        open.size += size;
        if open.size > MAX_NODES || self.nodes > MAX_NODES {
            self.diagnostics.push(
                Diagnostic::error("too_large", format!("more than {MAX_NODES} values"), place)
                    .help("move large data out of the document"),
            );
            return Flow::Break(());
        }
        let Content::Mapping { entries, lines, key } = &mut open.content else {
            if let Content::Sequence(items) = &mut open.content {
                items.push(node);
            }
            return Flow::Continue(());
        };
        if let Some((key, key_span)) = key.take() {
            if key == "<<" {
                return Flow::Continue(());
            }
            match lines.get(&key) {
                None => {
                    lines.insert(key.clone(), key_span.start);
                    entries.push(Entry {
                        key,
                        key_span,
                        value: node,
                    });
                }
                Some(first) => {
                    let message = format!("`{key}` occurs twice: first in line {}", first.line);
                    let place = Place::new(key_span.start, join_pointer(&open.path, &key));
                    self.diagnostics
                        .push(Diagnostic::error("duplicate_key", message, place).help("keep one of the two"));
                }
            }
        } else {
            let (name, finding) = key_text(&node, &open.path);
            self.diagnostics.extend(finding);
            *key = Some((name, node.span));
        }
        Flow::Continue(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let string = |plain| Value::String {
            text: text.to_owned(),
            plain: plain && span.start.line == span.end.line,
        };
        if text.contains('\0') {
            let place = Place::new(span.start, self.path());
            self.diagnostics.push(
                Diagnostic::error("bad_character", "the text contains a NUL character", place)
                    .help("remove it"),
            );
        }
        if tag.is_some() {
            self.refuse_tag(tag, &["str", "int", "float", "bool", "null"], span);
        }
        let forced = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
        if style != ScalarStyle::Plain || forced {
            return Node {
                value: string(style == ScalarStyle::Plain),
                span,
            };
        }
        let value = match scalar::resolve(text) {
            Scalar::Value(value @ Value::String { .. }) => {
                drop(value);
                string(true)
            }
            Scalar::Value(value) => value,
            Scalar::Ambiguous(value, why) => {
                if !self.expects_key() {
                    let place = Place::new(span.start, self.path());
                    let message = format!("`{text}` is kept as text; it is read as {why}");
                    self.diagnostics.push(
                        Diagnostic::warning("ambiguous_scalar", message, place)
                            .help(format!("write \"{text}\" if text is meant")),
                    );
                }
                value
            }
            Scalar::NumberRange(why) => {
                let place = Place::new(span.start, self.path());
                let message = format!("`{text}` cannot be kept exactly as a number");
                self.diagnostics
                    .push(Diagnostic::error("number_range", message, place).help(why));
                string(true)
            }
        };
        Node { value, span }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, known: &[&str], span: Span) {
        let Some(tag) = tag else { return };
        if tag.core_suffix().is_some_and(|suffix| known.contains(&suffix)) || tag.original() == "!" {
            return;
        }
        let place = Place::new(span.start, self.path());
        let message = format!("the tag `{}` has no meaning here", tag.original());
        self.diagnostics
            .push(Diagnostic::error("tag_unsupported", message, place).help("remove the tag"));
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Mapping { key: None, .. },
                ..
            })
        )
    }

    /// The pointer of the value that comes next.
    fn path(&self) -> String {
        let Some(open) = self.open.last() else {
            return String::new();
        };
        match &open.content {
            Content::Sequence(items) => format!("{}/{}", open.path, items.len()),
            Content::Mapping {
                key: Some((key, _)), ..
            } => join_pointer(&open.path, key),
            Content::Mapping { key: None, .. } => open.path.clone(),
        }
    }
}

/// The text of a key, and what is wrong with it.
fn key_text(node: &Node, path: &str) -> (String, Option<Diagnostic>) {
    let place = Place::new(node.span.start, path);
    let text = match &node.value {
        Value::String { text, .. } | Value::Number { text, .. } => text.clone(),
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Sequence(_) | Value::Mapping(_) => {
            let message = format!("{} cannot be a key", node.kind());
            return (
                String::new(),
                Some(Diagnostic::error("bad_key", message, place).help("use text as key")),
            );
        }
    };
    let finding = (text == "<<").then(|| {
        Diagnostic::error(
            "merge_unsupported",
            "merge keys (`<<`) are not part of YAML 1.2",
            place,
        )
        .help("write the fields out, or use named functions under `use`")
    });
    (text, finding)
}

fn position(marker: &Marker) -> Position {
    Position {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}
