//! `dirigent test run`: the daemon's program has the engine, so it is run instead.

use std::ffi::OsString;

use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::validate::instead;

/// `dirigent test run`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recorded tests, or directories whose `*.test.yaml` and `*.test.json` are
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<OsString>,
    /// Play with the workflow and the agents of this file instead of those that were recorded
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<OsString>,
}

/// Does it.
///
/// # Errors
/// The daemon's program is missing.
pub(super) fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut words: Vec<OsString> = vec!["test".into()];
    for document in args.documents {
        words.extend(["--document".into(), document]);
    }
    words.extend(args.files);
    instead(&words, cx)
}
