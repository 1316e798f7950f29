//! The values of all secrets there are, with their names: for whoever must hand none of them on. Fills none in.
//!
//! Files are read again only where one of them changed. Invariant: a value is told to no log and no record; its name is.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::secrets::{VARIABLE, credentials, file, note, percent, read, without_plain};
use crate::capped::Capped;

/// Shorter values are not looked for in what comes and goes: they stand in texts by chance.
const MIN_GUARDED: usize = 8;
/// Most files of secrets that are looked at.
const MAX_GUARDED: usize = 1_024;
/// Most places of secrets that are remembered: a process has one.
const MAX_PLACES: usize = 16;

/// A value that must not be handed on. It has no `Debug`: nothing shows it by accident.
#[derive(Clone)]
pub(crate) struct Kept {
    /// The secret it is of.
    pub(crate) name: String,
    pub(crate) value: String,
}

/// How a file looked: one that was written again, or in the place of another, looks otherwise.
type Look = (PathBuf, u64, i64, i64, u64);

/// What was read, and of what.
type Known = (Vec<Look>, Arc<[Kept]>);

static KNOWN: LazyLock<Capped<PathBuf, Known, MAX_PLACES>> = LazyLock::new(Capped::default);

/// The values of all secrets there are, by now. Waits for a disk.
pub(crate) fn kept(data_dir: &Path) -> Arc<[Kept]> {
    let folders = [Some(data_dir.join("secrets")), credentials()];
    let entries = folders.into_iter().flatten();
    let entries = entries.filter_map(|folder| std::fs::read_dir(folder).ok());
    let mut looks: Vec<Look> = entries
        .flatten()
        .flatten()
        .take(MAX_GUARDED)
        .filter_map(|entry| look(entry.path()))
        .collect();
    looks.sort();
    if let Some((_, known)) = KNOWN.get(&data_dir.to_owned()).filter(|(seen, _)| *seen == looks) {
        return known;
    }
    let files = looks.iter().filter_map(|(path, ..)| {
        let text = file(path, false).ok().flatten()?;
        Some((path.file_name()?.to_string_lossy().into_owned(), text))
    });
    let variables = std::env::vars_os().filter_map(|(name, text)| {
        let name = name.to_string_lossy().strip_prefix(VARIABLE)?.to_owned();
        Some((name, text.into_string().ok()?))
    });
    let mut all = Vec::new();
    for (name, text) in files.chain(variables) {
        let mut values = Vec::new();
        note(&without_plain(read(&text)), &mut values);
        let long = values.iter().filter(|value| value.len() >= MIN_GUARDED);
        all.extend(long.map(|value| Kept {
            name: name.clone(),
            value: value.clone(),
        }));
    }
    KNOWN.keep(data_dir.to_owned(), (looks, all.into())).1
}

fn look(path: PathBuf) -> Option<Look> {
    let found = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((path, found.ino(), found.ctime(), found.ctime_nsec(), found.len()))
}

/// The name of a secret whose value stands in a request, as it is or as addresses write it.
pub(crate) fn held<'a>(kept: &'a [Kept], request: &Value) -> Option<&'a str> {
    let stands = |one: &&Kept| {
        let value = one.value.as_str();
        holds(request, value) || {
            let coded = percent(value);
            coded != value && holds(request, &coded)
        }
    };
    kept.iter().find(stands).map(|one| one.name.as_str())
}

fn holds(request: &Value, value: &str) -> bool {
    match request {
        Value::String(text) => text.contains(value),
        Value::Number(number) => number.to_string().contains(value),
        Value::Array(items) => items.iter().any(|item| holds(item, value)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, item)| name.contains(value) || holds(item, value)),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_file_is_read_again_and_a_value_is_found_in_every_form() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("secrets");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("api"), "correct horse").unwrap();
        let first = kept(home.path());
        assert!(
            Arc::ptr_eq(&first, &kept(home.path())),
            "nothing changed, nothing is read"
        );
        std::fs::write(
            folder.join("api"),
            r#"{"pin": 12345678, "host": "db.example.com", "short": 4711}"#,
        )
        .unwrap();
        let now = kept(home.path());
        assert_eq!(now.len(), 1);
        assert_eq!(held(&now, &json!({ "n": 12_345_678 })), Some("api"));
        assert_eq!(held(&now, &json!(["db.example.com", 4711])), None);
        assert_eq!(
            held(&first, &json!({ "uri": "https://h/?q=correct%20horse" })),
            Some("api")
        );
        assert_eq!(held(&first, &json!({ "correct horse": true })), Some("api"));
    }
}
