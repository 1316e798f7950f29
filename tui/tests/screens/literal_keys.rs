//! No key stands literally in the text of a page: what names a key takes it from the keymap in force.

use std::fs;
use std::path::{Path, PathBuf};

/// Names of keys that may not stand in a text.
const NAMES: [&str; 9] = [
    "Esc",
    "Enter",
    "Space",
    "PgDn",
    "PgUp",
    "Shift-Tab",
    "Ctrl-",
    "hjkl",
    "press a ",
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            sources(&path, out);
        } else if name.ends_with(".rs") && !matches!(name.as_str(), "tests.rs" | "samples.rs" | "help.rs") {
            out.push(path);
        }
    }
}

/// The text literals of a line, comments and attributes aside.
fn literals(line: &str) -> Vec<&str> {
    let code = line.trim_start();
    if code.starts_with("//") || code.starts_with("#[") || code.starts_with("///") {
        return Vec::new();
    }
    code.split('"').skip(1).step_by(2).collect()
}

fn is_word(text: &str, name: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    text.match_indices(name).any(|(at, _)| {
        let behind = text[at + name.len()..].chars().next();
        !letter(text[..at].chars().next_back()) && (name.ends_with(['-', ' ']) || !letter(behind))
    })
}

#[test]
fn no_text_of_a_page_names_a_key_literally() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    ["pages", "widgets", "shell"]
        .iter()
        .for_each(|room| sources(&root.join(room), &mut files));
    assert!(files.len() > 50, "{}", files.len());
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let own = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in own.lines().enumerate() {
            for literal in literals(line) {
                let named = NAMES.iter().any(|name| is_word(literal, name));
                // The lower edge of a pane says keys: a letter in it cannot be told from one, so it is made.
                let edge = line.contains(".foot(Role::Dim, \"") && literal.contains(' ');
                if named || edge {
                    found.push(format!("{}:{}: {literal}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "take these keys from the keymap:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_test_sees_what_it_looks_for() {
    assert!(is_word("x; Esc goes back", "Esc") && is_word("Ctrl-S saves", "Ctrl-"));
    assert!(!is_word("Escape", "Esc") && !is_word("Spaces", "Space"));
    assert_eq!(literals(r#"say("one", "two"); // "three"#).len(), 2 + 1);
    assert!(literals(r#"/// "Esc""#).is_empty());
}
