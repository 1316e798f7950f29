//! `dirigent rules`: which agent does what takes a capability; what a rule would have chosen, before it is followed.

use std::path::PathBuf;

use clap::Subcommand;
use dirigent_protocol::entity::{Kind, OrchestrationRule};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{Query, QueryReply};

use super::definitions::{diff::in_file, list};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "Rules of routing: which agent does it; what a rule would have chosen";

/// `dirigent rules`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List them
    List(list::Args),
    /// Say what a rule would have chosen in the runs that are recorded
    Simulate(SimulateArgs),
}

/// `dirigent rules simulate`
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// Name of a rule, active or not
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As this file says it, whether or not it is applied
    #[arg(short = 'f', long, value_name = "FILE|-")]
    pub file: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// No such rule, it cannot be read, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(Kind::OrchestrationRule, args, cx).await,
        Action::Simulate(args) => simulate(args, cx).await,
    }
}

async fn simulate(args: SimulateArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let kind = Kind::OrchestrationRule;
    let spec = match &args.file {
        Some(file) => in_file(kind, &args.name, file)?,
        None => resolve::document(cx, kind, &args.name).await?.spec,
    };
    let rule: OrchestrationRule = serde_json::from_value(spec)
        .map_err(|error| Fault::new(Code::Invalid, format!("this is no rule of routing: {error}")))?;
    let query = Query::RouteSimulate { rule: Box::new(rule) };
    let QueryReply::RouteSimulated(told) = cx.query(query).await? else {
        return Err(unexpected("a simulation"));
    };
    let value = serde_json::to_value(&told).unwrap_or_default();
    cx.show(&value, |out| {
        out.text(&format!(
            "of {} choices in {} runs it makes {}: {} the same, {} otherwise; {} where it leaves nobody",
            told.choices,
            told.runs,
            told.covered,
            told.same,
            told.covered - told.same,
            told.left_nobody
        ));
        let mut table = Table::new(&["run", "capability", "chosen", "would be", "why"]);
        for other in &told.differs {
            table.row([
                (Tone::Dim, other.run.short()),
                (Tone::Plain, other.capability.clone()),
                (Tone::Plain, other.chosen.clone()),
                (Tone::Strong, other.would.clone()),
                (Tone::Plain, other.why.clone()),
            ]);
        }
        if !told.differs.is_empty() {
            table.write(out);
        }
    })?;
    Ok(Exit::Done)
}
