//! What is checked of a list of tasks once all are read: names, ways, loops, dead ends.

use std::collections::{HashMap, HashSet};

use dirigent_protocol::source::{Entry, Position, join_pointer, nearest};

use super::model::{TaskDef, TaskIndex};
use crate::document::{Reader, Then};

/// Checks a list; `flow` says whether tasks follow one another (they do not in a fork).
pub(super) fn check_list<'t>(
    reader: &mut Reader,
    path: &str,
    entries: &[(TaskIndex, &Entry)],
    task: impl Fn(TaskIndex) -> Option<&'t TaskDef>,
    flow: bool,
) {
    check_names(reader, path, entries);
    if !flow {
        return;
    }
    let names: Vec<&str> = entries.iter().map(|(_, entry)| entry.key.as_str()).collect();
    let mut whole = true;
    let mut ways: Vec<Ways> = Vec::new();
    for (i, (index, _)) in entries.iter().enumerate() {
        let Some(task) = task(*index) else {
            whole = false;
            ways.push(Ways::default());
            continue;
        };
        let mut out = Ways::default();
        if let Some((then, at)) = &task.base.then {
            out.default = resolve(reader, path, &names, i, then, *at);
        } else {
            out.default = Some(i + 1);
        }
        if task.base.condition.is_some() {
            out.others.push(i + 1);
        }
        for way in task.body.ways() {
            out.others
                .extend(resolve(reader, path, &names, i, &way.then, way.at));
            out.branches = true;
        }
        if task.body.always_leaves() {
            out.default = None;
        }
        ways.push(out);
    }
    if whole {
        check_flow(reader, path, entries, &ways);
    }
}

/// Where a task can lead: positions in the list; its length stands for the end.
#[derive(Default)]
struct Ways {
    default: Option<usize>,
    others: Vec<usize>,
    branches: bool,
}

fn resolve(
    reader: &mut Reader,
    path: &str,
    names: &[&str],
    from: usize,
    then: &Then,
    at: Position,
) -> Option<usize> {
    match then {
        Then::Continue => Some(from + 1),
        Then::Exit | Then::End => Some(names.len()),
        Then::Task(name) => {
            let found = names.iter().position(|known| **known == **name);
            if found.is_none() {
                let help = match nearest(name, names.iter().copied().chain(["continue", "exit", "end"])) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("tasks of this list: {}; or continue, exit, end", names.join(", ")),
                };
                let message = format!("`then` leads to `{name}`, and there is no such task in this list");
                reader.error("unknown_task", message, at, path).help = Some(help);
            }
            found
        }
    }
}

fn check_names(reader: &mut Reader, path: &str, entries: &[(TaskIndex, &Entry)]) {
    let mut seen: HashMap<String, (&str, u32)> = HashMap::new();
    for (_, entry) in entries {
        let name = entry.key.as_str();
        let at = entry.key_span.start;
        let place = join_pointer(path, name);
        if name.is_empty() || name.chars().any(char::is_control) || name.chars().count() > 256 {
            reader
                .error(
                    "bad_name",
                    "a task's name has 1 to 256 visible characters",
                    at,
                    &place,
                )
                .help = Some("use letters, digits, `-` and `_`".to_owned());
            continue;
        }
        let folded = name.to_lowercase();
        match seen.get(&folded) {
            Some((first, line)) if *first == name => {
                let message = format!("two tasks of this list are named `{name}`: first in line {line}");
                reader.error("duplicate_task", message, at, &place).help =
                    Some("give each its own name: `then` could not tell them apart".to_owned());
            }
            Some((first, line)) => {
                let message = format!("`{name}` differs from `{first}` (line {line}) only in case");
                reader.warning("confusable_id", message, at, &place).help =
                    Some("rename one of the two".to_owned());
            }
            None => {
                seen.insert(folded, (name, at.line));
            }
        }
        if mixes_scripts(name) {
            let message = format!("`{name}` mixes Latin letters with look-alikes of another script");
            reader.warning("confusable_name", message, at, &place).help =
                Some("write it in one script".to_owned());
        }
    }
}

fn mixes_scripts(name: &str) -> bool {
    let latin = name.chars().any(|c| c.is_ascii_alphabetic());
    let other = name
        .chars()
        .any(|c| matches!(c, '\u{370}'..='\u{52f}' | '\u{ff21}'..='\u{ff5a}'));
    latin && other
}

fn check_flow(reader: &mut Reader, path: &str, entries: &[(TaskIndex, &Entry)], ways: &[Ways]) {
    let mut reached = HashSet::new();
    let mut queue = vec![0];
    while let Some(at) = queue.pop() {
        if at < ways.len() && reached.insert(at) {
            queue.extend(ways[at].default);
            queue.extend(&ways[at].others);
        }
    }
    for (i, (_, entry)) in entries.iter().enumerate() {
        if !reached.contains(&i) {
            let message = format!("nothing leads to `{}`", entry.key);
            let place = join_pointer(path, &entry.key);
            reader
                .warning("unreachable", message, entry.key_span.start, &place)
                .help = Some("remove it, or lead to it with `then`".to_owned());
        }
    }
    endless(reader, path, entries, ways);
}

/// Loops that nothing can leave: each is reported once, at its first task.
fn endless(reader: &mut Reader, path: &str, entries: &[(TaskIndex, &Entry)], ways: &[Ways]) {
    let only = |at: usize| -> Option<usize> {
        let ways = ways.get(at)?;
        (ways.others.is_empty() && !ways.branches).then_some(ways.default)?
    };
    let mut reported = HashSet::new();
    for start in 0..entries.len() {
        let (mut at, mut seen) = (start, Vec::new());
        while let Some(next) = only(at).filter(|next| *next < entries.len()) {
            seen.push(at);
            if next == start {
                break;
            }
            if seen.contains(&next) {
                seen.clear();
                break;
            }
            at = next;
        }
        if seen.is_empty() || only(at) != Some(start) || seen.iter().any(|i| reported.contains(i)) {
            continue;
        }
        reported.extend(seen.iter().copied());
        let names: Vec<&str> = seen.iter().map(|i| entries[*i].1.key.as_str()).collect();
        let message = format!("endless loop: {} -> {}", names.join(" -> "), names[0]);
        let entry = entries[start].1;
        let place = join_pointer(path, &entry.key);
        reader
            .warning("endless_loop", message, entry.key_span.start, &place)
            .help = Some("leave it with a `switch` or an `if`; a run stops after 10,000 moves".to_owned());
    }
}
