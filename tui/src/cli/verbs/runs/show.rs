//! `dirigent runs show`

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;
use crate::cli::run_text::Run;

/// `dirigent runs show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
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
    cx.show(&value, |out| run.write(out))?;
    Ok(Exit::Done)
}
