//! `dirigent runs retry`, `fork`: a new run that comes from another.

use dirigent_protocol::command::{Changed, Command, CommandReply, RetryFrom};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Wanted, cursor_now, follow};
use crate::cli::out::Tone;
use crate::cli::printer::Printer;
use crate::cli::verbs::run::end;
use crate::cli::{input, resolve};
use crate::link::snapshot::unexpected;

/// `dirigent runs retry`
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Not from where it failed, but from the last time this step began: its address or its task's name
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// From its beginning, with the same version and input
    #[arg(long, conflicts_with = "from")]
    pub from_start: bool,
    /// Wait for the new run and end as it does
    #[arg(long)]
    pub wait: bool,
}

/// `dirigent runs fork`
#[derive(Debug, clap::Args)]
pub struct ForkArgs {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The last event that counts, as `dirigent runs events` numbers them
    #[arg(long, value_name = "EVENT")]
    pub at: u64,
    /// Another input for what is still to come: JSON, `@FILE`, or `@-` for standard input
    #[arg(short, long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    /// Wait for the new run and end as it does
    #[arg(long)]
    pub wait: bool,
}

/// Tries a run again.
///
/// # Errors
/// No such run, it has not ended, nothing of it failed, or the daemon refuses.
pub async fn retry(args: RetryArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let from = match args.from {
        Some(step) => RetryFrom::Step(step),
        None if args.from_start => RetryFrom::Start {},
        None => RetryFrom::Failure {},
    };
    again(cx, run, "retry", Command::RunRetry { run, from }, args.wait).await
}

/// Forks a run.
///
/// # Errors
/// No such run or event, the input does not fit, or the daemon refuses.
pub async fn fork(args: ForkArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let input = args
        .input
        .as_deref()
        .map(|text| input::json(text, "--input"))
        .transpose()?
        .map(|value| Box::new(Changed { value }));
    let run = resolve::run(cx, &args.run).await?;
    let at = args.at;
    again(cx, run, "fork", Command::RunFork { run, at, input }, args.wait).await
}

async fn again(cx: &mut Cx, origin: RunId, word: &str, command: Command, wait: bool) -> Result<Exit, Fault> {
    let cursor = cursor_now(cx).await?;
    let reply = cx
        .command(&format!("{word} run {}", origin.short()), command)
        .await?;
    let CommandReply::RunStarted { run, status, .. } = reply else {
        return Err(unexpected("a run"));
    };
    let (new, old) = (run.short(), origin.short());
    if !wait {
        let value = json!({ "run": run, "origin": origin, "action": word, "status": status });
        cx.show(&value, |out| out.text(&run.to_string()))?;
        cx.out.flush();
        cx.say(Tone::Dim, &format!("run {new} goes on from run {old}"));
        return Ok(Exit::Done);
    }
    cx.say(Tone::Dim, &format!("run {new} goes on from run {old} ({run})"));
    cx.attend(run);
    let mut printer = Printer::beside_result(cx);
    let ending = follow(cx, run, cursor, Wanted::default(), &mut |cx, seen| {
        printer.show(cx, seen)
    })
    .await?;
    printer.rest(cx);
    end(cx, ending)
}
