//! Why a daemon does not start.

use std::io;
use std::path::PathBuf;

use dirigent_config::PathError;
use dirigent_protocol::fault::Code;
use dirigent_store::{CommitError, LeaseError, OpenError};

use crate::records::RecordError;
use crate::runtime::RuntimeError;

/// Why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system allows too few open files.
    #[error("this process may open {limit} files at once; it needs {least} at least")]
    Descriptors {
        /// What the system allows.
        limit: u64,
        /// What is needed.
        least: u64,
    },
    /// A place cannot be used.
    #[error(transparent)]
    Place(#[from] PathError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The thread that opened the store is gone.
    #[error("opening the store was cut off")]
    Cut,
    /// The first documents cannot be read or made.
    #[error("the first documents cannot be read or made: {0}")]
    Record(#[from] RecordError),
    /// The first documents were not stored.
    #[error("the first documents were not stored: {0}")]
    Commit(#[from] CommitError),
    /// The store is another daemon's.
    #[error("the lease on the store cannot be had: {0}")]
    Lease(#[from] LeaseError),
    /// Model providers cannot be opened.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Providers(Vec<dirigent_providers::OpenError>),
    /// The runtime does not come up.
    #[error("the runs cannot be taken up: {0}")]
    Runtime(#[from] RuntimeError),
    /// Somebody answers there already.
    #[error("a daemon listens on {} already", path.display())]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is there.
    #[error("{} is there and is not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The address of offers cannot be had.
    #[error("cannot serve offers on {address}: {source}")]
    Serve {
        /// The address.
        address: String,
        /// The system's answer.
        source: io::Error,
    },
    /// What a service manager handed over is no socket for us.
    #[error("the socket that the service manager handed over cannot be used: {source}")]
    Inherited {
        /// Why.
        source: io::Error,
    },
    /// The file that tells of this process cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    ProcessFile {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl StartError {
    /// The kind, for the exit code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Place(_) | Self::Providers(_) | Self::Descriptors { .. } => Code::Configuration,
            Self::Store(error) => match error {
                OpenError::InUse { .. } => Code::Conflict,
                OpenError::Io(_) => Code::Io,
                OpenError::Option { .. } => Code::Configuration,
                _ => Code::StoreDamaged,
            },
            Self::Record(_) => Code::StoreDamaged,
            Self::SocketInUse { .. } | Self::Lease(_) => Code::Conflict,
            Self::Inherited { .. } | Self::Serve { .. } => Code::Configuration,
            Self::Commit(_) | Self::ProcessFile { .. } | Self::Listen { .. } | Self::NotASocket { .. } => {
                Code::Io
            }
            Self::Runtime(_) | Self::Cut => Code::Internal,
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Place(error) => error.help(),
            Self::Descriptors { .. } => {
                "raise it: `ulimit -n 1024`, or `LimitNOFILE=` in the unit".to_owned()
            }
            Self::Store(error) => error.help().to_owned(),
            Self::Providers(_) => "correct [providers] in the configuration".to_owned(),
            Self::SocketInUse { .. } => {
                "use the one that runs, stop it, or give this one its own --data-dir or --socket".to_owned()
            }
            Self::Inherited { .. } => {
                "the .socket unit must have one ListenStream= with the path of a Unix socket".to_owned()
            }
            Self::Serve { .. } => "choose a free port in [serve] listen of the configuration".to_owned(),
            Self::NotASocket { path } => format!("move {} away, or choose another --socket", path.display()),
            Self::Listen { .. } | Self::ProcessFile { .. } => {
                "check that the directory exists and is writable by this user".to_owned()
            }
            Self::Record(_) => {
                "`dirigent check` verifies the store; a newer version may have written it".to_owned()
            }
            Self::Lease(_) => "stop the other daemon, or wait until its term has passed".to_owned(),
            Self::Commit(_) => "check that the disk has free space".to_owned(),
            Self::Runtime(_) | Self::Cut => "start it again; the log says more".to_owned(),
        }
    }
}
