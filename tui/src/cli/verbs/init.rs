//! `dirigent init`: the first administrator of a daemon that several people use. That comes with accounts.

use dirigent_protocol::fault::{Code, Fault};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

/// One line for the list of verbs.
pub const ABOUT: &str = "Set up a daemon for several people (comes later)";

/// `dirigent init`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Says that it comes later, and what to do for one person.
///
/// # Errors
/// Always.
pub async fn run(_: Args, _: &mut Cx) -> Result<Exit, Fault> {
    Err(Fault::new(Code::Unsupported, "this version serves one user on one machine; accounts come later")
        .help("nothing has to be set up: `dirigent` starts a private daemon, and whoever owns its socket is the administrator"))
}
