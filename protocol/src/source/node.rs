//! The located tree.

use serde_json::Number;

/// A character position; line and column count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// From the first character to just behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First character.
    pub start: Position,
    /// Just behind the last character.
    pub end: Position,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place.
    pub span: Span,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number and the text it was written as, for readers that expect text.
    Number {
        /// The exact value.
        value: Number,
        /// As written.
        text: String,
    },
    /// Text.
    String {
        /// The text after escapes.
        text: String,
        /// Whether it stood without quotes on one line, so that its characters follow one another in the file.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Named values.
    Mapping(Mapping),
}

/// Named values in the order of the text; keys occur once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping(pub Vec<Entry>);

/// One named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// Where the name stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Mapping {
    /// The entry of that name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// All entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.0.iter()
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Node {
    /// The value without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number { value, .. } => Json::Number(value.clone()),
            Value::String { text, .. } => Json::String(text.clone()),
            Value::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a field of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()
            .and_then(|entries| entries.get(key))
            .map(|entry| &entry.value)
    }

    /// What it is, in words: `a mapping`, `text`, ...
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number { .. } => "a number",
            Value::String { .. } => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The place a JSON pointer leads to: for a named value its name, else the value; the nearest
    /// place above where the pointer leads nowhere.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Position {
        let mut at = self;
        let mut position = self.span.start;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            match &at.value {
                Value::Mapping(entries) => match entries.get(&token) {
                    Some(entry) => (at, position) = (&entry.value, entry.key_span.start),
                    None => break,
                },
                Value::Sequence(items) => {
                    match token.parse::<usize>().ok().and_then(|index| items.get(index)) {
                        Some(item) => (at, position) = (item, item.span.start),
                        None => break,
                    }
                }
                _ => break,
            }
        }
        position
    }
}

/// A JSON pointer one step further down; escapes `~` and `/`.
#[must_use]
pub fn join_pointer(path: &str, token: &str) -> String {
    let token = token.replace('~', "~0").replace('/', "~1");
    format!("{path}/{token}")
}
