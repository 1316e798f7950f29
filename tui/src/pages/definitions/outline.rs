//! The tasks of a workflow and where each stands in its text: what the builder shows and edits.
//!
//! A task owns whole lines: those of its entry and the comments directly above it. Invariant: the lines of the tasks of
//! a list follow one another without a gap, so that moving and deleting tasks never touches anybody else's line.

use dirigent_protocol::source::{self, Node, Value};

use super::field::Field;

/// Where something leads, and where that stands: line and columns, from 0.
pub(super) type Target = (String, (usize, usize, usize));

/// One task, or a row of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Task {
    /// JSON pointer: `/do/0/fetch`.
    pub(super) pointer: String,
    /// Its name.
    pub(super) name: String,
    /// What it does: `call http`, `set`, `switch`; of a row of a form, what it says.
    pub(super) kind: String,
    /// Pointer of the list it stands in: `/do`.
    pub(super) list: String,
    /// Its place in the list.
    pub(super) at: usize,
    /// How deep it is nested.
    pub(super) depth: usize,
    /// Its lines, from 0, the last one not included; none where it is not written on lines of its own.
    pub(super) lines: Option<(usize, usize)>,
    /// Line and columns of its name, from 0, characters.
    pub(super) name_at: (usize, usize, usize),
    /// Line of its dash, from 0.
    pub(super) dash_line: usize,
    /// Characters before its dash.
    pub(super) indent: usize,
    /// Characters before the fields of its body; none where the body is not written on lines of its own.
    pub(super) body_indent: Option<usize>,
    /// Where it says what comes next, with the place of that value: line and columns, from 0.
    pub(super) then: Option<Target>,
    /// Its cases where it is a switch: the name, and where it leads with the place of that value.
    pub(super) cases: Vec<(String, Option<Target>)>,
    /// Lists of tasks inside it: label and pointer.
    pub(super) inner: Vec<String>,
    /// It is one of a list: it has neighbours, can be moved and deleted.
    pub(super) item: bool,
    /// The value that it is, where it is a row of a form.
    pub(super) field: Option<&'static Field>,
    /// It is shown only while one stands in its list.
    pub(super) folded: bool,
    /// The text says it; otherwise `kind` is what it is for.
    pub(super) said: bool,
}

/// Keywords that say what a task is, in the order they are looked for.
const KINDS: [&str; 13] = [
    "call", "do", "emit", "for", "fork", "listen", "raise", "run", "set", "switch", "try", "wait", "catch",
];

/// The tasks of a list at a pointer and of everything inside it, each behind the task that contains it.
pub(super) fn tasks(node: &Node, pointer: &str, lines: &[&str]) -> Vec<Task> {
    let mut out = Vec::new();
    list(node, pointer, 0, lines, &mut out);
    out
}

/// Places inside a task's body that hold lists of tasks.
const LISTS: [&[&str]; 6] = [
    &["do"],
    &["try"],
    &["fork", "branches"],
    &["catch", "do"],
    &["foreach", "do"],
    &["listen", "foreach", "do"],
];

fn list(node: &Node, pointer: &str, depth: usize, lines: &[&str], out: &mut Vec<Task>) {
    let Some(items) = node.as_sequence() else { return };
    let owned = own_lines(items, node, lines);
    for (at, item) in items.iter().enumerate() {
        let Some(entry) = item.as_mapping().and_then(|entries| entries.iter().next()) else {
            continue;
        };
        let here = source::join_pointer(&format!("{pointer}/{at}"), &entry.key);
        let index = out.len();
        let key = entry.key_span;
        let dash_line = line(key.start.line);
        out.push(Task {
            pointer: here.clone(),
            name: entry.key.clone(),
            kind: kind(&entry.value),
            list: pointer.to_owned(),
            at,
            depth,
            lines: owned.as_ref().and_then(|owned| owned.get(at).copied()),
            name_at: (dash_line, line(key.start.column), line(key.end.column)),
            dash_line,
            indent: lines.get(dash_line).map_or(0, |text| indent(text)),
            body_indent: body_indent(&entry.value, dash_line),
            then: then(&entry.value),
            cases: cases(&entry.value),
            item: true,
            said: true,
            ..Task::default()
        });
        for path in LISTS {
            let found = path.iter().try_fold(&entry.value, |node, key| node.get(key));
            if let Some(inner) = found.filter(|inner| inner.as_sequence().is_some()) {
                let pointer = path
                    .iter()
                    .fold(here.clone(), |pointer, key| source::join_pointer(&pointer, key));
                out[index].inner.push(pointer.clone());
                list(inner, &pointer, depth + 1, lines, out);
            }
        }
    }
}

/// Numbers that count from 1, from 0.
pub(super) fn line(number: u32) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap_or(0)
}

pub(super) fn indent(text: &str) -> usize {
    text.chars().take_while(|c| *c == ' ').count()
}

/// The lines of every item, where each begins with a dash on a line of its own.
pub(super) fn own_lines(items: &[Node], list: &Node, lines: &[&str]) -> Option<Vec<(usize, usize)>> {
    let dash = |item: &Node| {
        let at = line(item.span.start.line);
        let text = lines.get(at)?;
        let before: String = text.chars().take(line(item.span.start.column)).collect();
        (before.trim() == "-").then_some((at, indent(text)))
    };
    let dashes: Vec<(usize, usize)> = items.iter().map(dash).collect::<Option<_>>()?;
    let wide = dashes.first()?.1;
    if dashes.iter().any(|(_, indent)| *indent != wide) {
        return None;
    }
    // A comment directly above belongs to what is below it; to the list's own head it never reaches.
    let mut begins: Vec<usize> = Vec::new();
    for (number, (at, _)) in dashes.iter().enumerate() {
        let floor = if number == 0 {
            *at
        } else {
            dashes[number - 1].0 + 1
        };
        let mut from = *at;
        while from > floor && lines[from - 1].trim_start().starts_with('#') && indent(lines[from - 1]) == wide
        {
            from -= 1;
        }
        begins.push(from);
    }
    let end = end_of(list, dashes.last()?.0, wide, lines);
    Some(
        (0..begins.len())
            .map(|at| (begins[at], begins.get(at + 1).copied().unwrap_or(end)))
            .collect(),
    )
}

/// Behind the last line of the last item: everything deeper than its dash belongs to it, blank lines behind it do not.
fn end_of(list: &Node, dash: usize, wide: usize, lines: &[&str]) -> usize {
    let mut end = (dash + 1).max(line(list.span.end.line).min(lines.len()));
    while end > dash + 1 && (lines[end - 1].trim().is_empty() || indent(lines[end - 1]) <= wide) {
        end -= 1;
    }
    for (at, text) in lines.iter().enumerate().skip(end) {
        if text.trim().is_empty() {
            continue;
        }
        if indent(text) <= wide {
            break;
        }
        end = at + 1;
    }
    end
}

fn kind(body: &Node) -> String {
    let Some(entries) = body.as_mapping() else {
        return "?".to_owned();
    };
    let found = KINDS.iter().find(|keyword| entries.get(keyword).is_some());
    let keyword = found.copied().unwrap_or("?");
    let keyword = if keyword == "catch" { "try" } else { keyword };
    let keyword = if keyword == "do" && entries.get("for").is_some() {
        "for"
    } else {
        keyword
    };
    match body.get(keyword) {
        Some(target) if keyword == "call" => format!("call {}", target.as_str().unwrap_or("?")),
        Some(target) if keyword == "run" => {
            let what = target.as_mapping().and_then(|entries| entries.iter().next());
            format!("run {}", what.map_or("?", |entry| entry.key.as_str()))
        }
        _ => keyword.to_owned(),
    }
}

fn body_indent(body: &Node, dash_line: usize) -> Option<usize> {
    let first = body.as_mapping()?.iter().next()?;
    let own = line(first.key_span.start.line) > dash_line;
    own.then(|| line(first.key_span.start.column))
}

/// The cases of a switch.
fn cases(body: &Node) -> Vec<(String, Option<Target>)> {
    let all = body.get("switch").and_then(Node::as_sequence).unwrap_or_default();
    let entries = all.iter().filter_map(|case| case.as_mapping()?.iter().next());
    entries
        .map(|case| (case.key.clone(), then(&case.value)))
        .collect()
}

fn then(body: &Node) -> Option<Target> {
    let node = body.get("then")?;
    let Value::String { text, .. } = &node.value else {
        return None;
    };
    let span = node.span;
    (span.start.line == span.end.line).then(|| {
        let place = (
            line(span.start.line),
            line(span.start.column),
            line(span.end.column),
        );
        (text.clone(), place)
    })
}
