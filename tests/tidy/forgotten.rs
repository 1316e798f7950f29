//! No file lies about that no module names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::house::{CRATES, root, short, sources};

/// Files reached from a crate's roots through `mod name;`.
fn reached(start: &Path) -> BTreeSet<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut next = vec![start.to_owned()];
    while let Some(file) = next.pop() {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if !seen.insert(file.clone()) {
            continue;
        }
        let folder = match file.file_stem().unwrap().to_str().unwrap() {
            "lib" | "main" | "mod" => file.parent().unwrap().to_owned(),
            stem => file.parent().unwrap().join(stem),
        };
        let listed = text.contains("mod $module;");
        for name in text
            .lines()
            .filter_map(|line| declared(line).or_else(|| row(line).filter(|_| listed)))
        {
            next.push(folder.join(format!("{name}.rs")));
            next.push(folder.join(&name).join("mod.rs"));
        }
        for path in text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("#[path = \""))
        {
            next.push(file.parent().unwrap().join(path.trim_end_matches("\"]")));
        }
    }
    seen
}

/// `pub(crate) mod name;` names `name`.
fn declared(line: &str) -> Option<String> {
    let line = line.trim().strip_suffix(';')?;
    let (before, name) = line.rsplit_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then(|| name.trim().to_owned())
}

/// `Apply = apply;` in a list that declares its modules names `apply`.
fn row(line: &str) -> Option<String> {
    let (_, name) = line.trim().strip_suffix(';')?.split_once(" = ")?;
    name.chars()
        .all(|c| c.is_ascii_lowercase() || c == '_')
        .then(|| name.to_owned())
}

#[test]
fn every_file_belongs_to_a_module() {
    let mut forgotten = Vec::new();
    for (folder, _) in CRATES {
        let base = root().join(folder);
        for (inner, roots) in [
            ("src", &["src/lib.rs", "src/main.rs"][..]),
            ("e2e", &["e2e/main.rs"][..]),
            ("tidy", &["tidy/main.rs"][..]),
        ] {
            let reached: BTreeSet<_> = roots
                .iter()
                .flat_map(|start| reached(&base.join(start)))
                .collect();
            forgotten.extend(
                sources(folder, inner)
                    .into_iter()
                    .filter(|file| !reached.contains(file)),
            );
        }
    }
    let names: Vec<_> = forgotten.iter().map(|file| short(file)).collect();
    assert!(
        names.is_empty(),
        "no module names these files:\n{}",
        names.join("\n")
    );
}
