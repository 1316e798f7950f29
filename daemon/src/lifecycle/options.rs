//! How to start a daemon.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use dirigent_config::DaemonConfig;

use crate::clock::{self, Clock, Monotonic};

/// How to start a daemon.
#[derive(Clone)]
pub struct Options {
    /// Its data directory; made with mode 0700.
    pub data_dir: PathBuf,
    /// Its socket, at most 107 bytes.
    pub socket: PathBuf,
    /// A socket that a service manager holds open; then `socket` is only its name. None: the daemon makes its own.
    pub listener: Option<Arc<UnixListener>>,
    /// Its configuration.
    pub config: DaemonConfig,
    /// Serve the owner alone.
    pub private: bool,
    /// Take up and start runs; without, it keeps documents only.
    pub runs: bool,
    /// The user who is the administrator; the process's own.
    pub owner_uid: u32,
    /// The machine's wall clock.
    pub clock: Clock,
    /// The machine's monotonic clock, which carries the engine's on where the wall is set back.
    pub monotonic: Monotonic,
    /// The program that is re-executed as a worker; none is the running executable.
    pub worker_program: Option<PathBuf>,
}

impl Options {
    /// A daemon in this directory with this configuration, its socket beside its data.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, config: DaemonConfig) -> Self {
        let data_dir = data_dir.into();
        Self {
            socket: data_dir.join("dirigent.sock"),
            listener: None,
            data_dir,
            config,
            private: false,
            runs: true,
            owner_uid: rustix::process::geteuid().as_raw(),
            clock: clock::system(),
            monotonic: clock::monotonic(),
            worker_program: None,
        }
    }
}
