//! `dirigent demo`: a real orchestration on real input, with a daemon of its own.

use std::path::PathBuf;

use dirigent_config::demo::{WORKFLOW, WORKFLOW_NAME, agents_with};
use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use serde_json::json;

use super::{apply, status};
use crate::cli::cx::Cx;
use crate::cli::demo::daemon::DemoDaemon;
use crate::cli::demo::headless::{Demo, follow_demo, head};
use crate::cli::demo::home::Home;
use crate::cli::demo::keeper;
use crate::cli::demo::models::{choose, is_rehearsal};
use crate::cli::demo::source::{Source, find};
use crate::cli::exit::Exit;
use crate::cli::follow_run::cursor_now;
use crate::cli::input::Text;
use crate::cli::out::Tone;
use crate::cli::screen;
use crate::link::Caller;
use crate::link::snapshot::unexpected;
use crate::nav::Place;

/// One line for the list of verbs.
pub const ABOUT: &str = "A real orchestration on real input, with a daemon of its own";

/// `dirigent demo`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Lines instead of the full screen; ends at the approval
    #[arg(long)]
    pub headless: bool,
    /// With --headless: say yes to the approval and go on to the end
    #[arg(long, requires = "headless")]
    pub approve: bool,
    /// A git repository, a log file or a directory with one, instead of this machine's newest log
    #[arg(long, value_name = "P")]
    pub input_dir: Option<PathBuf>,
    /// Be the keeper of a demo's daemon.
    #[arg(long, hide = true)]
    pub keep: bool,
    /// As the keeper: clear its data away at the end.
    #[arg(long, hide = true, requires = "keep")]
    pub keep_clears: bool,
}

/// Does it.
///
/// # Errors
/// There is no input, the daemon cannot be started, or it refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    if args.keep {
        let own = args.keep_clears.then(|| cx.globals.data_dir.clone()).flatten();
        let mut home = Home::make(cx.globals.data_dir.as_deref(), cx.globals.config.clone())?;
        home.own = own.and_then(|data| data.parent().map(PathBuf::from));
        home.socket = cx.globals.socket.clone().unwrap_or(home.socket);
        keeper::keep(&home).await?;
        return Ok(Exit::Done);
    }
    if !args.headless {
        screen::check(cx)?;
    }
    let source = find(args.input_dir.as_deref())?;
    let home = Home::make(cx.globals.data_dir.as_deref(), cx.globals.config.clone())?;
    cx.handle_interrupts();
    let kept = args.headless && !args.approve;
    let mut daemon = None;
    let result = tokio::select! {
        biased;
        result = Box::pin(play(&args, &home, &source, &mut daemon, cx)) => result,
        Ok(()) = tokio::signal::ctrl_c() => {
            cx.say(Tone::Plain, "interrupted: the demo's daemon is ended");
            Ok(Exit::Interrupted)
        }
    };
    let waits = kept && matches!(result, Ok(Exit::NeedsPerson));
    if let Some(daemon) = daemon.filter(|_| !waits) {
        if kept {
            // The keeper ends with its daemon.
            drop(cx.command("stop the demo's daemon", Command::DaemonStop {}).await);
        }
        daemon.end().await;
    }
    result
}

async fn play(
    args: &Args,
    home: &Home,
    source: &Source,
    daemon: &mut Option<DemoDaemon>,
    cx: &mut Cx,
) -> Result<Exit, Fault> {
    say(cx, "demo.input", &format!("input: {}", source.about));
    *daemon = Some(DemoDaemon::start(home, args.headless && !args.approve).await?);
    cx.use_caller(Caller::new(home.settings(), |_| {}));
    say(
        cx,
        "demo.daemon",
        &format!("daemon: its own, data in {}", home.data.display()),
    );
    let status = status::read(cx).await?;
    let model = choose(&status, !args.headless).await?;
    let note = if is_rehearsal(&model) {
        ": a rehearsal (built in, offline, extractive; no model is asked)"
    } else {
        ""
    };
    say(cx, "demo.model", &format!("model: {model}{note}"));
    apply::file(
        cx,
        Text {
            name: "demo/agents.yaml".into(),
            text: agents_with(&model),
        },
        false,
    )
    .await?;
    apply::file(
        cx,
        Text {
            name: "demo/incident-review.yaml".into(),
            text: WORKFLOW.into(),
        },
        false,
    )
    .await?;
    let cursor = cursor_now(cx).await?;
    let run = start(home, source, cx).await?;
    say(cx, "demo.run", &format!("run: {run}"));
    match args.headless {
        true => {
            let approve = args.approve;
            follow_demo(
                Demo {
                    home,
                    run,
                    cursor,
                    approve,
                },
                cx,
            )
            .await
        }
        false => on_screen(home, run, cx),
    }
}

/// Shows the run on the full screen, then says where the report is.
fn on_screen(home: &Home, run: RunId, cx: &mut Cx) -> Result<Exit, Fault> {
    let exit = screen::show(cx, home.settings(), Some(Place::run(run)))?;
    if head(&home.report).is_empty() {
        cx.out
            .text("No report was written. The demo's daemon is ended; nothing of it goes on.");
    } else {
        let report = home.report.display().to_string();
        cx.out.text(&format!("The report is {report}"));
    }
    cx.out.flush();
    Ok(exit)
}

/// A line of progress, or of JSON.
fn say(cx: &mut Cx, kind: &str, text: &str) {
    if cx.globals.is_json() {
        let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
        cx.json_line(&json!({ "type": kind, "text": text }));
    } else {
        cx.say(Tone::Dim, text);
    }
}

async fn start(home: &Home, source: &Source, cx: &mut Cx) -> Result<RunId, Fault> {
    let input = json!({ "source": source.kind, "path": source.path, "report": home.report });
    let target = RunTarget::Name(WORKFLOW_NAME.to_owned());
    let command = Command::RunStart {
        target,
        input,
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    match cx.command("start the incident review", command).await? {
        CommandReply::RunStarted { run, .. } => Ok(run),
        _ => Err(unexpected("`run`")),
    }
}
