//! `dirigent effects`: the inbox of effects that were begun and whose outcome nobody knows. Adding an action is one
//! new file and one row below.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod list;
pub mod settle;

/// One line for the list of verbs.
pub const ABOUT: &str = "See effects whose outcome nobody knows; say what became of them";

/// `dirigent effects`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with effects.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List those that wait for somebody to say, oldest first
    List(list::Args),
    /// Say what became of one, several or all of them
    Settle(settle::Args),
}

/// Does it.
///
/// # Errors
/// No such effect, it was settled already, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(args, cx).await,
        Action::Settle(args) => settle::run(args, cx).await,
    }
}
