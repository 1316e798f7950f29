//! `dirigent runs`: list, look at and steer runs. Adding an action is one new file and one row below.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod again;
pub mod events;
pub mod list;
pub mod show;
pub mod steer;

/// One line for the list of verbs.
pub const ABOUT: &str = "List, show, pause, resume, release, cancel, retry and fork runs; read their events";

/// `dirigent runs`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List runs, newest first
    List(list::Args),
    /// Show one run
    Show(show::Args),
    /// The events of a run; JSON lines with --json
    Events(events::Args),
    /// Stop a run: no new step starts, what runs is stopped
    Cancel(steer::CancelArgs),
    /// Start nothing new in a run until it is resumed
    Pause(steer::RunArgs),
    /// Let a paused run go on
    Resume(steer::RunArgs),
    /// Let a run go on that was set aside after the daemon died with it in hand
    Release(steer::RunArgs),
    /// Try an ended run again as a new run; what had finished is not done again
    Retry(again::RetryArgs),
    /// Go on from any event of a run as a new run, perhaps with another input
    Fork(again::ForkArgs),
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(args, cx).await,
        Action::Show(args) => show::run(args, cx).await,
        Action::Events(args) => events::run(args, cx).await,
        Action::Cancel(args) => steer::cancel(args, cx).await,
        Action::Pause(args) => steer::pause(args, cx).await,
        Action::Resume(args) => steer::resume(args, cx).await,
        Action::Release(args) => steer::release(args, cx).await,
        Action::Retry(args) => again::retry(args, cx).await,
        Action::Fork(args) => again::fork(args, cx).await,
    }
}
