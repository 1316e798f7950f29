//! `pause` and `resume` of what is run by its name: a workflow, an orchestration.

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

/// Whether new runs begin.
#[derive(Debug, Subcommand)]
pub enum Hold {
    /// Let no new run of one begin: they wait, also those of its schedule. What goes, goes on
    Pause(OneArgs),
    /// Let new runs of one begin again, those that waited first
    Resume(OneArgs),
}

/// Which one.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Its name, or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its runs, too: pause those that go, resume those that are paused
    #[arg(long)]
    pub runs: bool,
}

/// Does it; `what` is the word for the kind.
///
/// # Errors
/// Nothing of that name, it is paused already or not paused, or the daemon refuses.
pub async fn run(what: &str, action: Hold, cx: &mut Cx) -> Result<Exit, Fault> {
    let (word, args, pause) = match action {
        Hold::Pause(args) => ("pause", args, true),
        Hold::Resume(args) => ("resume", args, false),
    };
    let OneArgs { name, runs } = args;
    let workflow = name.clone();
    let command = match pause {
        true => Command::WorkflowPause { workflow, runs },
        false => Command::WorkflowResume { workflow, runs },
    };
    cx.command(&format!("{word} {what} {name}"), command).await?;
    let value = json!({ what: name, "action": word, "accepted": true });
    cx.show(&value, |out| {
        out.text(&format!("{word} of {what} {name} is recorded"))
    })?;
    Ok(Exit::Done)
}
