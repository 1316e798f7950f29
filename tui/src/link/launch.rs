//! Starting a private daemon: detached, its log in its data directory, ready when it greets.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dirigent_config::paths::private_dir;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::Connection;
use tokio::time::sleep;

use super::connect::connect;
use super::locate::daemon_program;
use super::target::Target;

/// How long a start may take: a store that is rebuilt from its journal takes a while.
const READY: Duration = Duration::from_secs(60);
/// How long to go on trying after the process ended: another one may have won the start.
const AFTER_EXIT: Duration = Duration::from_secs(2);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(25);
/// Bytes of the log that a failed start shows.
const TAIL: u64 = 2_000;

/// How to start a private daemon.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Its socket.
    pub socket: PathBuf,
    /// Its configuration file, where one was named.
    pub config: Option<PathBuf>,
    /// Variables added to this process's environment.
    pub environment: Vec<(String, String)>,
    /// It ends when its standard input does, that is with this process at the latest.
    pub bound: bool,
}

/// A daemon that this process started.
#[derive(Debug)]
pub struct Started {
    /// Its process. A bound one ends when this is dropped, for its standard input closes.
    pub child: Child,
    /// Its log.
    pub log: PathBuf,
    /// Length of the log before it began to write.
    pub log_from: u64,
}

/// Where a started daemon writes its log.
#[must_use]
pub fn log_file(data_dir: &Path) -> PathBuf {
    data_dir.join("dirigentd.log")
}

impl Launch {
    /// Starts the process; does not wait until it is ready.
    ///
    /// # Errors
    /// No program, no data directory, no log, or the system refuses.
    pub fn start(&self) -> Result<Started, Fault> {
        let program = daemon_program()?;
        private_dir(&self.data_dir, rustix::process::getuid().as_raw())
            .map_err(|error| Fault::new(Code::Io, error.to_string()).help(error.help()))?;
        let log = log_file(&self.data_dir);
        let file = open_log(&log).map_err(|error| {
            Fault::new(Code::Io, format!("cannot write the daemon's log: {error}")).at(shown(&log))
        })?;
        let log_from = file.metadata().map_or(0, |meta| meta.len());
        let errors = file
            .try_clone()
            .map_err(|error| Fault::new(Code::Io, error.to_string()).at(shown(&log)))?;
        let mut command = Command::new(&program);
        command
            .arg("--private")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--socket")
            .arg(&self.socket);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        if self.bound {
            command.arg("--exit-on-stdin-close");
        }
        let child = command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.data_dir)
            .stdin(if self.bound { Stdio::piped() } else { Stdio::null() })
            .stdout(file)
            .stderr(errors)
            // A group of its own, so that Ctrl-C in this terminal does not reach it.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Fault::new(Code::Io, format!("the daemon cannot be started: {error}")).at(shown(&program))
            })?;
        Ok(Started { child, log, log_from })
    }
}

/// Waits until a started daemon greets.
///
/// # Errors
/// It ended, or was not ready in time; the message carries what it logged, the code is that of its exit.
pub async fn ready(started: &mut Started, target: &Target, client: &str) -> Result<Connection, Fault> {
    let from = Instant::now();
    let mut ended: Option<(Instant, ExitStatus)> = None;
    loop {
        let fault = match connect(target, client).await {
            Ok(connection) => return Ok(connection),
            Err(fault) => fault,
        };
        if !matches!(fault.code, Code::Unreachable) {
            return Err(fault);
        }
        if ended.is_none()
            && let Ok(Some(status)) = started.child.try_wait()
        {
            ended = Some((Instant::now(), status));
        }
        match &ended {
            Some((at, status)) if at.elapsed() > AFTER_EXIT => {
                let what = format!("the daemon ended at its start ({status})");
                return Err(failed(code_of(status.code()), &what, started));
            }
            None if from.elapsed() > READY => {
                let what = format!("the daemon is not ready after {} s", READY.as_secs());
                return Err(failed(Code::Unreachable, &what, started));
            }
            _ => sleep(PAUSE).await,
        }
    }
}

/// What an exit code of the daemon says; anything unspecific is that it cannot be reached.
fn code_of(exit: Option<i32>) -> Code {
    const SPECIFIC: [Code; 4] = [
        Code::Configuration,
        Code::StoreDamaged,
        Code::NotPermitted,
        Code::Io,
    ];
    let same = |code: &Code| Some(i32::from(code.exit())) == exit;
    SPECIFIC.into_iter().find(same).unwrap_or(Code::Unreachable)
}

fn failed(code: Code, what: &str, started: &Started) -> Fault {
    let log = &started.log;
    let written = std::fs::metadata(log)
        .map_or(0, |meta| meta.len())
        .saturating_sub(started.log_from);
    let tail = tail(log, written.min(TAIL));
    let message = if tail.is_empty() {
        what.to_owned()
    } else {
        format!("{what}; it said:\n{tail}")
    };
    Fault::new(code, message)
        .at(shown(log))
        .help("correct what the log names, then try again")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn open_log(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// The last whole lines of a file, at most `bytes`; empty when it cannot be read.
#[must_use]
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let from = length.saturating_sub(bytes);
        // Whether a line begins there: the byte in front tells.
        file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
        let mut before = [b'\n'];
        if from > 0 {
            file.read_exact(&mut before)?;
        }
        let whole = before == [b'\n'];
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(match text.split_once('\n') {
            Some((_, rest)) if from > 0 && !whole => rest.to_owned(),
            _ => text,
        })
    };
    read().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_of_the_daemon_is_told_on() {
        assert_eq!(code_of(Some(78)), Code::Configuration);
        assert_eq!(code_of(Some(65)), Code::StoreDamaged);
        assert_eq!(code_of(Some(1)), Code::Unreachable);
        assert_eq!(code_of(None), Code::Unreachable);
    }

    #[test]
    fn a_tail_begins_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "first line\nsecond line\nthird line\n").unwrap();
        assert_eq!(tail(&path, 15), "third line");
        assert_eq!(tail(&path, 1_000), "first line\nsecond line\nthird line");
        assert_eq!(tail(&dir.path().join("none"), 10), "");
    }
}
