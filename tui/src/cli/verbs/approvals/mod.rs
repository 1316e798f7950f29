//! `dirigent approvals`: see what waits for a person, and decide. Adding an action is one new file and one row below.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod ask;
pub mod decide;
pub mod delegate;
pub mod fill_in;
pub mod link;
pub mod list;
pub mod resolve_effect;
pub mod rules;
pub mod show;

/// One line for the list of verbs.
pub const ABOUT: &str = "See what waits for a person; approve or deny it";

/// `dirigent approvals`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with approvals.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List what waits, oldest first
    List(list::Args),
    /// Show one whole: exactly what will run, and its digest
    Show(show::Args),
    /// Say yes to exactly what was shown
    Approve(decide::ApproveArgs),
    /// Say no
    Deny(decide::DenyArgs),
    /// Ask an agent about one before you decide
    Ask(ask::Args),
    /// Let somebody else decide in your place
    Delegate(delegate::DelegateArgs),
    /// Change what is asked; everybody looks again
    Amend(delegate::AmendArgs),
    /// Make a signed link that answers once
    Link(link::LinkArgs),
    /// Answer by a signed link
    Answer(link::AnswerArgs),
    /// Standing answers: what one would have decided
    Rules(rules::Args),
    /// Say what became of an effect whose outcome nobody knows
    Resolve(resolve_effect::Args),
}

/// Does it.
///
/// # Errors
/// No such approval, it is decided already or changed, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(args, cx).await,
        Action::Show(args) => show::run(args, cx).await,
        Action::Approve(args) => decide::approve(args, cx).await,
        Action::Deny(args) => decide::deny(args, cx).await,
        Action::Ask(args) => ask::run(args, cx).await,
        Action::Delegate(args) => delegate::delegate(args, cx).await,
        Action::Amend(args) => delegate::amend(args, cx).await,
        Action::Link(args) => link::link(args, cx).await,
        Action::Answer(args) => link::answer(args, cx).await,
        Action::Rules(args) => rules::run(args, cx).await,
        Action::Resolve(args) => resolve_effect::run(args, cx).await,
    }
}
