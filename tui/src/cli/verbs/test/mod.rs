//! `dirigent test`: a run as an offline test.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

mod play;
mod record;

/// One line for the list of verbs.
pub const ABOUT: &str = "Make a test of a run, and play such tests offline";

/// `dirigent test`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with tests.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write a run that has ended as a test: its document, its input, everything that came from outside
    Record(record::Args),
    /// Play recorded tests offline; exit 1 where anything differs. Needs no daemon
    Run(play::Args),
}

/// Does it.
///
/// # Errors
/// No such run, it cannot be a test, or a file cannot be written.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action {
        Action::Record(args) => record::run(args, cx).await,
        Action::Run(args) => play::run(args, cx),
    }
}
