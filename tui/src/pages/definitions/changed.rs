//! What is different between two texts of a form: its values first, then the lines of its words.

use similar::ChangeTag;

use super::field::Ask;
use super::form_edit::path;
use super::outline::Task;
use super::prose;
use super::rows::rows;
use crate::text::{clean_line, diff};
use crate::theme::Role;
use crate::widgets::Line;

/// Lines around a change that stay as they are.
const AROUND: usize = 3;

/// What is different, in lines.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Values that are others now.
    values: Vec<Line>,
    /// Words of several lines: their name, and their lines.
    words: Vec<Line>,
    /// Values, lines that came, lines that went.
    counted: (usize, usize, usize),
    is_form: bool,
}

impl Changed {
    /// From one text to another.
    pub(super) fn between(old: &str, new: &str) -> Self {
        let (before, now) = (rows(old), rows(new));
        let mut out = Self {
            is_form: now.iter().any(|row| row.field.is_some()),
            ..Self::default()
        };
        let all = now
            .iter()
            .chain(before.iter().filter(|row| find(&now, row).is_none()));
        for row in all.filter(|row| row.field.is_some()) {
            let (was, is) = (find(&before, row), find(&now, row));
            if row.field.is_some_and(|field| field.ask == Ask::Prose) {
                out.words_of(row, (old, new));
            } else if said(was) != said(is) {
                out.counted.0 += 1;
                out.values.push(value(&called(row, &now), said(was), said(is)));
            }
        }
        out
    }

    fn words_of(&mut self, row: &Task, (old, new): (&str, &str)) {
        let steps = path(&row.pointer);
        let (old, new) = (prose::at(old, &steps), prose::at(new, &steps));
        if old == new {
            return;
        }
        for (tag, _) in diff::lines(&old, &new) {
            match tag {
                ChangeTag::Insert => self.counted.1 += 1,
                ChangeTag::Delete => self.counted.2 += 1,
                ChangeTag::Equal => {}
            }
        }
        let head = format!("@@ {} @@", row.name);
        self.words.push(Line::new().add(Role::Heading, head));
        self.words.extend(lines(&old, &new));
    }

    /// How much: `2 fields, +3 -1 lines`.
    pub(super) fn counted(&self) -> String {
        let (values, come, gone) = self.counted;
        let fields = format!("{values} field{}", if values == 1 { "" } else { "s" });
        match (come, gone) {
            (0, 0) => fields,
            _ => format!("{fields}, +{come} -{gone} lines"),
        }
    }

    /// Values first, then the words; of what is no form the lines of its text.
    pub(super) fn lines(self, old: &str, new: &str) -> Vec<Line> {
        if !self.is_form || (self.values.is_empty() && self.words.is_empty()) {
            return lines(old, new);
        }
        let mut out = self.values;
        if !out.is_empty() && !self.words.is_empty() {
            out.push(Line::new());
        }
        out.extend(self.words);
        out
    }
}

/// What is different between two texts, line by line.
pub(super) fn lines(old: &str, new: &str) -> Vec<Line> {
    let all = diff::lines(old, new);
    let groups = diff::groups(&all, AROUND);
    let mut out = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            out.push(Line::new().add(Role::Dim, "…"));
        }
        for (tag, line) in group {
            let (sign, role) = match tag {
                ChangeTag::Delete => ("- ", Role::Bad),
                ChangeTag::Insert => ("+ ", Role::Good),
                ChangeTag::Equal => ("  ", Role::Dim),
            };
            out.push(Line::new().add(role, sign).add(role, clean_line(line)));
        }
    }
    if groups.is_empty() {
        out.push(Line::new().add(Role::Dim, "  no difference"));
    }
    out
}

/// Values first, then the words; of what is no form the lines of its text.
pub(super) fn values_and_lines(old: &str, new: &str) -> Vec<Line> {
    Changed::between(old, new).lines(old, new)
}

fn find<'a>(rows: &'a [Task], row: &Task) -> Option<&'a Task> {
    rows.iter().find(|other| other.pointer == row.pointer)
}

fn said(row: Option<&Task>) -> Option<&str> {
    row.filter(|row| row.said).map(|row| row.kind.as_str())
}

/// What a value is called: with that which it stands under.
fn called(row: &Task, all: &[Task]) -> String {
    let above = all.iter().find(|other| other.pointer == row.list);
    match above {
        Some(above) if above.item => format!("{} {} {}", above.at + 1, above.name, row.name),
        Some(above) => format!("{} {}", above.name, row.name),
        None => row.name.clone(),
    }
}

fn value(name: &str, was: Option<&str>, is: Option<&str>) -> Line {
    let line = Line::new().add_fit(Role::Text, clean_line(name), 18);
    match (was, is) {
        (Some(was), Some(is)) => line
            .add(Role::Bad, format!(" {}", clean_line(was)))
            .add(Role::Dim, " → ")
            .add(Role::Good, clean_line(is)),
        (Some(was), None) => line.add(Role::Bad, format!(" - {}", clean_line(was))),
        (None, is) => line.add(Role::Good, format!(" + {}", clean_line(is.unwrap_or_default()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "\
kind: Agent
metadata:
  name: triage
spec:
  temperature: 0.4
  prompt: |
    Label each ticket with one of:
    billing, bug, how-to.
  tools:
    - file:
        workspace: /srv/docs
";

    #[test]
    fn values_come_first_then_the_lines_of_the_prompt() {
        let new = OLD
            .replace("0.4", "0.2")
            .replace("billing, bug", "billing/overdue, bug")
            .replace("/srv/docs", "/srv/docs\n      approval: always");
        let changed = Changed::between(OLD, &new);
        assert_eq!(changed.counted(), "2 fields, +1 -1 lines");
        let lines = changed.lines(OLD, &new);
        let text: Vec<String> = lines
            .iter()
            .map(|line| line.text().trim_end().to_owned())
            .collect();
        assert_eq!(
            text,
            [
                "temperature        0.4 → 0.2",
                "1 file approval    + always",
                "",
                "@@ prompt @@",
                "  Label each ticket with one of:",
                "- billing, bug, how-to.",
                "+ billing/overdue, bug, how-to."
            ]
        );
    }

    #[test]
    fn a_comment_is_no_value_and_is_shown_as_a_line() {
        let new = format!("# mine\n{OLD}");
        let lines = Changed::between(OLD, &new).lines(OLD, &new);
        assert!(lines.iter().any(|line| line.text().contains("+ # mine")));
    }
}
