//! `dirigent mcp`: offers as tools of the Model Context Protocol on standard input and output, for programs that start
//! their servers themselves. The daemon's program speaks the protocol, so it is run instead.

use std::ffi::OsString;

use dirigent_protocol::fault::Fault;

use super::validate::instead;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::link::Target;

/// One line for the list of verbs.
pub const ABOUT: &str = "Serve what is offered as MCP tools on standard input and output";

/// `dirigent mcp`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it, until the input ends.
///
/// # Errors
/// The daemon's program is missing, or the daemon is another machine's.
pub async fn run(_: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let Target::Socket(path) = cx.place()?.target else {
        return Err(usage("`mcp` speaks to the daemon of this machine")
            .help("let the program start `ssh user@host dirigent mcp` as its server"));
    };
    let words: Vec<OsString> = vec!["mcp".into(), "--socket".into(), path.into()];
    instead(&words, cx)
}
