//! `use.extensions` as it stands in the document: whom it extends, when, with what.

use dirigent_protocol::source::Node;

use super::reader::{Fields, Reader};

/// Kinds of tasks that can be extended, and their keywords.
const TARGETS: [(&str, &[&str]); 12] = [
    ("call", &["call"]),
    ("composite", &["do", "fork"]),
    ("emit", &["emit"]),
    ("for", &["for"]),
    ("listen", &["listen"]),
    ("raise", &["raise"]),
    ("run", &["run"]),
    ("set", &["set"]),
    ("switch", &["switch"]),
    ("try", &["try"]),
    ("wait", &["wait"]),
    ("all", &[]),
];

/// One extension.
#[derive(Debug, Clone)]
pub struct ExtensionRule {
    /// Its name.
    pub name: String,
    /// Its pointer in the document.
    pub path: String,
    target: &'static str,
    /// Its condition, with its pointer.
    pub when: Option<(Node, String)>,
    /// What runs before.
    pub before: Option<Node>,
    /// What runs after.
    pub after: Option<Node>,
}

impl ExtensionRule {
    /// Whether it extends tasks of that keyword.
    #[must_use]
    pub fn extends(&self, keyword: &str) -> bool {
        self.target == "all"
            || TARGETS
                .iter()
                .any(|(name, keywords)| *name == self.target && keywords.contains(&keyword))
    }

    /// Reads the list of a document.
    pub fn read_all(reader: &mut Reader, node: &Node, path: &str) -> Vec<Self> {
        let Some(items) = node.as_sequence() else {
            reader.expected(node, path, "a list of extensions (`- name: { ... }`)");
            return Vec::new();
        };
        let mut all = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let at = format!("{path}/{i}");
            let [entry] = item.as_mapping().map_or(&[][..], |entries| entries.0.as_slice()) else {
                let message = "an item holds one extension";
                reader.error("bad_item", message, item.span.start, &at).help =
                    Some("write `- name: { extend: all, ... }`".to_owned());
                continue;
            };
            let at = dirigent_protocol::source::join_pointer(&at, &entry.key);
            if let Some(fields) = reader.fields(&entry.value, &at, &["extend", "when", "before", "after"]) {
                all.extend(Self::read(reader, &entry.key, &fields));
            }
        }
        all
    }

    fn read(reader: &mut Reader, name: &str, fields: &Fields<'_>) -> Option<Self> {
        if !reader.require(fields, &["extend"]) {
            return None;
        }
        let (target, at) = fields.get("extend")?;
        let target = reader.word(target, &at, &TARGETS.map(|(name, _)| name))?;
        if let Some((when, at)) = fields.get("when") {
            reader.expression(when, &at);
        }
        let mut list = |name: &str| {
            let (node, at) = fields.get(name)?;
            if node.as_sequence().is_none() {
                reader.expected(node, &at, "a list of tasks (`- name: { ... }`)");
                return None;
            }
            Some(node.clone())
        };
        Some(Self {
            name: name.to_owned(),
            path: fields.path.to_owned(),
            target,
            before: list("before"),
            after: list("after"),
            when: fields.get("when").map(|(node, at)| (node.clone(), at)),
        })
    }
}
