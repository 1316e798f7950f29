//! Where a demo lives, and the end of what lives there.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use dirigent_config::paths::MAX_SOCKET_PATH;
use dirigent_protocol::fault::Fault;

use crate::cli::faults::io;
use crate::link::{First, Launch, Settings, Target};

/// How long the daemon may take to end.
const END: Duration = Duration::from_secs(20);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// A small journal: a demo needs no 64 MiB.
const SEGMENT: (&str, &str) = ("DIRIGENT__STORE__SEGMENT_MIB", "8");

/// Where a demo lives.
#[derive(Debug, Clone)]
pub struct Home {
    /// Data of its daemon.
    pub data: PathBuf,
    /// Its socket.
    pub socket: PathBuf,
    /// Where the report goes.
    pub report: PathBuf,
    /// A directory of our own making, to be cleared away at the end.
    pub own: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl Home {
    /// Makes one: where it was asked for, or a new temporary directory.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn make(data_dir: Option<&Path>, config: Option<PathBuf>) -> Result<Self, Fault> {
        let (base, own) = match data_dir {
            Some(path) => (
                std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
                None,
            ),
            None => {
                let made = fresh()?;
                (made.clone(), Some(made))
            }
        };
        let data = if own.is_some() {
            base.join("data")
        } else {
            base.clone()
        };
        let mut socket = data.join("dirigent.sock");
        if socket.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
            socket = fresh()?.join("dirigent.sock");
        }
        Ok(Self {
            data,
            socket,
            report: base.join("incident-report.md"),
            own,
            config,
        })
    }

    /// What a client needs to talk to it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            target: Target::Socket(self.socket.clone()),
            client: concat!("dirigent demo ", env!("CARGO_PKG_VERSION")).to_owned(),
            launch: None,
            first: First::default(),
        }
    }

    /// How to start its daemon; it ends when its starter does.
    #[must_use]
    pub fn launch(&self) -> Launch {
        Launch {
            data_dir: self.data.clone(),
            socket: self.socket.clone(),
            config: self.config.clone(),
            environment: vec![(SEGMENT.0.to_owned(), SEGMENT.1.to_owned())],
            bound: true,
        }
    }

    /// Clears away what was only for the demo; the report stays.
    pub fn clear(&self) {
        let Some(own) = &self.own else { return };
        drop(std::fs::remove_dir_all(&self.data));
        // Goes only if it is empty: a report in it stays.
        drop(std::fs::remove_dir(own));
    }
}

fn fresh() -> Result<PathBuf, Fault> {
    tempfile::Builder::new()
        .prefix("dirigent-demo-")
        .tempdir()
        .map(tempfile::TempDir::keep)
        .map_err(|error| {
            io(
                "cannot make a directory for the demo",
                std::env::temp_dir().display(),
                &error,
            )
        })
}

/// Ends a bound daemon: closes its standard input, waits, and only then insists.
pub async fn end(child: &mut Child) {
    drop(child.stdin.take());
    let from = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if from.elapsed() > END {
            drop(child.kill());
            drop(child.wait());
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
