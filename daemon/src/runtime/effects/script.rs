//! `run: script`: the interpreter of a language on this machine, and the script as a file of the step's own directory.

use std::path::PathBuf;

use dirigent_protocol::run::{EffectOutcome, Process, ScriptCall, ShellCall};

use super::performer::refused;
use super::web::Web;

/// Programs that run a language, in the order in which they are looked for.
const INTERPRETERS: [(&str, &[&str]); 4] = [
    ("js", &["node", "nodejs"]),
    ("python", &["python3", "python"]),
    ("sh", &["sh"]),
    ("bash", &["bash"]),
];

/// A command and the files it needs beside it.
pub(super) struct Prepared {
    pub(super) call: ShellCall,
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
}

/// The command of a script.
pub(super) async fn prepare(web: &Web, script: &ScriptCall) -> Result<Prepared, Box<EffectOutcome>> {
    let Some((_, programs)) = INTERPRETERS
        .iter()
        .find(|(language, _)| *language == script.language)
    else {
        let detail = format!("`{}`: js, python, sh and bash are run", script.language);
        return Err(Box::new(refused(
            "configuration",
            501,
            "The language is not run",
            detail,
        )));
    };
    let Some(program) = programs.iter().find_map(|name| on_path(name)) else {
        let detail = format!("none of {} is on the daemon's PATH", programs.join(", "));
        return Err(Box::new(refused(
            "configuration",
            501,
            "There is no interpreter",
            detail,
        )));
    };
    let code = match (&script.code, &script.source) {
        (Some(code), _) => code.clone().into_bytes(),
        (None, Some(source)) => web.fetch(source).await?,
        (None, None) => Vec::new(),
    };
    let file = file_name(&script.language, &String::from_utf8_lossy(&code));
    let command = format!("exec {} ./{file} \"$@\"", quoted(&program.to_string_lossy()));
    Ok(Prepared {
        call: shell(command, &script.process),
        files: vec![(file, code)],
    })
}

/// A shell's call with what a process is given.
pub(super) fn shell(command: String, process: &Process) -> ShellCall {
    ShellCall {
        command,
        arguments: process.arguments.clone(),
        stdin: process.stdin.clone(),
        environment: process.environment.clone(),
        directory: None,
        returns: process.returns.clone(),
        detached: process.detached,
        sandbox: process.sandbox,
        secrets: Vec::new(),
    }
}

/// The module system of JavaScript follows the file's name.
fn file_name(language: &str, code: &str) -> &'static str {
    let imports = || code.lines().any(|line| line.trim_start().starts_with("import "));
    match language {
        "js" if code.contains("require(") && !imports() => "script.cjs",
        "js" => "script.mjs",
        "python" => "script.py",
        _ => "script.sh",
    }
}

/// A program on the daemon's own PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| {
            use std::os::unix::fs::PermissionsExt;
            file.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// One word of a shell's command line.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words() {
        assert_eq!(file_name("js", "import x from 'y'"), "script.mjs");
        assert_eq!(file_name("js", "const x = require('y')"), "script.cjs");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert!(on_path("sh").is_some() && on_path("no-such-program-at-all").is_none());
    }
}
