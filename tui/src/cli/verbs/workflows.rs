//! `dirigent workflows`: what any definition can do; let no new run of one begin, and let them begin again.

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use serde_json::json;

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
    /// Let no new run of a workflow begin: they wait, also those of its schedule. What goes, goes on
    Pause(OneArgs),
    /// Let new runs of a workflow begin again, those that waited first
    Resume(OneArgs),
}

/// Which workflow.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Name of the workflow, or id
    #[arg(value_name = "WORKFLOW")]
    pub workflow: String,
    /// Its runs, too: pause those that go, resume those that are paused
    #[arg(long)]
    pub runs: bool,
}

/// Does it.
///
/// # Errors
/// No such workflow, it is paused already or not paused, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::Common(Common::default())) {
        Action::Common(action) => definitions::run(Kind::Workflow, action, cx).await,
        Action::Pause(OneArgs { workflow, runs }) => {
            let name = workflow.clone();
            steer(cx, &name, "pause", Command::WorkflowPause { workflow, runs }).await
        }
        Action::Resume(OneArgs { workflow, runs }) => {
            let name = workflow.clone();
            steer(cx, &name, "resume", Command::WorkflowResume { workflow, runs }).await
        }
    }
}

async fn steer(cx: &mut Cx, workflow: &str, word: &str, command: Command) -> Result<Exit, Fault> {
    cx.command(&format!("{word} workflow {workflow}"), command)
        .await?;
    let value = json!({ "workflow": workflow, "action": word, "accepted": true });
    cx.show(&value, |out| {
        out.text(&format!("{word} of workflow {workflow} is recorded"));
    })?;
    Ok(Exit::Done)
}
