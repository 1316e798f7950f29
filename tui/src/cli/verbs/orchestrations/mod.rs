//! `dirigent orchestrations`: several agents or workflows on one matter.

use clap::Subcommand;
use dirigent_config::orchestrations::ORCHESTRATIONS;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::input::Text;
use crate::cli::out::Tone;
use crate::cli::table::Table;
use crate::cli::verbs::apply;
use crate::cli::verbs::definitions::hold::{self, Hold};
use crate::cli::verbs::definitions::{self, Common};
use crate::link::snapshot::unexpected;

pub mod who;

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
    /// Hold its runs up.
    #[command(flatten)]
    Hold(Hold),
    /// List the ways in which members work together
    Strategies,
    /// Who works in a run, who waits, who handed what to whom
    Who(who::Args),
    /// List the orchestrations to begin with, or publish one of them with its agents
    Shipped(ShippedArgs),
}

/// `dirigent orchestrations shipped`
#[derive(Debug, clap::Args)]
pub struct ShippedArgs {
    /// Publish this one, with its agents
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print its file instead of publishing it
    #[arg(long, requires = "name")]
    pub print: bool,
}

/// Does it.
///
/// # Errors
/// No such orchestration or version, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::Common(Common::default())) {
        Action::Common(action) => definitions::run(Kind::Orchestration, action, cx).await,
        Action::Hold(action) => hold::run("orchestration", action, cx).await,
        Action::Strategies => strategies(cx).await,
        Action::Who(args) => who::run(args, cx).await,
        Action::Shipped(args) => shipped(args, cx).await,
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

/// The first line of what one is for.
fn about(text: &str) -> &str {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("description: "));
    line.unwrap_or_default()
}

async fn shipped(args: ShippedArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let Some(name) = args.name else {
        let items: Vec<_> = ORCHESTRATIONS
            .iter()
            .map(|row| json!({ "name": row.name, "about": about(row.text) }))
            .collect();
        cx.show(&json!({ "items": items }), |out| {
            let mut table = Table::new(&["name", "what"]);
            for row in ORCHESTRATIONS {
                table.row([
                    (Tone::Strong, row.name.to_owned()),
                    (Tone::Plain, about(row.text).to_owned()),
                ]);
            }
            table.write(out);
        })?;
        return Ok(Exit::Done);
    };
    let found = ORCHESTRATIONS.iter().find(|row| row.name == name);
    let row = found.ok_or_else(|| {
        Fault::new(Code::NotFound, format!("no orchestration `{name}` is shipped"))
            .help("dirigent orchestrations shipped")
    })?;
    if args.print {
        cx.out.exact(row.text.trim_end());
        return Ok(Exit::Done);
    }
    cx.may_start();
    let text = Text {
        name: format!("{name}.yaml"),
        text: row.text.to_owned(),
    };
    apply::all(vec![text], false, cx).await
}
