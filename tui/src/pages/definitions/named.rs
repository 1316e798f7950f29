//! Edits of named values in a text: one is set or taken out, by changing its own characters.
//!
//! Nothing is printed anew: every other line stays byte for byte, comments and order included. Invariant: after an edit
//! the text holds what it held, but for the one value; an edit that would not come to that is refused.

use dirigent_protocol::source::{self, Entry, Mapping, Node, Value};
use serde_json::Value as Json;

use super::lines::{Refusal, replace, replace_in_line};
use super::outline::{indent, line};

const AS_TEXT: &str = "it is written in a way that only the text can change";

/// Sets the value at a path of names and places (`["spec", "members", "0", "role"]`), written as `new` in one line;
/// none takes it out, with what then holds nothing.
pub(super) fn set(text: &str, path: &[&str], new: Option<&str>) -> Result<String, Refusal> {
    let meant = new.map(|new| read(new).map_or(Json::Null, |node| node.to_json()));
    set_meant(text, path, new, meant)
}

/// Sets the value at a path, written so that it means just that in its place.
pub(super) fn set_as(text: &str, path: &[&str], written: &str, meant: Json) -> Result<String, Refusal> {
    set_meant(text, path, Some(written), Some(meant))
}

fn set_meant(text: &str, path: &[&str], new: Option<&str>, meant: Option<Json>) -> Result<String, Refusal> {
    let refused = || AS_TEXT.to_owned();
    let root = read(text).ok_or_else(refused)?;
    let done = match new {
        Some(new) => put(text, &root, path, new),
        None => take(text, &root, path),
    };
    let done = done.ok_or_else(refused)?;
    let mut wanted = root.to_json();
    match meant {
        Some(meant) => put_json(&mut wanted, path, meant),
        None => take_json(&mut wanted, path),
    }
    let same = read(&done).is_some_and(|node| node.to_json() == wanted);
    if same { Ok(done) } else { Err(refused()) }
}

/// Gives the name of a value another word; its value stays.
pub(super) fn rename(text: &str, path: &[&str], name: &str) -> Option<String> {
    let (last, above) = path.split_last()?;
    let root = read(text)?;
    let entry = at(&root, above)?.as_mapping()?.get(last)?;
    let key = entry.key_span;
    let place = (line(key.start.line), line(key.start.column), line(key.end.column));
    Some(replace_in_line(text, place, name))
}

/// A value of several lines at the end of a mapping that is written in lines; none where it is not, or where the text
/// would not come to hold just that.
pub(super) fn append(text: &str, path: &[&str], lines: &str) -> Option<String> {
    let root = read(text)?;
    let node = at(&root, path)?;
    if is_flow(text, node) {
        return None;
    }
    let done = insert_lines(text, node.as_mapping()?, lines)?;
    let mut wanted = root.to_json();
    for entry in read(lines)?.as_mapping()?.iter() {
        let own: Vec<&str> = path.iter().copied().chain([entry.key.as_str()]).collect();
        put_json(&mut wanted, &own, entry.value.to_json());
    }
    (read(&done)?.to_json() == wanted).then_some(done)
}

fn read(text: &str) -> Option<Node> {
    let parsed = source::parse(text.as_bytes());
    if parsed.has_errors() {
        return None;
    }
    parsed.documents.into_iter().next()
}

/// The value a path leads to.
pub(super) fn at<'a>(root: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, step| match &node.value {
        Value::Sequence(items) => items.get(step.parse::<usize>().ok()?),
        _ => node.get(step),
    })
}

fn put(text: &str, root: &Node, path: &[&str], new: &str) -> Option<String> {
    let (last, above) = path.split_last()?;
    match at(root, above).map(|node| &node.value) {
        Some(Value::Mapping(entries)) => match entries.get(last) {
            Some(entry) => replace_value(text, entry, new),
            None => insert(text, at(root, above)?, entries, &format!("{last}: {new}")),
        },
        // Nothing yet, or a name without a value: it begins to hold something.
        Some(Value::Null) | None => put(text, root, above, &format!("{{ {last}: {new} }}")),
        Some(_) => None,
    }
}

fn replace_value(text: &str, entry: &Entry, new: &str) -> Option<String> {
    let (key, span) = (entry.key_span, entry.value.span);
    let row = line(key.start.line);
    if matches!(entry.value.value, Value::Null) {
        let place = (row, line(key.end.column), line(key.end.column) + 1);
        return Some(replace_in_line(text, place, &format!(": {new}")));
    }
    if span.start.line == span.end.line && span.start.line == key.start.line {
        let place = (row, line(span.start.column), line(span.end.column));
        return Some(replace_in_line(text, place, new));
    }
    let lines: Vec<&str> = text.lines().collect();
    let wide = line(key.start.column);
    let head: String = lines.get(row)?.chars().take(line(key.end.column)).collect();
    let end = end_of(&lines, row, wide);
    Some(replace(text, row, end, &format!("{head}: {new}\n")))
}

fn is_flow(text: &str, node: &Node) -> bool {
    let row = text.lines().nth(line(node.span.start.line));
    row.and_then(|row| row.chars().nth(line(node.span.start.column))) == Some('{')
}

fn insert(text: &str, node: &Node, entries: &Mapping, new: &str) -> Option<String> {
    if !is_flow(text, node) {
        return insert_lines(text, entries, new);
    }
    let (row, brace) = (
        line(node.span.end.line),
        line(node.span.end.column).checked_sub(1)?,
    );
    let before: String = text.lines().nth(row)?.chars().take(brace).collect();
    let kept = before.trim_end();
    let comma = match kept.chars().last()? {
        '{' | ',' => "",
        _ => ",",
    };
    let place = (row, kept.chars().count(), brace + 1);
    Some(replace_in_line(text, place, &format!("{comma} {new} }}")))
}

fn insert_lines(text: &str, entries: &Mapping, new: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = entries.iter().last()?.key_span.start;
    let wide = line(last.column);
    let at = end_of(&lines, line(last.line), wide);
    let pad = " ".repeat(wide);
    let block: String = new.lines().map(|row| format!("{pad}{row}\n")).collect();
    Some(replace(text, at, at, &block))
}

/// Behind the last line of the value whose name stands in that line and column.
fn end_of(lines: &[&str], row: usize, wide: usize) -> usize {
    let mut end = row + 1;
    for (at, text) in lines.iter().enumerate().skip(row + 1) {
        if text.trim().is_empty() {
            continue;
        }
        let item = indent(text) == wide && text.trim_start().starts_with("- ");
        if indent(text) <= wide && !item {
            break;
        }
        end = at + 1;
    }
    end
}

fn take(text: &str, root: &Node, path: &[&str]) -> Option<String> {
    let (last, above) = path.split_last()?;
    let node = at(root, above)?;
    let entries = node.as_mapping()?;
    let place = entries.iter().position(|entry| entry.key == *last)?;
    if entries.len() == 1 {
        return take(text, root, above);
    }
    let entry = &entries.0[place];
    let next = entries.0.get(place + 1);
    let key = entry.key_span.start;
    if is_flow(text, node) {
        let (from, to) = match (next, place.checked_sub(1)) {
            (Some(next), _) => (key, next.key_span.start),
            (None, Some(before)) => (entries.0[before].value.span.end, entry.value.span.end),
            (None, None) => return None,
        };
        let cut = (line(from.line), line(from.column), line(to.column));
        return (from.line == to.line).then(|| replace_in_line(text, cut, ""));
    }
    let lines: Vec<&str> = text.lines().collect();
    let (row, wide) = (line(key.line), line(key.column));
    let lead: String = lines.get(row)?.chars().take(wide).collect();
    if lead.trim().is_empty() {
        return Some(replace(text, row, end_of(&lines, row, wide), ""));
    }
    // It stands behind the dash of its item: the next one comes in its place.
    let below = line(next?.key_span.start.line);
    let rest: String = lines.get(below)?.chars().skip(wide).collect();
    Some(replace(text, row, below + 1, &format!("{lead}{rest}\n")))
}

fn put_json(root: &mut Json, path: &[&str], new: Json) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let Some(place) = above.iter().try_fold(root, |value, step| step_json(value, step)) else {
        return;
    };
    if place.is_null() {
        *place = Json::Object(serde_json::Map::new());
    }
    if let Json::Object(entries) = place {
        entries.insert((*last).to_owned(), new);
    }
}

/// One step down; what is not there yet is made.
fn step_json<'a>(value: &'a mut Json, step: &str) -> Option<&'a mut Json> {
    match value {
        Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Json::Object(entries) => Some(entries.entry(step).or_insert(Json::Null)),
        Json::Null => {
            *value = Json::Object(serde_json::Map::new());
            value
                .as_object_mut()
                .map(|entries| entries.entry(step).or_insert(Json::Null))
        }
        _ => None,
    }
}

fn take_json(root: &mut Json, path: &[&str]) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let place = above
        .iter()
        .try_fold(&mut *root, |value, step| step_json(value, step));
    let emptied = place.and_then(Json::as_object_mut).is_some_and(|entries| {
        entries.remove(*last);
        entries.is_empty()
    });
    if emptied {
        take_json(root, above);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
kind: Orchestration
spec:
  description: >-
    one
    two
  strategy: vote # how
  members:
    # the first
    - agent: a
      role: reads
    - { name: x, agent: b }
  limits: { rounds: 3 }
  vote:
    choices: [yes, no]
  # the end
";

    fn done(path: &[&str], new: Option<&str>) -> String {
        set(TEXT, path, new).unwrap_or_else(|why| panic!("{path:?}: {why}"))
    }

    #[test]
    fn a_value_is_set_in_its_own_place_and_everything_else_stays() {
        let kept = |new: &str| {
            let untouched = TEXT.lines().filter(|line| new.lines().any(|own| own == *line));
            untouched.count()
        };
        let all = TEXT.lines().count();
        for (path, new, line, touched) in [
            (&["spec", "strategy"][..], "debate", "  strategy: debate # how", 1),
            (&["spec", "description"], "'a: b'", "  description: 'a: b'", 3),
            (
                &["spec", "members", "0", "role"],
                "writes",
                "      role: writes",
                1,
            ),
            (&["spec", "members", "0", "when"], "'.x'", "      when: '.x'", 0),
            (
                &["spec", "members", "1", "role"],
                "judges",
                "    - { name: x, agent: b, role: judges }",
                1,
            ),
            (
                &["spec", "limits", "depth"],
                "2",
                "  limits: { rounds: 3, depth: 2 }",
                1,
            ),
            (&["spec", "vote", "rule"], "majority", "    rule: majority", 0),
            (&["spec", "budget", "calls"], "9", "  budget: { calls: 9 }", 0),
            (&["spec", "lead", "agent"], "judge", "  lead: { agent: judge }", 0),
        ] {
            let new = done(path, Some(new));
            assert!(new.lines().any(|own| own == line), "{path:?}\n{new}");
            assert_eq!(kept(&new), all - touched, "{path:?}\n{new}");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_empty_behind() {
        for (path, gone) in [
            (&["spec", "members", "0", "role"][..], "role: reads"),
            (&["spec", "members", "1", "name"], "name: x, "),
            (&["spec", "members", "1", "agent"], ", agent: b"),
            (&["spec", "limits", "rounds"], "  limits: { rounds: 3 }\n"),
            (&["spec", "vote", "choices"], "vote:\n    choices"),
        ] {
            let new = done(path, None);
            assert!(!new.contains(gone), "{path:?}\n{new}");
        }
        let first = done(&["spec", "members", "0", "agent"], None);
        assert!(
            first.contains("    # the first\n    - role: reads\n    - {"),
            "{first}"
        );
    }

    #[test]
    fn what_cannot_be_done_in_place_is_refused_and_the_text_stays() {
        let text = "spec:\n  limits: {\n    rounds: 3\n  }\n  members: all\n";
        assert!(set(text, &["spec", "members", "0", "role"], Some("x")).is_err());
        assert!(set("spec: [", &["spec", "strategy"], Some("x")).is_err());
        assert!(set(text, &["spec", "nothing"], None).is_err());
        // Two values in the place of one would change the rest.
        assert!(set(text, &["spec", "members"], Some("a\n  strategy: b")).is_err());
    }

    #[test]
    fn a_name_without_a_value_gets_one() {
        let new = set(
            "spec:\n  strategy:\n  members: []\n",
            &["spec", "strategy"],
            Some("vote"),
        );
        assert_eq!(new.as_deref(), Ok("spec:\n  strategy: vote\n  members: []\n"));
    }
}
