//! `dirigent runs cancel`, `pause`, `resume`, `release`

use dirigent_protocol::command::Command;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;

/// `dirigent runs cancel`
#[derive(Debug, clap::Args)]
pub struct CancelArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Which run.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Stops a run.
///
/// # Errors
/// No such run, it has ended, or the daemon refuses.
pub async fn cancel(args: CancelArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run.run).await?;
    steer(
        cx,
        run,
        "cancel",
        Command::RunCancel {
            run,
            reason: args.reason,
        },
    )
    .await
}

/// Pauses a run.
///
/// # Errors
/// No such run, it has ended, or the daemon refuses.
pub async fn pause(args: RunArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    steer(cx, run, "pause", Command::RunPause { run }).await
}

/// Lets a run go on.
///
/// # Errors
/// No such run, it is not paused, or the daemon refuses.
pub async fn resume(args: RunArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    steer(cx, run, "resume", Command::RunResume { run }).await
}

/// Lets a run go on that was set aside.
///
/// # Errors
/// No such run, it is not quarantined, or the daemon refuses.
pub async fn release(args: RunArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    steer(cx, run, "release", Command::RunRelease { run }).await
}

async fn steer(cx: &mut Cx, run: RunId, word: &str, command: Command) -> Result<Exit, Fault> {
    cx.command(&format!("{word} run {}", run.short()), command)
        .await?;
    let value = json!({ "run": run, "action": word, "accepted": true });
    cx.show(&value, |out| {
        out.text(&format!("{word} of run {} is recorded", run.short()))
    })?;
    Ok(Exit::Done)
}
