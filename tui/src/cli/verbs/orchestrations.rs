//! `dirigent orchestrations`: several agents or workflows on one matter.

use clap::Subcommand;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::json;

use super::definitions::{self, Common};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::out::Tone;
use crate::cli::table::Table;
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str =
    "Several agents or workflows on one matter: list, show as a workflow, compare, publish";

/// `dirigent orchestrations`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with orchestrations.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// What any definition can do.
    #[command(flatten)]
    Common(Common),
    /// List the ways in which members work together
    Strategies,
}

/// Does it.
///
/// # Errors
/// No such orchestration or version, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::Common(Common::default())) {
        Action::Common(action) => definitions::run(Kind::Orchestration, action, cx).await,
        Action::Strategies => strategies(cx).await,
    }
}

async fn strategies(cx: &mut Cx) -> Result<Exit, Fault> {
    let QueryReply::Strategies(all) = cx.query(Query::Strategies {}).await? else {
        return Err(unexpected("strategies"));
    };
    cx.show(&json!({ "items": all }), |out| {
        let mut table = Table::new(&["strategy", "what"]);
        for one in &all {
            table.row([(Tone::Strong, one.name.clone()), (Tone::Plain, one.about.clone())]);
        }
        table.write(out);
    })?;
    Ok(Exit::Done)
}
