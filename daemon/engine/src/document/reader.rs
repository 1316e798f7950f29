//! The reader: findings, names in scope, fields.

use std::collections::BTreeMap;

use dirigent_protocol::run::ReadAs;
use dirigent_protocol::source::{
    Diagnostic, Entry, Mapping, Node, Place, Position, Value, join_pointer, nearest,
};

use super::secrets::{Secrets, mark, paths as secret_paths};
use crate::expression::{Expression, ExpressionError, strip};

/// Variables every expression may read.
pub(crate) const VARIABLES: &[&str] = &[
    "context",
    "input",
    "output",
    "task",
    "workflow",
    "runtime",
    "secrets",
    "authorization",
];

/// Collects findings while the parts of a document are read.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was found so far.
    pub diagnostics: Vec<Diagnostic>,
    scope: Vec<String>,
    /// `evaluate.mode: loose`: texts without `${ }` may be expressions.
    pub loose: bool,
    /// Named parts under `use`, by section and name.
    pub named: BTreeMap<(&'static str, String), (Node, String)>,
    /// Secrets that the document declares and names.
    pub secrets: Secrets,
    /// Functions being expanded, against cycles.
    pub expanding: Vec<String>,
}

/// The fields of a mapping, checked against the names it may have.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The mapping.
    pub node: &'a Node,
    /// Its fields.
    pub entries: &'a Mapping,
    /// Its JSON pointer.
    pub path: &'a str,
}

impl<'a> Fields<'a> {
    /// The field of that name and its pointer; fields that hold nothing count as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&'a Node, String)> {
        let entry = self.entries.get(name)?;
        (!matches!(entry.value.value, Value::Null)).then(|| (&entry.value, join_pointer(self.path, name)))
    }

    /// Whether it is there at all, even with nothing in it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.get(name).is_some()
    }

    /// The entry of that name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.entries.get(name)
    }
}

impl Reader {
    /// Notes an error.
    pub fn error(
        &mut self,
        code: &str,
        message: impl Into<String>,
        at: Position,
        path: &str,
    ) -> &mut Diagnostic {
        self.push(Diagnostic::error(code, message, Place::new(at, path)))
    }

    /// Notes a warning.
    pub fn warning(
        &mut self,
        code: &str,
        message: impl Into<String>,
        at: Position,
        path: &str,
    ) -> &mut Diagnostic {
        self.push(Diagnostic::warning(code, message, Place::new(at, path)))
    }

    fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Notes that a value has the wrong type.
    pub fn expected(&mut self, node: &Node, path: &str, wanted: &str) {
        let field = path.rsplit('/').next().unwrap_or("").to_owned();
        let message = format!("`{field}` must be {wanted}, not {}", node.kind());
        let error = self.error("wrong_type", message, node.span.start, path);
        if wanted == "text" {
            error.help = Some("put the value in quotes".to_owned());
        }
    }

    /// Reads a mapping whose fields may only have the known names.
    pub fn fields<'a>(&mut self, node: &'a Node, path: &'a str, known: &[&str]) -> Option<Fields<'a>> {
        let fields = self.open(node, path)?;
        self.only(&fields, known);
        Some(fields)
    }

    /// Reads a mapping whose fields are checked by the caller.
    pub fn open<'a>(&mut self, node: &'a Node, path: &'a str) -> Option<Fields<'a>> {
        match node.as_mapping() {
            Some(entries) => Some(Fields { node, entries, path }),
            None => {
                self.expected(node, path, "a mapping");
                None
            }
        }
    }

    /// Refuses fields that are not known.
    pub fn only(&mut self, fields: &Fields<'_>, known: &[&str]) {
        for entry in fields.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let help = match nearest(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("possible here: {}", known.join(", ")),
            };
            let message = format!("unknown field `{}`", entry.key);
            let path = join_pointer(fields.path, &entry.key);
            self.error("unknown_field", message, entry.key_span.start, &path)
                .help = Some(help);
        }
    }

    /// Refuses a mapping that lacks required fields; names all of them at once.
    pub fn require(&mut self, fields: &Fields<'_>, names: &[&str]) -> bool {
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| fields.get(name).is_none())
            .collect();
        if missing.is_empty() {
            return true;
        }
        let list = missing
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let message = if missing.len() == 1 {
            format!("{list} is missing")
        } else {
            format!("{list} are missing")
        };
        let help = format!("add {list}");
        let at = fields.node.span.start;
        self.error("missing_field", message, at, fields.path).help = Some(help);
        false
    }

    /// Text.
    pub fn text<'a>(&mut self, node: &'a Node, path: &str) -> Option<&'a str> {
        let text = node.as_str();
        if text.is_none() {
            self.expected(node, path, "text");
        }
        text
    }

    /// A list of texts, each with its place.
    pub fn texts<'a>(&mut self, node: &'a Node, path: &str) -> Option<Vec<(&'a Node, String)>> {
        let Some(items) = node.as_sequence() else {
            self.expected(node, path, "a list of texts");
            return None;
        };
        let placed = items
            .iter()
            .enumerate()
            .map(|(i, item)| (item, format!("{path}/{i}")));
        let all: Vec<_> = placed.collect();
        all.iter()
            .all(|(item, at)| self.text(item, at).is_some())
            .then_some(all)
    }

    /// True or false.
    pub fn boolean(&mut self, node: &Node, path: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.expected(node, path, "true or false");
        None
    }

    /// A whole number from `low` to `high`.
    pub fn integer(&mut self, node: &Node, path: &str, low: i64, high: i64) -> Option<i64> {
        let Value::Number { value, text } = &node.value else {
            self.expected(node, path, "a whole number");
            return None;
        };
        match value.as_i64() {
            Some(number) if (low..=high).contains(&number) => Some(number),
            _ => {
                let message = format!("`{text}` is not a whole number from {low} to {high}");
                self.error("number_range", message, node.span.start, path).help =
                    Some(format!("write a number from {low} to {high}"));
                None
            }
        }
    }

    /// One of several words.
    pub fn word<'w>(&mut self, node: &Node, path: &str, words: &[&'w str]) -> Option<&'w str> {
        let text = self.text(node, path)?;
        if let Some(word) = words.iter().find(|word| **word == text) {
            return Some(word);
        }
        let help = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("possible here: {}", words.join(", ")),
        };
        let message = format!("`{text}` is not possible here");
        self.error("bad_value", message, node.span.start, path).help = Some(help);
        None
    }

    /// `read: data | envelope | raw`.
    pub fn read_as(&mut self, node: &Node, path: &str) -> Option<ReadAs> {
        Some(match self.word(node, path, &["data", "envelope", "raw"])? {
            "data" => ReadAs::Data,
            "envelope" => ReadAs::Envelope,
            _ => ReadAs::Raw,
        })
    }

    /// An expression, with or without `${ }`.
    pub fn expression(&mut self, node: &Node, path: &str) -> Option<Expression> {
        let text = self.text(node, path)?;
        let (start, inside) = strip(text).unwrap_or((0, text));
        self.compile(inside, start, node, path)
    }

    /// Compiles an expression that stands in a text at `start`.
    pub(crate) fn compile(
        &mut self,
        text: &str,
        start: usize,
        node: &Node,
        path: &str,
    ) -> Option<Expression> {
        match Expression::compile(text) {
            Ok(expression) => {
                self.check_variables(&expression, node, path);
                Some(expression)
            }
            Err(error) => {
                self.expression_error(&error, start, node, path);
                None
            }
        }
    }

    fn expression_error(&mut self, error: &ExpressionError, start: usize, node: &Node, path: &str) {
        let (at, place) = inside(node, start + error.offset);
        let message = format!("the jq expression is wrong: {}{place}", error.message);
        let help = error
            .help
            .clone()
            .or_else(|| Some("see the jq manual for its syntax".to_owned()));
        self.error(error.code, message, at, path).help = help;
    }

    fn check_variables(&mut self, expression: &Expression, node: &Node, path: &str) {
        let text = node.as_str().unwrap_or("");
        for name in expression.variables() {
            let (at, _) = inside(node, text.find(&format!("${name}")).unwrap_or(0));
            if name == "secrets" {
                self.note_secrets(text, node, path);
                continue;
            }
            if VARIABLES.contains(&name.as_str()) || self.scope.contains(name) {
                continue;
            }
            let known = VARIABLES
                .iter()
                .copied()
                .chain(self.scope.iter().map(String::as_str));
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `${near}`?"),
                None => format!(
                    "variables here: {}",
                    VARIABLES
                        .iter()
                        .copied()
                        .chain(self.scope.iter().map(String::as_str))
                        .map(|name| format!("${name}"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            };
            let message = format!("there is no variable `${name}` here");
            self.error("undefined_variable", message, at, path).help = Some(help);
        }
    }

    /// Reads `use.secrets`.
    pub(crate) fn declare_secrets(&mut self, node: &Node, path: &str) {
        let Some(names) = node.as_sequence() else {
            return self.expected(node, path, "a list of names");
        };
        for (i, name) in names.iter().enumerate() {
            if let Some(name) = self.text(name, &format!("{path}/{i}")) {
                self.secrets.declared.insert(name.to_owned());
            }
        }
    }

    /// Notes that the task being read uses a whole secret by name, as `use: NAME` of an authentication does.
    pub(crate) fn use_secret(&mut self, node: &Node, path: &str) -> Option<String> {
        let name = self.text(node, path)?.to_owned();
        self.known_secret(&name, node, path).then(|| {
            self.secrets.used = true;
            mark(&[name.as_str()])
        })
    }

    /// Notes what an expression that names `$secrets` wants of them.
    fn note_secrets(&mut self, text: &str, node: &Node, path: &str) {
        self.secrets.used = true;
        for found in secret_paths(text) {
            let Some(name) = found.first().cloned() else {
                continue;
            };
            if self.known_secret(&name, node, path) {
                self.secrets.paths.insert(found);
            }
        }
    }

    fn known_secret(&mut self, name: &str, node: &Node, path: &str) -> bool {
        if self.secrets.declared.contains(name) {
            return true;
        }
        let help = match nearest(name, self.secrets.declared.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add it: use: {{ secrets: [ {name} ] }}"),
        };
        let message = format!("`use.secrets` does not list the secret `{name}`");
        self.error("undeclared_secret", message, node.span.start, path)
            .help = Some(help);
        false
    }

    /// Reads something with more variables in scope.
    pub fn with_variables<T>(&mut self, names: &[&str], read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.scope.len();
        self.scope.extend(names.iter().map(|name| (*name).to_owned()));
        let result = read(self);
        self.scope.truncate(before);
        result
    }

    /// How many variables are in scope beside the standard ones.
    pub(crate) fn scope_len(&self) -> usize {
        self.scope.len()
    }

    /// Adds variables until [`Self::leave`].
    pub(crate) fn enter(&mut self, names: &[&str]) -> usize {
        let before = self.scope_len();
        self.scope.extend(names.iter().map(|name| (*name).to_owned()));
        before
    }

    /// Drops variables added since.
    pub(crate) fn leave(&mut self, before: usize) {
        self.scope.truncate(before);
    }

    /// The name of a variable as `each`, `at` and `as` give it.
    pub fn variable_name(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text(node, path)?;
        let good = text
            .chars()
            .enumerate()
            .all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit()));
        if !good || text.is_empty() {
            let message = format!("`{text}` is not a variable's name");
            self.error("bad_name", message, node.span.start, path).help =
                Some("use letters, digits and `_`, without `$`".to_owned());
            return None;
        }
        Some(text.to_owned())
    }

    /// A part that stands here, or the one of that name under `use`.
    pub fn referenced(&mut self, section: &'static str, node: &Node, path: &str) -> Option<(Node, String)> {
        let Some(name) = node.as_str() else {
            return Some((node.clone(), path.to_owned()));
        };
        if let Some(found) = self.named.get(&(section, name.to_owned())) {
            return Some(found.clone());
        }
        let names: Vec<String> = self
            .named
            .keys()
            .filter(|(s, _)| *s == section)
            .map(|(_, name)| name.clone())
            .collect();
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("define it under `use.{section}`"),
        };
        let message = format!("there is no `{name}` under `use.{section}`");
        self.error("unknown_reference", message, node.span.start, path)
            .help = Some(help);
        None
    }
}

/// The place of a byte offset inside a text, and words for it where the text spans several lines.
fn inside(node: &Node, offset: usize) -> (Position, String) {
    let mut at = node.span.start;
    let whole = node.as_str().unwrap_or("");
    let before = whole
        .get(..offset.min(whole.len()))
        .map_or(0, |text| text.chars().count());
    if node.span.end.line != at.line {
        return (at, format!(" (at character {})", before + 1));
    }
    let quote = u32::from(!matches!(node.value, Value::String { plain: true, .. }));
    at.column += u32::try_from(before).unwrap_or(0) + quote;
    (at, String::new())
}
