//! Edits of a workflow's text: a task is added, deleted, moved, renamed, connected by changing its own lines.
//!
//! Nothing is printed anew: every line that is not the task's stays byte for byte, comments and order included.
//! Invariant: an edit either changes the text as asked or says why not, and never leaves half of it.

use super::lines::{Refusal, replace, replace_in_line, split, written};
use super::outline::{Task, indent};
use super::rows::rows;

/// What came of an edit: the text, and the task to stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) on: Option<String>,
}

/// Where a new task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Behind the task.
    Behind,
    /// In front of it.
    Before,
}

/// Kinds of tasks one can add: name, what it does, body at no indentation.
pub(super) const TEMPLATES: [(&str, &str, &str); 13] = [
    (
        "agent",
        "ask an agent",
        "call: agent\nwith:\n  agent: NAME\n  input: ${ . }",
    ),
    (
        "approval",
        "ask a person",
        "call: approval\nwith:\n  title: Go on?\n  action: go on\n  risk: low",
    ),
    (
        "http",
        "call a web service",
        "call: http\nwith:\n  method: get\n  endpoint: http://localhost/",
    ),
    (
        "shell",
        "run a command",
        "run:\n  shell:\n    command: echo hello",
    ),
    ("set", "set values", "set:\n  value: 1"),
    ("wait", "wait some time", "wait:\n  seconds: 5"),
    (
        "switch",
        "choose a way",
        "switch:\n  - yes:\n      when: ${ true }\n      then: continue\n  - otherwise:\n      then: end",
    ),
    (
        "for",
        "once for each",
        "for:\n  each: item\n  in: ${ .items }\ndo:\n  - one:\n      set:\n        value: ${ $item }",
    ),
    (
        "fork",
        "several at once",
        "fork:\n  branches:\n    - left:\n        set:\n          value: 1\n    - right:\n        set:\n          value: 2",
    ),
    (
        "try",
        "catch errors",
        "try:\n  - risky:\n      set:\n        value: 1\ncatch:\n  do:\n    - repair:\n        set:\n          value: 0",
    ),
    (
        "do",
        "a group of tasks",
        "do:\n  - one:\n      set:\n        value: 1",
    ),
    (
        "raise",
        "end with an error",
        "raise:\n  error:\n    type: https://example.com/errors/stopped\n    status: 500\n    title: Stopped",
    ),
    ("noop", "nothing, as a place", "call: noop"),
];

fn task<'a>(tasks: &'a [Task], pointer: &str) -> Result<&'a Task, Refusal> {
    let found = tasks.iter().find(|task| task.pointer == pointer);
    found.ok_or_else(|| "the text cannot be read here: mend it as text first".to_owned())
}

pub(super) fn own(task: &Task) -> Result<(usize, usize), Refusal> {
    task.lines.ok_or_else(|| {
        format!(
            "{} is not written on lines of its own: edit it as text",
            task.name
        )
    })
}

/// A name nobody in the list has.
fn fresh(tasks: &[Task], list: &str, stem: &str) -> String {
    let taken = |name: &str| tasks.iter().any(|task| task.list == list && task.name == name);
    if !taken(stem) {
        return stem.to_owned();
    }
    let mut number = 2;
    while taken(&format!("{stem}-{number}")) {
        number += 1;
    }
    format!("{stem}-{number}")
}

fn block(name: &str, body: &str, wide: usize) -> String {
    let pad = " ".repeat(wide);
    let mut out = format!("{pad}- {}:\n", written(name));
    for line in body.lines() {
        out.push_str(&format!("{pad}    {line}\n"));
    }
    out
}

/// Adds a task of a template beside another one.
pub(super) fn add(text: &str, beside: &str, place: Where, template: usize) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let other = task(&tasks, beside)?;
    let (from, to) = own(other)?;
    let (stem, _, body) = TEMPLATES[template.min(TEMPLATES.len() - 1)];
    let name = fresh(&tasks, &other.list, stem);
    let (line, at) = match place {
        Where::Behind => (last_own(text, from, to), other.at + 1),
        Where::Before => (from, other.at),
    };
    let text = replace(text, line, line, &block(&name, body, other.indent));
    Ok(Edited {
        on: found(&text, &other.list, at),
        text,
    })
}

/// Behind the last line of a task that is not blank.
pub(super) fn last_own(text: &str, from: usize, to: usize) -> usize {
    let lines = split(text);
    let mut end = to;
    while end > from + 1 && lines.get(end - 1).is_some_and(|line| line.trim().is_empty()) {
        end -= 1;
    }
    end
}

pub(super) fn found(text: &str, list: &str, at: usize) -> Option<String> {
    let tasks = rows(text);
    let mut here = tasks.iter().filter(|task| task.list == list);
    here.find(|task| task.at == at).map(|task| task.pointer.clone())
}

/// Deletes a task with its comments.
pub(super) fn delete(text: &str, pointer: &str) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let gone = task(&tasks, pointer)?;
    let (from, to) = own(gone)?;
    let beside = tasks.iter().filter(|task| task.list == gone.list).count();
    if beside == 1 {
        return Err(format!(
            "{} is the only one of its list: a list needs one",
            gone.name
        ));
    }
    let text = replace(text, from, to, "");
    Ok(Edited {
        on: found(&text, &gone.list, gone.at.min(beside - 2)),
        text,
    })
}

/// Moves a task by one place in its list.
pub(super) fn shift(text: &str, pointer: &str, up: bool) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let moved = task(&tasks, pointer)?;
    let at = if up {
        moved.at.checked_sub(1)
    } else {
        Some(moved.at + 1)
    };
    let other = at.and_then(|at| tasks.iter().find(|task| task.list == moved.list && task.at == at));
    let Some(other) = other else {
        let end = if up { "first" } else { "last" };
        return Err(format!("{} is the {end} of its list", moved.name));
    };
    let (first, second) = if up { (other, moved) } else { (moved, other) };
    let ((from, middle), (_, to)) = (own(first)?, own(second)?);
    let mut lines: Vec<String> = split(text).into_iter().map(str::to_owned).collect();
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    let new = format!("{}{}", lines[middle..to].concat(), lines[from..middle].concat());
    let text = replace(text, from, to, &new);
    Ok(Edited {
        on: found(&text, &moved.list, other.at),
        text,
    })
}

/// Renames a task, and what in its list says to go there.
pub(super) fn rename(text: &str, pointer: &str, name: &str) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let old = task(&tasks, pointer)?;
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("a task needs a name".to_owned());
    }
    if tasks
        .iter()
        .any(|task| task.list == old.list && task.name == name && task.pointer != pointer)
    {
        return Err(format!("{name} is in the list already"));
    }
    let mut places = vec![old.name_at];
    let same = tasks.iter().filter(|task| task.list == old.list);
    let leads = same.flat_map(|task| {
        let cases = task.cases.iter().filter_map(|(_, to)| to.as_ref());
        task.then.as_ref().into_iter().chain(cases)
    });
    places.extend(leads.filter(|(to, _)| *to == old.name).map(|(_, at)| *at));
    // From the end, so that the places before stay where they are.
    places.sort_unstable();
    let text = places.iter().rev().fold(text.to_owned(), |text, place| {
        replace_in_line(&text, *place, &written(name))
    });
    Ok(Edited {
        on: found(&text, &old.list, old.at),
        text,
    })
}

/// Says what comes behind a task: another one of its list, `end` or `exit`; none: the next one.
pub(super) fn connect(text: &str, pointer: &str, to: Option<&str>) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let from = task(&tasks, pointer)?;
    let on = Some(pointer.to_owned());
    let text = match (&from.then, to) {
        (Some((_, place)), Some(to)) => replace_in_line(text, *place, &written(to)),
        (Some((_, (line, ..))), None) => replace(text, *line, line + 1, ""),
        (None, None) => return Err(format!("{} goes on to the next task already", from.name)),
        (None, Some(to)) => {
            let (first, last) = own(from)?;
            let Some(wide) = from.body_indent else {
                return Err(format!(
                    "{} is written in one line: connect it as text",
                    from.name
                ));
            };
            // Behind the body, in front of comments that stand deeper than the dash only.
            let lines = split(text);
            let mut line = last_own(text, first, last);
            while line > from.dash_line + 1 && indent(lines[line - 1]) < wide {
                line -= 1;
            }
            replace(
                text,
                line,
                line,
                &format!("{}then: {}\n", " ".repeat(wide), written(to)),
            )
        }
    };
    Ok(Edited { text, on })
}

/// Says where a case of a switch leads.
pub(super) fn connect_case(text: &str, pointer: &str, case: usize, to: &str) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let from = task(&tasks, pointer)?;
    let Some((name, target)) = from.cases.get(case) else {
        return Err(format!("{} has no such case", from.name));
    };
    let Some((_, place)) = target else {
        return Err(format!("{name} does not say where it leads: edit it as text"));
    };
    Ok(Edited {
        text: replace_in_line(text, *place, &written(to)),
        on: Some(pointer.to_owned()),
    })
}

/// The text of a task without its indentation.
pub(super) fn text_of(text: &str, pointer: &str) -> Result<String, Refusal> {
    let tasks = rows(text);
    let task = task(&tasks, pointer)?;
    let (from, to) = own(task)?;
    let to = last_own(text, from, to);
    let lines = split(text);
    let cut = |line: &&str| {
        let lead = indent(line).min(task.indent);
        line.trim_end_matches('\n')[lead..].to_owned()
    };
    let own: Vec<String> = lines[from..to].iter().map(cut).collect();
    Ok(own.join("\n"))
}

/// Replaces a task by an edited text of it.
pub(super) fn replace_task(text: &str, pointer: &str, new: &str) -> Result<Edited, Refusal> {
    let tasks = rows(text);
    let task = task(&tasks, pointer)?;
    let (from, to) = own(task)?;
    let to = last_own(text, from, to);
    if new.trim().is_empty() {
        return Err("nothing is left of the task: delete it instead".to_owned());
    }
    let pad = " ".repeat(task.indent);
    let mut block = String::new();
    for line in new.trim_end().lines() {
        if !line.trim().is_empty() {
            block.push_str(&pad);
            block.push_str(line);
        }
        block.push('\n');
    }
    let text = replace(text, from, to, &block);
    Ok(Edited {
        on: found(&text, &task.list, task.at),
        text,
    })
}

#[cfg(test)]
#[path = "surgery_tests.rs"]
mod tests;
