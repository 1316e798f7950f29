//! The keymap as a page of the manual: `tui/KEYS.md`, made from the table and the pages' lists.

use std::fmt::Write as _;

use super::{Action, Bind, Group};

/// A page's part of the manual.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// The page's name.
    pub title: &'a str,
    /// Letter behind `g`.
    pub letter: char,
    /// Actions it takes.
    pub bindings: &'a [Bind],
}

/// The manual, Markdown.
#[must_use]
pub fn markdown(sections: &[Section<'_>]) -> String {
    let mut out = String::from(
        "# Keys\n\nMade from the table in `src/keymap/action.rs` and the pages' lists; do not edit.\n\
         A letter means the same on every page or nothing there. Change keys in `tui.toml`, `[keymap]`, by name.\n",
    );
    for group in [Group::Everywhere, Group::Lists, Group::Objects] {
        let _done = write!(
            out,
            "\n## {}\n\n| keys | name | what |\n|---|---|---|\n",
            group.title()
        );
        for action in Action::ALL.iter().filter(|action| action.group() == group) {
            let _done = writeln!(
                out,
                "| {} | `{}` | {} |",
                keys(*action),
                action.name(),
                action.doc()
            );
        }
    }
    for section in sections {
        let _done = write!(
            out,
            "\n## Page {} (g {})\n\n| keys | what |\n|---|---|\n",
            section.title, section.letter
        );
        for bind in section.bindings {
            let _done = writeln!(out, "| {} | {} |", keys(bind.action), bind.doc);
        }
    }
    out
}

fn keys(action: Action) -> String {
    let shown: Vec<String> = action
        .keys()
        .iter()
        .filter_map(|key| key.parse::<super::Chord>().ok())
        .map(|chord| format!("`{chord}`").replace('|', "\\|"))
        .collect();
    shown.join(" ")
}
