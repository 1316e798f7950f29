//! `dirigent validate`: the errors of a document with line and column. The daemon's program knows documents, so it is
//! run instead; no daemon is needed.

use std::ffi::OsString;

use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::io;
use crate::link::locate::daemon_program;

/// One line for the list of verbs.
pub const ABOUT: &str = "The errors of a document, with line and column; needs no daemon";

/// `dirigent validate`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files, or `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE|-", required = true)]
    pub files: Vec<OsString>,
    /// Warnings are errors
    #[arg(long)]
    pub strict: bool,
}

/// Does it.
///
/// # Errors
/// The daemon's program is missing.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut words: Vec<OsString> = vec!["validate".into()];
    for file in args.files {
        words.extend(["-f".into(), file]);
    }
    if args.strict {
        words.push("--strict".into());
    }
    instead(&words, cx)
}

/// Runs the daemon's program with these words, on this program's own streams.
///
/// # Errors
/// It is missing or cannot be started.
pub fn instead(words: &[OsString], cx: &mut Cx) -> Result<Exit, Fault> {
    let program = daemon_program()?;
    cx.out.flush();
    let mut command = std::process::Command::new(&program);
    command.args(words);
    if cx.globals.is_json() {
        command.arg("--json");
    }
    let status = command.status().map_err(|error| {
        io(
            "the daemon's program cannot be started",
            program.display(),
            &error,
        )
    })?;
    // Without a code a signal ended it.
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(Exit::Failed, Exit::Other))
}
