//! `dirigent run`: start a run and wait for it.

use std::path::PathBuf;

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::run::{Budget, Status};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{in_file, usage};
use crate::cli::follow_run::{Ending, Wanted, cursor_now, follow};
use crate::cli::out::Tone;
use crate::cli::printer::Printer;
use crate::cli::run_text::Run;
use crate::cli::{budget_words, input, resolve};
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "Start a run and wait for it";

/// `dirigent run`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a workflow
    #[arg(
        value_name = "NAME",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    pub name: Option<String>,
    /// A file with a workflow
    #[arg(short = 'f', long, value_name = "FILE|-")]
    pub file: Option<PathBuf>,
    /// Its input: JSON, `@FILE`, or `@-` for standard input
    #[arg(short, long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    /// Do not wait
    #[arg(long, conflicts_with_all = ["follow", "no_wait_approvals"])]
    pub detach: bool,
    /// Show its events and live text while waiting
    #[arg(long)]
    pub follow: bool,
    /// Do not wait for a person: exit 4 when the run does
    #[arg(long)]
    pub no_wait_approvals: bool,
    /// The same key does not start a second run
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// The most it may take: `usd=1.50,tokens=50000,calls=20,time=PT1H`; `ask` to be asked before it fails
    #[arg(long, value_name = "LIMITS", value_parser = budget_words::read)]
    pub budget: Option<Budget>,
    /// Where runs wait for their turn, higher goes first: -100 to 100
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-100..=100))]
    pub priority: Option<i32>,
}

/// Does it.
///
/// # Errors
/// The workflow has errors or does not exist, or the daemon refuses or stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let input = match &args.input {
        Some(text) => input::json(text, "--input")?,
        None => json!({}),
    };
    let target = target(&args)?;
    cx.may_start();
    let (what, file) = match &target {
        RunTarget::Name(name) | RunTarget::Agent(name) => (format!("start a run of {name}"), None),
        RunTarget::Source { file, .. } => (format!("start a run of {file}"), Some(file.clone())),
    };
    let cursor = cursor_now(cx).await?;
    let command = Command::RunStart {
        target,
        input,
        idempotency_key: args.idempotency_key,
        budget: args.budget,
        priority: args.priority,
    };
    let reply = cx.command(&what, command).await;
    let reply = reply.map_err(|fault| match &file {
        Some(file) => in_file(fault, file),
        None => fault,
    })?;
    let CommandReply::RunStarted {
        run,
        existing,
        status,
    } = reply
    else {
        return Err(unexpected("`run`"));
    };
    let began = match (existing, status) {
        (true, _) => "existed already",
        (false, Status::Pending) => "waits for its turn",
        (false, _) => "started",
    };
    cx.say(Tone::Dim, &format!("run {} {began} ({run})", run.short()));
    if args.detach {
        let document = resolve::document(cx, Kind::WorkflowExecution, &run.to_string()).await?;
        let value = Run::read(&document)?.to_json();
        cx.show(&value, |out| out.text(&run.to_string()))?;
        return Ok(Exit::Done);
    }
    cx.attend(run);
    let wanted = Wanted {
        events: args.follow,
        live: args.follow && !cx.globals.is_json(),
        stop_for_person: args.no_wait_approvals,
    };
    let mut printer = Printer::beside_result(cx);
    let ending = follow(cx, run, cursor, wanted, &mut |cx, seen| printer.show(cx, seen)).await?;
    printer.rest(cx);
    end(cx, ending)
}

fn target(args: &Args) -> Result<RunTarget, Fault> {
    match (&args.name, &args.file) {
        (Some(name), _) => Ok(RunTarget::Name(name.clone())),
        (None, Some(path)) => {
            let mut texts = input::documents(path)?;
            match (texts.pop(), texts.is_empty()) {
                (Some(text), true) => Ok(RunTarget::Source {
                    file: text.name,
                    text: text.text,
                }),
                _ => Err(usage("a directory cannot be run").help("name one file")),
            }
        }
        (None, None) => Err(usage("what is to be run?").help("name a workflow, or -f FILE")),
    }
}

/// Shows how it ended: the result on standard output, the status beside it.
///
/// # Errors
/// The result cannot be written in the shape asked for.
pub fn end(cx: &mut Cx, ending: Ending) -> Result<Exit, Fault> {
    let (run, asks) = match ending {
        Ending::Over(run) => (run, None),
        Ending::NeedsPerson(run, asks) => (run, Some(asks)),
        Ending::Unread => return Ok(Exit::Done),
    };
    let mut value = run.to_json();
    if let (Some((id, approval)), Some(members)) = (asks.as_deref(), value.as_object_mut()) {
        let approval = json!({ "id": id, "title": approval.title, "digest": approval.digest });
        members.insert("approval".into(), approval);
    }
    cx.show(&value, |out| run.write_output(out))?;
    cx.out.flush();
    cx.say(run.tone(), &run.headline());
    if run.body.error != Value::Null && !cx.globals.is_json() {
        let why = run.why().unwrap_or_else(|| run.body.error.to_string());
        crate::cli::out::complain(&format!(
            "{} {}",
            cx.err.paint(Tone::Bad, "error[run_faulted]:"),
            cx.err.text(&why)
        ));
        cx.say(
            Tone::Plain,
            &format!("  help: `dirigent logs {}` shows every step", run.id.short()),
        );
    }
    Ok(if asks.is_some() {
        Exit::NeedsPerson
    } else {
        Exit::of_run(run.body.status)
    })
}
