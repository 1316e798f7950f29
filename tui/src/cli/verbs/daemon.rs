//! `dirigent daemon`: start, stop and look after the private daemon of this user.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::fault::{Code, Fault};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::out::Tone;
use crate::cli::place::Start;
use crate::link::Target;
use crate::link::connect::connect;
use crate::link::launch::{log_file, ready, tail};

use super::status;

/// How long a stop may take: short steps finish first.
const STOP: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// One line for the list of verbs.
pub const ABOUT: &str = "Start, stop and look after the private daemon";

/// `dirigent daemon`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the daemon.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Action {
    /// Start it, unless it runs
    Start,
    /// End it after letting short steps finish
    Stop,
    /// Stop it, if it runs, and start it
    Restart,
    /// Whether it runs, and how it is
    Status,
    /// The end of its log
    Logs {
        /// Bytes of the log
        #[arg(long, value_name = "N", default_value_t = 16_000)]
        bytes: u64,
    },
}

/// Does it.
///
/// # Errors
/// The daemon cannot be started, stopped or reached.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action {
        Action::Start => start(cx).await,
        Action::Stop => stop(cx, true).await,
        Action::Restart => {
            stop(cx, false).await?;
            start(cx).await
        }
        Action::Status => status::run(status::Args {}, cx).await,
        Action::Logs { bytes } => logs(cx, bytes),
    }
}

fn socket(cx: &Cx) -> Result<std::path::PathBuf, Fault> {
    match cx.place()?.target {
        Target::Socket(path) => Ok(path),
        Target::Ssh(_) => {
            Err(usage("a daemon of another machine is started and stopped there").help("leave out -H"))
        }
    }
}

async fn start(cx: &mut Cx) -> Result<Exit, Fault> {
    let socket = socket(cx)?;
    let place = cx.place()?;
    let settings = place.settings(Start::Never);
    let (pid, outcome, log) = match connect(&settings.target, &settings.client).await {
        Ok(_) => (status::read(cx).await?.pid, "running", None),
        Err(fault) if fault.code == Code::Unreachable => {
            let mut started = place.launch().start()?;
            let _greeted = ready(&mut started, &settings.target, &settings.client).await?;
            (status::read(cx).await?.pid, "started", Some(started.log))
        }
        Err(fault) => return Err(fault),
    };
    let value = json!({ "outcome": outcome, "pid": pid, "socket": socket, "data_dir": place.paths.data });
    cx.show(&value, |out| {
        let word = if outcome == "started" {
            "started"
        } else {
            "is running already"
        };
        out.text(&format!(
            "daemon {word}: process {pid}, socket {}",
            socket.display()
        ));
    })?;
    if let Some(log) = log {
        cx.say(Tone::Dim, &format!("its log is {}", log.display()));
    }
    Ok(Exit::Done)
}

async fn stop(cx: &mut Cx, say: bool) -> Result<Exit, Fault> {
    let socket = socket(cx)?;
    let settings = cx.place()?.settings(Start::Never);
    let was = match connect(&settings.target, &settings.client).await {
        Ok(connection) => {
            let pid = status::read(cx).await?.pid;
            drop(connection);
            cx.command("stop the daemon", Command::DaemonStop {}).await?;
            gone(pid, &socket).await?;
            true
        }
        Err(fault) if fault.code == Code::Unreachable => false,
        Err(fault) => return Err(fault),
    };
    if say {
        let outcome = if was { "stopped" } else { "not running" };
        cx.show(&json!({ "outcome": outcome }), |out| {
            out.text(&format!("daemon {outcome}"))
        })?;
    }
    Ok(Exit::Done)
}

/// Waits until the process is gone, so that the next one finds the store unlocked.
async fn gone(pid: u32, socket: &Path) -> Result<(), Fault> {
    let from = Instant::now();
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    while pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok()) {
        if from.elapsed() > STOP {
            let what = format!(
                "the daemon has been told to stop and still runs after {} s",
                STOP.as_secs()
            );
            return Err(Fault::new(Code::OutcomeUnknown, what)
                .at(socket.display().to_string())
                .help("`dirigent daemon logs` says what it waits for"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn logs(cx: &mut Cx, bytes: u64) -> Result<Exit, Fault> {
    let path = log_file(&cx.place()?.paths.data);
    if !path.is_file() {
        return Err(Fault::new(
            Code::NotFound,
            "no daemon that was started by this program has written a log",
        )
        .at(path.display().to_string())
        .help("a system service logs to its journal: `journalctl -u dirigentd`"));
    }
    let text = tail(&path, bytes);
    let value = json!({ "log": path, "text": text });
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}
