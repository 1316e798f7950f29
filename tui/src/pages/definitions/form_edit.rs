//! Edits of a form: a value is set from what was typed, a member joins, a row is emptied.
//!
//! Invariant: what a person typed becomes one value, whatever characters are in it.

use dirigent_protocol::source::{self, Node, Value};

use super::field::{Ask, Field};
use super::form::{ALLOW, CHECK, items_of};
use super::form_orchestration::{chosen, who};
use super::items::{Check, Checked};
use super::lines::{Refusal, quoted, replace};
use super::named;
use super::outline::Task;
use super::prose;
use super::rows::rows;
use super::surgery::{self, Edited, Where, found, last_own, own};

const IN_TEXT: &str = "this is changed in the text";

/// The steps of a pointer.
pub(super) fn path(pointer: &str) -> Vec<&str> {
    pointer.trim_start_matches('/').split('/').collect()
}

/// Sets the row at a pointer to what was typed; nothing typed empties it, and what it shows already changes nothing.
pub(super) fn set(text: &str, pointer: &str, field: &Field, typed: &str) -> Result<Edited, Refusal> {
    let (steps, typed) = (path(pointer), typed.trim());
    let shown = rows(text).into_iter().find(|row| row.pointer == pointer);
    let same = shown.is_some_and(|row| row.said && row.kind.trim() == typed);
    let text = match field.ask {
        _ if same => text.to_owned(),
        Ask::Who => set_who(text, &steps[..steps.len().saturating_sub(1)], typed)?,
        _ if typed.is_empty() => return empty(text, pointer),
        ask => named::set(text, &steps, Some(&as_written(ask, typed)?))?,
    };
    Ok(Edited {
        text,
        on: Some(pointer.to_owned()),
    })
}

/// Sets the words of several lines at a pointer.
pub(super) fn set_prose(text: &str, pointer: &str, words: &str) -> Result<Edited, Refusal> {
    let text = match words.trim().is_empty() {
        true => return empty(text, pointer),
        false => prose::set(text, &path(pointer), words)?,
    };
    Ok(Edited {
        text,
        on: Some(pointer.to_owned()),
    })
}

/// Takes the value of a row, or all that stands under its name, out of the text.
pub(super) fn empty(text: &str, pointer: &str) -> Result<Edited, Refusal> {
    let steps = path(pointer);
    // Who works is no value of its own; without anybody nothing is left of the one who leads.
    let steps = match steps.as_slice() {
        [above @ .., "who"] if above.last() == Some(&"lead") => above.to_vec(),
        [.., "who"] => return Err("a member needs somebody: delete the member".to_owned()),
        _ => steps,
    };
    let held = source::parse(text.as_bytes());
    let root = held.documents.first();
    let text = match root.and_then(|root| named::at(root, &steps)) {
        Some(_) => named::set(text, &steps, None)?,
        None => text.to_owned(),
    };
    Ok(Edited {
        text,
        on: Some(pointer.to_owned()),
    })
}

/// A value as it is written in one line.
fn as_written(ask: Ask, typed: &str) -> Result<String, Refusal> {
    match ask {
        Ask::Number => match typed.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(typed.to_owned()),
            _ => Err("a number is meant".to_owned()),
        },
        Ask::Names => {
            let names = typed.split(',').map(str::trim).filter(|name| !name.is_empty());
            let names: Vec<String> = names.map(quoted).collect();
            Ok(format!("[{}]", names.join(", ")))
        }
        Ask::Value if typed.starts_with(['{', '[']) => match serde_json::from_str::<serde_json::Value>(typed)
        {
            Ok(value) => Ok(value.to_string()),
            Err(error) => Err(format!("this is no JSON: {error}")),
        },
        Ask::OneOf(_) => Ok(typed.to_owned()),
        Ask::Words | Ask::Value | Ask::Strategy | Ask::Model => Ok(quoted(typed)),
        Ask::Who | Ask::Text | Ask::Prose | Ask::Check => Err(IN_TEXT.to_owned()),
    }
}

/// Says who works at the path of a member or of the lead.
fn set_who(text: &str, member: &[&str], typed: &str) -> Result<String, Refusal> {
    let (kind, name) = chosen(typed)?;
    let parsed = source::parse(text.as_bytes());
    let now = parsed.documents.first().and_then(|root| named::at(root, member));
    let with = |last| member.iter().copied().chain([last]).collect::<Vec<&str>>();
    let text = match now.and_then(who) {
        Some((old, _)) if old != kind => {
            let renamed = named::rename(text, &with(old), kind);
            renamed.ok_or_else(|| IN_TEXT.to_owned())?
        }
        _ => text.to_owned(),
    };
    named::set(&text, &with(kind), Some(&quoted(name)))
}

/// One more joins the list of the form: beside the item one stands on or in, or as the last one.
pub(super) fn join(text: &str, on: &str, place: Where, typed: &str) -> Result<Edited, Refusal> {
    let items = items_of(text).ok_or_else(|| IN_TEXT.to_owned())?;
    let made = items.made(typed)?;
    let list = format!("/spec/{}", items.name());
    let rows = rows(text);
    let all: Vec<&Task> = rows.iter().filter(|row| row.item && row.list == list).collect();
    let inside = |row: &&&Task| on == row.pointer || on.starts_with(&format!("{}/", row.pointer));
    let (beside, place) = match all.iter().find(inside) {
        Some(row) => (Some(*row), place),
        None => (all.last().copied(), Where::Behind),
    };
    let Some(beside) = beside else {
        let bare = empty(text, &list)?.text;
        let text = named::append(
            &bare,
            &["spec"],
            &format!("{}:\n{}", items.name(), dashed(&made, 2)),
        );
        return Ok(Edited {
            text: text.ok_or_else(|| IN_TEXT.to_owned())?,
            on: Some(format!("{list}/0")),
        });
    };
    let (from, to) = own(beside)?;
    let (line, at) = match place {
        Where::Behind => (last_own(text, from, to), beside.at + 1),
        Where::Before => (from, beside.at),
    };
    let text = replace(text, line, line, &dashed(&made, beside.indent));
    Ok(Edited {
        on: found(&text, &list, at),
        text,
    })
}

/// The lines of an item behind its dash.
fn dashed(made: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let rows = made.lines().enumerate();
    rows.map(|(at, row)| format!("{pad}{}{row}\n", if at == 0 { "- " } else { "" }))
        .collect()
}

/// An item goes; the last one takes its list with it, where that may be.
pub(super) fn leave(text: &str, pointer: &str) -> Result<Edited, Refusal> {
    let rows = rows(text);
    let beside = rows.iter().find(|row| row.pointer == pointer);
    let list = beside.map_or("", |row| row.list.as_str());
    let alone = rows.iter().filter(|row| row.item && row.list == list).count() == 1;
    if alone && items_of(text).is_some_and(|items| items.may_be_none()) {
        return empty(text, list);
    }
    surgery::delete(text, pointer)
}

/// Lists a name that was not listed, or the other way round; all of them need no list.
pub(super) fn toggle(text: &str, pointer: &str) -> Result<Edited, Refusal> {
    let (item, name) = pointer
        .split_once(&format!("/{ALLOW}{CHECK}"))
        .ok_or_else(|| IN_TEXT.to_owned())?;
    let parsed = source::parse(text.as_bytes());
    let node = parsed
        .documents
        .first()
        .and_then(|root| named::at(root, &path(item)));
    let (items, node) = items_of(text).zip(node).ok_or_else(|| IN_TEXT.to_owned())?;
    let checks = items.checks(node);
    let listed = |check: &&Check| (check.state != Checked::No) != (check.name == name);
    let names: Vec<String> = checks
        .iter()
        .filter(listed)
        .map(|check| quoted(&check.name))
        .collect();
    let known = checks.iter().filter(|check| check.state != Checked::Unknown);
    let all = names.len() == checks.len() && known.count() == checks.len();
    let allow: Vec<&str> = path(item).into_iter().chain([ALLOW]).collect();
    let text = match (names.is_empty(), all) {
        (true, _) => return Err("nothing would be left of it: delete it instead".to_owned()),
        (false, true) => named::set(text, &allow, None)?,
        (false, false) => named::set(text, &allow, Some(&format!("[{}]", names.join(", "))))?,
    };
    // What was unknown has no row any more once it is not listed: one goes to another of them.
    let names = format!("{item}/{ALLOW}{CHECK}");
    let rows = rows(&text);
    let mut left = rows.iter().filter(|row| row.pointer.starts_with(&names));
    let same = left.clone().find(|row| row.pointer == pointer);
    let on = same.or_else(|| left.next()).map(|row| row.pointer.clone());
    Ok(Edited { on, text })
}

/// What stands at a pointer is written in the line of its name and comes back whole from a line that is typed, so that
/// a line can be asked for it.
pub(super) fn is_short(root: &Node, pointer: &str, ask: Ask) -> bool {
    let steps = path(pointer);
    let Some((last, above)) = steps.split_last() else {
        return true;
    };
    let entries = named::at(root, above).and_then(Node::as_mapping);
    let Some(entry) = entries.and_then(|entries| entries.get(last)) else {
        return true;
    };
    let (key, span) = (entry.key_span.start.line, entry.value.span);
    let in_one_line = span.start.line == key && span.end.line == key;
    match (&entry.value.value, ask) {
        (Value::Null, _) => true,
        (Value::Sequence(items), Ask::Names) => in_one_line && items.iter().all(is_plain),
        (_, Ask::Names) | (Value::Sequence(_) | Value::Mapping(_), Ask::Words | Ask::Number) => false,
        (Value::String { text, .. }, _) => in_one_line && !text.contains('\n') && text.chars().count() < 200,
        (Value::Sequence(_) | Value::Mapping(_), _) => {
            in_one_line && entry.value.to_json().to_string().len() < 200
        }
        _ => true,
    }
}

/// A text that stays the same among others with commas between them.
fn is_plain(item: &Node) -> bool {
    item.as_str()
        .is_some_and(|text| !text.is_empty() && text == text.trim() && !text.contains([',', '\n']))
}

#[cfg(test)]
mod tests {
    use super::super::form::rows as rows_of;
    use super::*;

    const TEXT: &str = "\
kind: Orchestration
metadata: { name: n }
spec:
  strategy: sequential
  members:
    - agent: first # keep
    # the judge
    - { name: j, workflow: second }
";

    fn row(text: &str, pointer: &str) -> Task {
        let found = rows(text).into_iter().find(|row| row.pointer == pointer);
        found.unwrap_or_else(|| panic!("{pointer}\n{text}"))
    }

    fn typed(text: &str, pointer: &str, words: &str) -> String {
        let field = row(text, pointer).field.unwrap();
        set(text, pointer, field, words)
            .unwrap_or_else(|why| panic!("{pointer}: {why}"))
            .text
    }

    #[test]
    fn every_row_shows_what_was_typed_into_it_and_is_emptied_again() {
        let all = rows(TEXT);
        assert!(all.iter().filter(|row| row.field.is_some()).count() > 20);
        for field in all.iter().filter(|row| row.field.is_some()) {
            let words = match field.field.unwrap().ask {
                Ask::Words => "it's: \"a\" #, {{ b }}",
                Ask::Number => "3",
                Ask::Names => "yes, it's, no: 1",
                Ask::Value => "${ $context.matter }",
                Ask::OneOf(_) => "majority",
                Ask::Strategy => "debate",
                Ask::Who => "capability judge",
                Ask::Model => "rehearsal/rehearsal",
                Ask::Text | Ask::Prose | Ask::Check => continue,
            };
            let new = typed(TEXT, &field.pointer, words);
            assert_eq!(row(&new, &field.pointer).kind, words, "{}\n{new}", field.pointer);
            assert!(new.contains("    # the judge"), "{new}");
            let set_before = ["name", "strategy"].contains(&field.name.as_str());
            if field.field.unwrap().ask != Ask::Who && !set_before {
                let back = empty(&new, &field.pointer).unwrap().text;
                assert_eq!(back, TEXT, "{}", field.pointer);
            }
        }
    }

    #[test]
    fn members_join_leave_move_and_change_who_they_are() {
        let on = "/spec/members/0/role";
        let joined = join(TEXT, on, Where::Behind, "agent third").unwrap();
        assert_eq!(joined.on.as_deref(), Some("/spec/members/1"));
        assert!(
            joined
                .text
                .contains("    - agent: first # keep\n    - agent: third\n    # the judge\n"),
            "{}",
            joined.text
        );
        let before = join(TEXT, "/spec/members/0", Where::Before, "capability x y").unwrap();
        assert!(
            before.text.contains("    - capability: x y\n    - agent: first"),
            "{}",
            before.text
        );
        let last = join(TEXT, "/spec/strategy", Where::Before, "agent third").unwrap();
        assert!(
            last.text.ends_with("second }\n    - agent: third\n"),
            "{}",
            last.text
        );
        let changed = typed(TEXT, "/spec/members/0/who", "workflow w");
        assert!(changed.contains("    - workflow: w # keep\n"), "{changed}");
        let moved = super::super::surgery::shift(TEXT, "/spec/members/0", false).unwrap();
        assert_eq!(row(&moved.text, "/spec/members/0").name, "j");
        let gone = super::super::surgery::delete(TEXT, "/spec/members/0").unwrap();
        assert_eq!(row(&gone.text, "/spec/members/0").kind, "workflow second");
        let first = join(
            "kind: Orchestration\nspec:\n  strategy: vote\n  members: []\n",
            "",
            Where::Behind,
            "agent a",
        );
        assert_eq!(
            first.unwrap().text,
            "kind: Orchestration\nspec:\n  strategy: vote\n  members:\n    - agent: a\n"
        );
    }

    #[test]
    fn what_a_row_shows_already_changes_nothing_in_the_text() {
        let text = "\
kind: Orchestration
metadata: { name: n }
spec:
  description: >-
    What it
    is for.
  strategy: vote # how
  members:
    - agent: a
      when: true
      input: # what it gets
        # all of it
        text: ${ . }
  vote:
    choices: ['yes, please', no]
    rule: { at_least: 2 }
";
        let parsed = source::parse(text.as_bytes());
        let root = &parsed.documents[0];
        let short = |pointer: &str| is_short(root, pointer, row(text, pointer).field.unwrap().ask);
        for field in rows(text).iter().filter(|row| row.field.is_some() && row.said) {
            assert_eq!(
                typed(text, &field.pointer, &field.kind),
                text,
                "{}",
                field.pointer
            );
        }
        for pointer in ["/spec/description", "/spec/members/0/input", "/spec/vote/choices"] {
            assert!(
                !short(pointer),
                "{pointer} would not come back whole from one line"
            );
        }
        for pointer in [
            "/spec/strategy",
            "/spec/members/0/when",
            "/spec/members/0/role",
            "/spec/vote/rule",
        ] {
            assert!(short(pointer), "{pointer}");
        }
    }

    #[test]
    fn nobody_joins_below_what_is_written_in_one_line() {
        let text = "kind: Orchestration\nspec: { strategy: vote }\n";
        assert!(join(text, "/spec/strategy", Where::Behind, "agent a").is_err());
        let parsed = source::parse(text.as_bytes());
        assert!(!parsed.has_errors());
    }

    #[test]
    fn what_is_no_number_and_nobody_is_refused() {
        let limits = row(TEXT, "/spec/limits/rounds").field.unwrap();
        for words in ["many", "-1", "inf"] {
            assert!(
                set(TEXT, "/spec/limits/rounds", limits, words).is_err(),
                "{words}"
            );
        }
        let who = row(TEXT, "/spec/members/0/who").field.unwrap();
        for words in ["", "agent", "person dana"] {
            assert!(set(TEXT, "/spec/members/0/who", who, words).is_err(), "{words}");
        }
        let parsed = source::parse(b"kind: Schedule\nspec: {}\n");
        assert!(rows_of(&parsed.documents[0], &[]).is_empty());
    }

    const AGENT: &str = "\
kind: Agent
metadata: { name: n }
spec:
  prompt: 'Summarise: {{ input.text }}'
  # what it may use
  tools:
    - file:
        workspace: /srv/docs
        write: true
      approval: ask
    - command: { name: build, program: make, workspace: /srv }
";

    #[test]
    fn every_row_of_an_agent_shows_what_was_typed_into_it_and_is_emptied_again() {
        let all = rows(AGENT);
        let mut tried = 0;
        for row in all.iter().filter(|row| row.field.is_some()) {
            let words = match row.field.unwrap().ask {
                Ask::Words | Ask::Model => "it's: \"a\" #, {{ b }}",
                Ask::Number => "0.5",
                Ask::Names => "yes, it's, no: 1",
                Ask::Value => r#"{"read_file":{"properties":{"path":{"pattern":"^docs/"}}}}"#,
                Ask::OneOf(all) => all[0].0,
                _ => continue,
            };
            tried += 1;
            let new = typed(AGENT, &row.pointer, words);
            let shown = self::row(&new, &row.pointer);
            assert_eq!(shown.kind, words, "{}\n{new}", row.pointer);
            assert!(new.contains("  # what it may use"), "{new}");
            if !row.said {
                assert_eq!(empty(&new, &row.pointer).unwrap().text, AGENT, "{}", row.pointer);
            }
        }
        assert!(tried > 40, "{tried}");
    }

    #[test]
    fn tools_are_granted_one_by_one_and_taken_back() {
        let bare = "kind: Agent\nmetadata:\n  name: n\nspec:\n  prompt: x\n";
        let one = join(bare, "/spec/prompt", Where::Behind, "file").unwrap();
        assert_eq!(one.on.as_deref(), Some("/spec/tools/0"));
        assert_eq!(
            one.text,
            format!("{bare}  tools:\n    - file:\n        workspace: ''\n")
        );
        let two = join(&one.text, "/spec/tools/0", Where::Behind, "agent reviewer").unwrap();
        assert!(
            two.text.ends_with("    - agent:\n        name: reviewer\n"),
            "{}",
            two.text
        );
        assert_eq!(row(&two.text, "/spec/tools/1").name, "reviewer");
        let left = leave(&two.text, "/spec/tools/1").unwrap().text;
        assert_eq!(left, one.text);
        assert_eq!(leave(&left, "/spec/tools/0").unwrap().text, bare);
        for nobody in ["agent", "file x", "shell"] {
            assert!(
                join(bare, "/spec/prompt", Where::Behind, nobody).is_err(),
                "{nobody}"
            );
        }
    }

    #[test]
    fn the_tools_of_a_grant_are_checked_one_by_one() {
        let at = |name: &str| format!("/spec/tools/0/allow#{name}");
        let sign = |text: &str, name: &str| row(text, &at(name)).kind[..3].to_owned();
        assert_eq!(sign(AGENT, "write_file"), "[x]");
        let off = toggle(AGENT, &at("write_file")).unwrap().text;
        assert_eq!(sign(&off, "write_file"), "[ ]");
        assert!(off.contains("allow: [read_file, list_files]"), "{off}");
        assert_eq!(toggle(&off, &at("write_file")).unwrap().text, AGENT);
        // One nobody knows is named, and goes when it is taken off.
        let strange = off.replace("list_files", "lst_files");
        assert_eq!(sign(&strange, "lst_files"), "[!]");
        let mended = toggle(&strange, &at("lst_files")).unwrap();
        assert_eq!(mended.on, Some(at("read_file")));
        assert!(mended.text.contains("allow: [read_file]"), "{}", mended.text);
        assert!(
            toggle(&mended.text, &at("read_file")).is_err(),
            "nothing would be left"
        );
    }
}
