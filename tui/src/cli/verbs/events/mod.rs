//! `dirigent events`: publish, list and watch the events of the bus. Adding an action is one new file and one row below.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod list;
pub mod publish;
pub mod watch;

/// One line for the list of verbs.
pub const ABOUT: &str = "Publish, list and watch events (CloudEvents 1.0)";

/// `dirigent events`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with events.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List events, newest first; of a run, in its own order with its lifecycle
    List(list::Args),
    /// Put an event on the bus; durable when this returns
    Publish(publish::Args),
    /// Events as they come, as JSON lines; resumable
    Watch(watch::Args),
}

/// Does it.
///
/// # Errors
/// What the action says.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(args, cx).await,
        Action::Publish(args) => publish::run(args, cx).await,
        Action::Watch(args) => watch::run(args, cx).await,
    }
}
