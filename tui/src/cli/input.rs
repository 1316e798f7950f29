//! What comes in: files, standard input, JSON arguments. Each is read once, and only if it is a regular file.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::source::MAX_BYTES;
use serde_json::Value;

use super::faults::io;

/// Longest JSON argument, bytes.
const MAX_JSON: usize = 4 * 1024 * 1024;
/// Most files of a directory.
const MAX_FILES: usize = 1_000;

/// A text with the name it has in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// `stdin` or the path.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Reads `-f FILE|DIR|-`: the YAML and JSON files of a directory in order of name, one file, or standard input.
///
/// # Errors
/// It is not there, not a regular file, too large, or not UTF-8.
pub fn documents(path: &Path) -> Result<Vec<Text>, Fault> {
    if path == Path::new("-") {
        let text = utf8(limited(std::io::stdin().lock(), MAX_BYTES, "stdin")?, "stdin")?;
        return Ok(vec![Text {
            name: "stdin".into(),
            text,
        }]);
    }
    if !path.is_dir() {
        return Ok(vec![document(path)?]);
    }
    let shown = path.display().to_string();
    let entries = std::fs::read_dir(path).map_err(|error| io("cannot read the directory", &shown, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| {
            matches!(
                file.extension().and_then(|e| e.to_str()),
                Some("yaml" | "yml" | "json")
            )
        })
        .filter(|file| file.is_file())
        .take(MAX_FILES)
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Fault::new(Code::Invalid, "no .yaml, .yml or .json file in this directory").at(shown));
    }
    files.iter().map(|file| document(file)).collect()
}

/// Reads one definition file.
///
/// # Errors
/// It is not there, not a regular file, too large, or not UTF-8.
pub fn document(path: &Path) -> Result<Text, Fault> {
    let name = path.display().to_string();
    Ok(Text {
        text: utf8(bytes(path, MAX_BYTES)?, &name)?,
        name,
    })
}

/// Reads `JSON`, `@FILE` or `@-`.
///
/// # Errors
/// It cannot be read, or is not JSON.
pub fn json(text: &str, flag: &str) -> Result<Value, Fault> {
    let (name, text) = match text.strip_prefix('@') {
        Some("-") => (
            "stdin".to_owned(),
            utf8(limited(std::io::stdin().lock(), MAX_JSON, "stdin")?, "stdin")?,
        ),
        Some(file) => (file.to_owned(), utf8(bytes(Path::new(file), MAX_JSON)?, file)?),
        None => (flag.to_owned(), text.to_owned()),
    };
    serde_json::from_str(&text).map_err(|error| {
        Fault::new(Code::Invalid, format!("this is not JSON: {error}"))
            .at(format!("{name}:{}:{}", error.line(), error.column()))
            .help(format!(
                "write {flag} '{{\"name\": \"value\"}}', {flag} @FILE, or {flag} @- for standard input"
            ))
    })
}

fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Fault> {
    let shown = path.display().to_string();
    let meta = std::fs::metadata(path).map_err(|error| io("cannot read the file", &shown, &error))?;
    // A pipe or a device could block or never end.
    if !meta.is_file() {
        return Err(
            Fault::new(Code::Invalid, "this is not a regular file (not_regular_file)")
                .at(shown)
                .help("name a file, or `-` for standard input"),
        );
    }
    let file = File::open(path).map_err(|error| io("cannot read the file", &shown, &error))?;
    limited(file, limit, &shown)
}

fn limited(source: impl Read, limit: usize, shown: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    source
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io("cannot read", shown, &error))?;
    if bytes.len() > limit {
        return Err(Fault::new(Code::TooLarge, format!("more than {limit} bytes"))
            .at(shown.to_owned())
            .help("split it, or move large data out of it"));
    }
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>, shown: &str) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Fault::new(Code::Invalid, format!("not UTF-8 at byte {offset} (not_utf8)"))
            .at(shown.to_owned())
            .help("save the file as UTF-8")
    })
}

/// Writes a private file.
///
/// # Errors
/// The system refuses.
pub fn write_private(path: &Path, text: &str) -> Result<(), Fault> {
    use std::os::unix::fs::OpenOptionsExt;
    let write = || -> std::io::Result<()> {
        let mut options = File::options();
        let mut file = options
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| io("cannot write the file", path.display(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_from_the_argument_or_a_file_and_errors_name_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("in.json");
        std::fs::write(&file, "{\"a\": 1,\n x}").unwrap();
        assert_eq!(json("[1]", "--input").unwrap(), serde_json::json!([1]));
        let fault = json(&format!("@{}", file.display()), "--input").unwrap_err();
        assert!(fault.at.unwrap().ends_with("in.json:2:2"));
        assert_eq!(json("{", "--input").unwrap_err().code.exit(), 65);
    }

    #[test]
    fn devices_and_directories_without_documents_are_refused_without_blocking() {
        assert_eq!(document(Path::new("/dev/zero")).unwrap_err().code, Code::Invalid);
        assert_eq!(
            documents(tempfile::tempdir().unwrap().path()).unwrap_err().code,
            Code::Invalid
        );
        assert_eq!(
            documents(Path::new("/nonexistent/x.yaml")).unwrap_err().code,
            Code::Io
        );
    }

    #[test]
    fn a_directory_is_read_in_order_of_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yaml", "c.txt"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let texts: Vec<_> = documents(dir.path())
            .unwrap()
            .into_iter()
            .map(|text| text.text)
            .collect();
        assert_eq!(texts, ["a.yaml", "b.yml"]);
    }
}
