//! `dirigent runs show`

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Offspring, Query, QueryReply};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;
use crate::cli::run_text::Run;
use crate::link::snapshot::unexpected;

/// `dirigent runs show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// The runs that come from it.
async fn offspring(cx: &mut Cx, run: RunId) -> Result<Vec<Offspring>, Fault> {
    match cx.query(Query::RunLineage { run }).await? {
        QueryReply::Lineage { offspring, .. } => Ok(offspring),
        _ => Err(unexpected("a run's lineage")),
    }
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let id = resolve::run(cx, &args.run).await?;
    let document = resolve::document(cx, Kind::WorkflowExecution, &id.to_string()).await?;
    let run = Run::read(&document)?;
    let mut value = run.to_json();
    if let Some(members) = value.as_object_mut() {
        members.insert("input".into(), run.body.input.clone());
    }
    let offspring = offspring(cx, id).await?;
    if let Some(members) = value.as_object_mut() {
        members.insert("offspring".into(), json!(offspring));
    }
    cx.show(&value, |out| {
        run.write(out);
        for Offspring { run, origin } in &offspring {
            out.raw_line(&format!("{:<9} as {run}", origin.how.as_str()));
        }
    })?;
    Ok(Exit::Done)
}
