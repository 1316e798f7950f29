//! `dirigent workflows`: what any definition can do; let no new run of one begin, and let them begin again.

use clap::Subcommand;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;

use super::definitions::hold::{self, Hold};
use super::definitions::{self, Common};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

/// One line for the list of verbs.
pub const ABOUT: &str = "Workflows: list, show, compare versions, publish, roll back, pause and resume";

/// `dirigent workflows`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with workflows.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// What any definition can do.
    #[command(flatten)]
    Common(Common),
    /// Hold its runs up.
    #[command(flatten)]
    Hold(Hold),
}

/// Does it.
///
/// # Errors
/// No such workflow, it is paused already or not paused, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::Common(Common::default())) {
        Action::Common(action) => definitions::run(Kind::Workflow, action, cx).await,
        Action::Hold(action) => hold::run("workflow", action, cx).await,
    }
}
