//! A new directory on a disk, and the daemon that serves it for one load.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dirigent_config::paths::MAX_SOCKET_PATH;
use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply};
use dirigent_rpc::{CallError, Connection};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::cli::faults::io;
use crate::link::connect::connect;
use crate::link::launch::{Started, tail};
use crate::link::snapshot::unexpected;
use crate::link::{Launch, Target};

/// Longest wait for a daemon.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two tries to reach it: it must not hide in the time until it is ready.
const PAUSE: Duration = Duration::from_micros(500);
/// How often a lag that should go away is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// sled's cache, so that memory can be compared.
const CACHE: (&str, &str) = ("DIRIGENT__STORE__CACHE_MIB", "16");
const CLIENT: &str = concat!("dirigent bench ", env!("CARGO_PKG_VERSION"));

/// A directory for one daemon after the other.
pub struct Bed {
    dir: TempDir,
    /// Where the socket is when the directory's path is too long for one.
    _sockets: Option<TempDir>,
    launch: Launch,
}

/// A daemon that serves.
pub struct Daemon {
    started: Started,
    target: Target,
    /// A connection to it.
    pub line: Connection,
    /// From the start of its process until it greeted.
    pub ready: Duration,
}

impl Bed {
    /// A new one.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(parent: Option<&Path>) -> Result<Self, Fault> {
        Self::configured(parent, "")
    }

    /// A new one whose daemons have this configuration.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn configured(parent: Option<&Path>, config: &str) -> Result<Self, Fault> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        // The daemon works in a directory of its own: a relative path would mean another place there.
        let dir = fresh(&std::path::absolute(&parent).unwrap_or(parent))?;
        let (mut socket, mut sockets) = (dir.path().join("d.sock"), None);
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            let short = fresh(&std::env::temp_dir())?;
            socket = short.path().join("d.sock");
            sockets = Some(short);
        }
        let file = dir.path().join("daemon.toml");
        std::fs::write(&file, config)
            .map_err(|error| io("cannot write the bench's configuration", file.display(), &error))?;
        let launch = Launch {
            data_dir: dir.path().join("data"),
            socket,
            config: Some(file).filter(|_| !config.is_empty()),
            environment: vec![(CACHE.0.to_owned(), CACHE.1.to_owned())],
            bound: true,
        };
        Ok(Self {
            dir,
            _sockets: sockets,
            launch,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a daemon and waits until it greets.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(&self) -> Result<Daemon, Fault> {
        let target = Target::Socket(self.launch.socket.clone());
        let begun = Instant::now();
        let mut started = self.launch.start()?;
        loop {
            match connect(&target, CLIENT).await {
                Ok(line) => {
                    return Ok(Daemon {
                        started,
                        target,
                        line,
                        ready: begun.elapsed(),
                    });
                }
                Err(fault) if fault.code != Code::Unreachable => return Err(fault),
                Err(_) => {}
            }
            let ended = matches!(started.child.try_wait(), Ok(Some(_)));
            if ended || begun.elapsed() > PATIENCE {
                let said = tail(&started.log, 2_000);
                return Err(Fault::new(
                    Code::Unreachable,
                    format!("the daemon did not come up; it said:\n{said}"),
                ));
            }
            sleep(PAUSE).await;
        }
    }
}

fn fresh(parent: &Path) -> Result<TempDir, Fault> {
    let mut named = tempfile::Builder::new();
    let made = named.prefix("dirigent-bench-").tempdir_in(parent);
    made.map_err(|error| io("cannot make a directory for the bench", parent.display(), &error))
}

impl Daemon {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.started.child.id()
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.started.log.clone()
    }

    /// The way to it.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target.clone()
    }

    /// Another connection.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn another_line(&self) -> Result<Connection, Fault> {
        connect(&self.target, CLIENT).await
    }

    /// Publishes a workflow.
    ///
    /// # Errors
    /// The daemon refuses.
    pub async fn publish(&self, text: String) -> Result<(), Fault> {
        let command = Command::Apply {
            file: "bench.yaml".into(),
            source: text,
            dry_run: false,
        };
        match self.line.command(RequestId::new(), command).await {
            Ok(CommandReply::Applied { .. }) => Ok(()),
            Ok(_) => Err(unexpected("`apply`")),
            Err(error) => Err(error.into_fault()),
        }
    }

    /// Its figures.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn status(&self) -> Result<DaemonStatus, Fault> {
        status(&self.line).await
    }

    /// Waits until the state has caught up with the journal.
    ///
    /// # Errors
    /// It cannot be reached, or does not catch up.
    pub async fn settle(&self) -> Result<(), Fault> {
        let begun = Instant::now();
        while self.status().await?.store.lag > 0 {
            if begun.elapsed() > PATIENCE {
                return Err(Fault::new(
                    Code::Overloaded,
                    "the state does not catch up with the journal",
                ));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// It does not end.
    pub async fn stop(mut self) -> Result<(), Fault> {
        drop(self.started.child.stdin.take());
        let begun = Instant::now();
        while matches!(self.started.child.try_wait(), Ok(None)) {
            if begun.elapsed() > PATIENCE {
                drop(self.started.child.kill());
                return Err(Fault::new(Code::Unreachable, "the daemon does not end"));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(mut self) -> Result<(), Fault> {
        let child = &mut self.started.child;
        child
            .kill()
            .and_then(|()| child.wait())
            .map(drop)
            .map_err(|error| io("the daemon cannot be killed", self.started.log.display(), &error))
    }
}

/// A daemon's figures.
///
/// # Errors
/// It cannot be reached.
pub async fn status(line: &Connection) -> Result<DaemonStatus, Fault> {
    match line
        .query(Query::Status {})
        .await
        .map_err(CallError::into_fault)?
    {
        QueryReply::Status(status) => Ok(*status),
        _ => Err(unexpected("`status`")),
    }
}
