//! `dirigentd validate`: the errors of definition files, no daemon needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dirigent_protocol::fault::Code;
use dirigent_protocol::source::{Diagnostic, MAX_BYTES, Place};
use serde_json::json;

use super::failure::print;
use crate::service::check_file;

pub(super) fn validate(files: &[PathBuf], strict: bool, as_json: bool) -> ExitCode {
    let (mut errors, mut warnings, mut reports) = (0, 0, Vec::new());
    for path in files {
        let name = if path.as_os_str() == "-" {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        let found = match read(path) {
            Ok(text) => check_file(&text),
            Err(finding) => vec![finding],
        };
        let wrong = found.iter().filter(|finding| finding.is_error()).count();
        errors += wrong;
        warnings += found.len() - wrong;
        if as_json {
            reports.push(json!({ "file": name, "diagnostics": found }));
        } else {
            found.iter().for_each(|finding| print(finding.render(&name)));
            if found.is_empty() {
                print(format_args!("{name}: no errors"));
            }
        }
    }
    let valid = errors == 0 && !(strict && warnings > 0);
    if as_json {
        print(json!({ "valid": valid, "errors": errors, "warnings": warnings, "files": reports }));
    }
    if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Code::Invalid.exit())
    }
}

/// The text of a file, cut just above the limit: the parser says that it is too large.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let failed = |error: io::Error| {
        Diagnostic::error("unreadable", format!("cannot be read: {error}"), Place::default())
            .help("check the path and its permissions")
    };
    let limit = MAX_BYTES as u64 + 1;
    let mut text = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(
            Diagnostic::error("not_regular_file", "is not a regular file", Place::default())
                .help("name a file, or `-` for standard input"),
        );
    }
    File::open(path)
        .map_err(failed)?
        .take(limit)
        .read_to_end(&mut text)
        .map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_missing_files_are_findings() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap_err().code, "not_regular_file");
        assert_eq!(read(&dir.path().join("none")).unwrap_err().code, "unreadable");
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().code, "not_regular_file");
    }
}
