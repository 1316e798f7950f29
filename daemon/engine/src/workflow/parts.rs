//! The parts of a document around its tasks: `document`, `use`, `evaluate`.

use dirigent_protocol::source::{Node, Value, join_pointer};

use crate::document::{ExtensionRule, Fields, Reader, Settings};

/// Versions of the DSL that are understood.
const DSL: [&str; 4] = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"];

/// `document:`
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) version: String,
    pub(super) title: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) settings: Settings,
}

pub(super) fn head(reader: &mut Reader, node: &Node, path: &str) -> Head {
    let mut head = Head::default();
    let known = [
        "dsl",
        "namespace",
        "name",
        "version",
        "title",
        "summary",
        "tags",
        "metadata",
    ];
    let Some(fields) = reader.fields(node, path, &known) else {
        return head;
    };
    reader.require(&fields, &["dsl", "namespace", "name", "version"]);
    if let Some(dsl) = version(reader, &fields, "dsl")
        && !DSL.contains(&dsl.as_str())
        && let Some((node, at)) = fields.get("dsl")
    {
        let message = format!("DSL version {dsl} is not supported");
        reader
            .error("unsupported_dsl", message, node.span.start, &at)
            .help = Some(format!("write dsl: '1.0.3' (supported: {})", DSL.join(", ")));
    }
    head.version = version(reader, &fields, "version").unwrap_or_default();
    head.namespace = label(reader, &fields, "namespace").unwrap_or_default();
    head.name = label(reader, &fields, "name").unwrap_or_default();
    let mut text = |name: &str| {
        let (node, at) = fields.get(name)?;
        reader.text(node, &at).map(str::to_owned)
    };
    head.title = text("title");
    head.summary = text("summary");
    if let Some((node, at)) = fields.get("tags") {
        reader.open(node, &at);
    }
    if let Some((node, at)) = fields.get("metadata") {
        head.settings = Settings::read(reader, node, &at);
    }
    head
}

/// A semantic version; a number is one that lost its quotes.
fn version(reader: &mut Reader, fields: &Fields<'_>, name: &str) -> Option<String> {
    let (node, at) = fields.get(name)?;
    if let Value::Number { text, .. } = &node.value {
        let message = format!("`{name}: {text}` is a number, not a version");
        reader.error("quote_version", message, node.span.start, &at).help =
            Some(format!("write {name}: '{text}.0' (three numbers, in quotes)"));
        return None;
    }
    let text = reader.text(node, &at)?;
    let core = text.split(['-', '+']).next().unwrap_or("");
    let parts: Vec<&str> = core.split('.').collect();
    let number = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    let rest = &text[core.len()..];
    let tail = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'));
    if parts.len() != 3 || !parts.iter().all(number) || !tail || rest.len() == 1 {
        let message = format!("`{text}` is not a semantic version");
        reader.error("bad_version", message, node.span.start, &at).help =
            Some("write three numbers: '1.0.0'".to_owned());
        return None;
    }
    Some(text.to_owned())
}

/// A name as DNS labels are: letters, digits, `-`.
fn label(reader: &mut Reader, fields: &Fields<'_>, name: &str) -> Option<String> {
    let (node, at) = fields.get(name)?;
    let text = reader.text(node, &at)?;
    let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if text.is_empty() || text.len() > 63 || !inner || text.starts_with('-') || text.ends_with('-') {
        let message = format!("`{text}` cannot be a {name}");
        let good: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let good = good.trim_matches('-');
        let help = if good.is_empty() { "my-workflow" } else { good };
        reader.error("bad_name", message, node.span.start, &at).help =
            Some(format!("use letters, digits and `-`, at most 63: {help}"));
        return None;
    }
    Some(text.to_owned())
}

/// `use:` Keeps the named parts for whoever refers to them.
pub(super) fn parts(reader: &mut Reader, node: &Node, path: &str) {
    const NAMED: [&str; 6] = [
        "authentications",
        "catalogs",
        "errors",
        "functions",
        "retries",
        "timeouts",
    ];
    let known = [&NAMED[..], &["extensions", "secrets"]].concat();
    let Some(fields) = reader.fields(node, path, &known) else {
        return;
    };
    for section in NAMED {
        let Some((node, at)) = fields.get(section) else {
            continue;
        };
        let Some(entries) = reader.open(node, &at) else {
            continue;
        };
        for entry in entries.entries {
            let place = join_pointer(&at, &entry.key);
            reader
                .named
                .insert((section, entry.key.clone()), (entry.value.clone(), place));
        }
    }
    if let Some((node, at)) = fields.get("secrets") {
        reader.declare_secrets(node, &at);
    }
}

/// `use.extensions`; they come behind the rest of `use`, whose parts they may name.
pub(super) fn extensions(reader: &mut Reader, node: &Node, path: &str) -> Vec<ExtensionRule> {
    let list = node.as_mapping().and_then(|fields| fields.get("extensions"));
    match list {
        Some(list) if !matches!(list.value.value, Value::Null) => {
            ExtensionRule::read_all(reader, &list.value, &join_pointer(path, "extensions"))
        }
        _ => Vec::new(),
    }
}

/// `evaluate:`
pub(super) fn evaluate(reader: &mut Reader, node: &Node, path: &str) {
    let Some(fields) = reader.fields(node, path, &["language", "mode"]) else {
        return;
    };
    if let Some((node, at)) = fields.get("language")
        && let Some(text) = reader.text(node, &at)
        && text != "jq"
    {
        let message = format!("expressions in `{text}` are not supported");
        reader
            .error("unsupported_language", message, node.span.start, &at)
            .help = Some("write language: jq, or leave it out".to_owned());
    }
    if let Some((node, at)) = fields.get("mode") {
        reader.loose = reader.word(node, &at, &["strict", "loose"]) == Some("loose");
    }
}
