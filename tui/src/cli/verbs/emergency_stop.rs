//! `dirigent emergency-stop`: nothing begins and nothing is performed until it is released.

use dirigent_protocol::command::Command;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

/// One line for the list of verbs.
pub const ABOUT: &str = "Stop everything at once: no run begins, nothing is performed until it is released";

/// `dirigent emergency-stop`
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Stop everything at once: no run begins, nothing is performed, models and commands in hand are ended. \
                  Runs stay where they are, over restarts of the daemon too; what was in hand goes on by its own policy \
                  (`on_unknown`) once it is released. To end single runs: dirigent runs cancel"
)]
pub struct Args {
    /// Why, for those who find it so
    #[arg(long, value_name = "TEXT", conflicts_with = "release")]
    pub reason: Option<String>,
    /// Let everything go on
    #[arg(long)]
    pub release: bool,
}

/// Does it.
///
/// # Errors
/// The daemon refuses, or cannot note it.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let (what, command, done) = match args.release {
        true => (
            "lift the emergency stop",
            Command::EmergencyRelease {},
            "everything goes on",
        ),
        false => (
            "stop everything",
            Command::EmergencyStop { reason: args.reason },
            "everything is stopped; `dirigent emergency-stop --release` lets it go on",
        ),
    };
    let _reply = cx.command(what, command).await?;
    cx.show(&json!({ "stopped": !args.release }), |out| out.text(done))?;
    Ok(Exit::Done)
}
