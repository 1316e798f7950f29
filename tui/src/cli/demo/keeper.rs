//! The keeper: this program once more, in the background. It holds a demo's daemon while its approval waits for a
//! person, so that the command that approves it finds somebody, and ends it when nobody came for an hour.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dirigent_config::paths::private_dir;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::Status;

use super::home::{Home, end};
use crate::cli::faults::io;
use crate::link::Caller;
use crate::link::launch::{Started, log_file};

/// How long a demo waits for a person.
pub const LIFE: Duration = Duration::from_secs(3_600);
/// How long its daemon stays when nothing of it is left to do, so that its end can be looked at.
const AFTER: Duration = Duration::from_secs(600);
/// Time between two looks at its runs.
const LOOK: Duration = Duration::from_secs(10);
/// Pause between two looks at the daemon's process.
const PAUSE: Duration = Duration::from_millis(500);

/// Starts the keeper, which starts the daemon.
///
/// # Errors
/// This program cannot be started again, or the directory cannot be made.
pub fn start(home: &Home) -> Result<Started, Fault> {
    private_dir(&home.data, rustix::process::getuid().as_raw())
        .map_err(|error| Fault::new(Code::Io, error.to_string()).help(error.help()))?;
    let log = log_file(&home.data);
    let open = || {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&log)
    };
    let own = std::env::current_exe().map_err(|error| io("cannot find this program", "dirigent", &error))?;
    let file = open().map_err(|error| io("cannot write the log", log.display(), &error))?;
    let mut command = Command::new(&own);
    command
        .arg("demo")
        .arg("--keep")
        .arg("--data-dir")
        .arg(&home.data)
        .arg("--socket")
        .arg(&home.socket);
    if let Some(config) = home.launch().config {
        command.arg("--config").arg(config);
    }
    if home.own.is_some() {
        command.arg("--keep-clears");
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .process_group(0)
        .spawn()
        .map_err(|error| io("cannot start the keeper", own.display(), &error))?;
    Ok(Started {
        child,
        log,
        log_from: 0,
    })
}

/// Is the keeper: holds the daemon until it ends, or until nobody needed it for too long.
///
/// # Errors
/// The daemon cannot be started.
pub async fn keep(home: &Home) -> Result<(), Fault> {
    let mut started = home.launch().start()?;
    let mut caller = Caller::new(home.settings(), |_| {});
    let from = Instant::now();
    let mut over: Option<Instant> = None;
    let mut next_look = LOOK;
    while from.elapsed() < LIFE && matches!(started.child.try_wait(), Ok(None)) {
        tokio::time::sleep(PAUSE).await;
        if from.elapsed() >= next_look {
            next_look = from.elapsed() + LOOK;
            over = if lives(&mut caller).await {
                None
            } else {
                over.or_else(|| Some(Instant::now()))
            };
        }
        if over.is_some_and(|since| since.elapsed() > AFTER) {
            break;
        }
    }
    end(&mut started.child).await;
    home.clear();
    Ok(())
}

/// Whether a run is still at work or waits. What cannot be asked counts as alive.
async fn lives(caller: &mut Caller) -> bool {
    match caller.query(Query::Status {}).await {
        Ok(QueryReply::Status(status)) => {
            let living = Status::ALL.iter().filter(|word| !word.is_final());
            living
                .map(|word| status.runs.get(word.as_str()).copied().unwrap_or(0))
                .sum::<u64>()
                > 0
        }
        _ => true,
    }
}
