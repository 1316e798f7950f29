//! `dirigent daemon`: start, stop and look after the daemon of this user. One that a service manager keeps is started,
//! stopped and read through the manager.

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
use crate::cli::place::{Place, Start};
use crate::cli::unit::Unit;
use crate::link::Target;
use crate::link::connect::connect;
use crate::link::launch::{log_file, ready, tail};

use super::status;

/// How long a stop may take: short steps finish first.
const STOP: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// One line for the list of verbs.
pub const ABOUT: &str = "Start, stop and look after the daemon of this user";

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
        /// Bytes of the log of a private daemon
        #[arg(long, value_name = "N", default_value_t = 16_000)]
        bytes: u64,
        /// Lines of the journal, where a service manager keeps the daemon
        #[arg(long, value_name = "N", default_value_t = 200)]
        lines: u64,
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
        Action::Restart => restart(cx).await,
        Action::Status => health(cx).await,
        Action::Logs { bytes, lines } => logs(cx, bytes, lines).await,
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

/// The unit that keeps the daemon which runs there; none where none runs, or nobody keeps it.
async fn keeper(cx: &mut Cx) -> Result<Option<Unit>, Fault> {
    let settings = cx.place()?.settings(Start::Never);
    match connect(&settings.target, &settings.client).await {
        Ok(_) => Ok(Unit::of(status::read(cx).await?.pid)),
        Err(fault) if fault.code == Code::Unreachable => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The unit that would start the daemon meant by this call: never where a place was named.
fn starter(place: &Place) -> Option<Unit> {
    place.usual.then(Unit::enabled).flatten()
}

/// Lets the manager do it and says so.
fn by_manager(cx: &mut Cx, unit: &Unit, verb: &str, outcome: &str) -> Result<Exit, Fault> {
    unit.ask(verb)?;
    let value = json!({ "outcome": outcome, "unit": unit.name, "manager": unit.manager() });
    cx.show(&value, |out| {
        out.text(&format!(
            "daemon {outcome} by the {} service manager ({})",
            unit.manager(),
            unit.name
        ));
    })?;
    if verb == "stop" {
        cx.say(
            Tone::Dim,
            "where its socket is switched on, the next connection starts it again",
        );
    }
    Ok(Exit::Done)
}

async fn restart(cx: &mut Cx) -> Result<Exit, Fault> {
    socket(cx)?;
    if let Some(unit) = keeper(cx).await? {
        return by_manager(cx, &unit, "restart", "restarted");
    }
    stop(cx, false).await?;
    start(cx).await
}

/// Health, and who keeps it.
async fn health(cx: &mut Cx) -> Result<Exit, Fault> {
    let health = status::read(cx).await?;
    let local = matches!(cx.place()?.target, Target::Socket(_));
    let unit = local.then(|| Unit::of(health.pid)).flatten();
    let mut value = serde_json::to_value(&health).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.insert("client_version".into(), env!("CARGO_PKG_VERSION").into());
        members.insert("unit".into(), json!(unit.as_ref().map(|unit| &unit.name)));
        members.insert("manager".into(), json!(unit.as_ref().map(Unit::manager)));
    }
    cx.show(&value, |out| {
        status::write(&health, out);
        if let Some(unit) = &unit {
            out.raw_line(&format!(
                "{:<10} {} ({})",
                "unit",
                out.look.line(&unit.name),
                unit.manager()
            ));
        }
    })?;
    Ok(Exit::Done)
}

async fn start(cx: &mut Cx) -> Result<Exit, Fault> {
    let socket = socket(cx)?;
    let place = cx.place()?;
    if let Some(unit) = starter(&place) {
        return by_manager(cx, &unit, "start", "started");
    }
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
    if say && let Some(unit) = keeper(cx).await? {
        return by_manager(cx, &unit, "stop", "stopped");
    }
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

async fn logs(cx: &mut Cx, bytes: u64, lines: u64) -> Result<Exit, Fault> {
    socket(cx)?;
    let place = cx.place()?;
    if let Some(unit) = keeper(cx).await?.or_else(|| starter(&place)) {
        let text = unit.log(lines)?;
        let value = json!({ "unit": unit.name, "manager": unit.manager(), "text": text });
        cx.show(&value, |out| out.text(text.trim_end()))?;
        return Ok(Exit::Done);
    }
    let path = log_file(&place.paths.data);
    if !path.is_file() {
        return Err(Fault::new(
            Code::NotFound,
            "no daemon that was started by this program has written a log",
        )
        .at(path.display().to_string())
        .help("a system service logs to its journal: `journalctl -u dirigent`"));
    }
    let text = tail(&path, bytes);
    let value = json!({ "log": path, "text": text });
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}
