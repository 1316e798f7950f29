//! `dirigent agents`: list, show, compare, publish, roll back, try out.

use clap::Subcommand;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;

use super::definitions::{self, Common};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod review;
pub mod took;
pub mod tools;
pub mod try_out;

/// One line for the list of verbs.
pub const ABOUT: &str = "Agents: list, show, compare versions, publish, roll back, try out, who uses one, what one took, what its tools are now; let one review its own work";

/// `dirigent agents`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// What any definition can do.
    #[command(flatten)]
    Common(Common),
    /// Let a draft answer beside the published version: its tools only read, and nothing is published
    ///
    /// Models are asked for real. Of their tools, those that only read are used: files, programs that may write nothing,
    /// and requests whose grant says that nothing goes out with them. Every other call is answered with `not performed
    /// while trying`, and stands with all it would have done under `not_performed` in the result. Nobody is asked for
    /// approval, and nothing is published.
    Try(try_out::Args),
    /// What it took in the runs that are kept, and how it did
    Took(took::Args),
    /// What its tools are now: its servers are asked, its model is not; `--pin` pins their lists
    Tools(tools::Args),
    /// Let it look back on its own recent work: a report, and suggestions a person accepts or declines
    Review(review::Args),
}

/// Does it.
///
/// # Errors
/// No such agent or version, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::Common(Common::default())) {
        Action::Common(action) => definitions::run(Kind::Agent, action, cx).await,
        Action::Try(args) => try_out::run(args, cx).await,
        Action::Review(args) => review::run(args, cx).await,
        Action::Tools(args) => tools::run(args, cx).await,
        Action::Took(args) => took::run(args, cx).await,
    }
}
