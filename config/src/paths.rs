//! Where data, socket and files are, and private directories for them.
//!
//! Order for each: flag, `DIRIGENT_*`, systemd's directories, the platform's (crate `directories`). A data directory
//! that was named brings its own socket along, so that two daemons with two data directories never meet.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{Environment, FileSource};

/// Longest path of a Unix socket on Linux, in bytes.
pub const MAX_SOCKET_PATH: usize = 107;
const SOCKET_NAME: &str = "dirigent.sock";

/// What the command line says about places.
#[derive(Clone, Debug, Default)]
pub struct PathFlags {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--socket`
    pub socket: Option<PathBuf>,
    /// `--config`
    pub config: Option<PathBuf>,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Data directory of the daemon (not made yet, see [`private_dir`]).
    pub data: PathBuf,
    /// The Unix socket; at most 107 bytes.
    pub socket: PathBuf,
    /// Directory of the configuration files.
    pub config_dir: PathBuf,
    /// `daemon.toml`.
    pub daemon_file: FileSource,
    /// `tui.toml`.
    pub client_file: FileSource,
    /// systemd's credentials, when there are any.
    pub credentials: Option<PathBuf>,
    /// `DIRIGENT_HOST`: the daemon to talk to, when no `-H` is given.
    pub host: Option<String>,
}

/// Why a place cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No home directory is known.
    #[error("no home directory is known, so there is no default place for data")]
    NoHome,
    /// The socket's path is too long for the system.
    #[error("the socket path has {length} bytes, the system allows {MAX_SOCKET_PATH}: {}", path.display())]
    SocketTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A directory cannot be made or looked at.
    #[error("cannot use directory {}: {reason}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        reason: ErrorKind,
    },
    /// Something else is there.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Others can look into a directory that is in use.
    #[error("{} has mode {mode:04o} and is not empty: others can look into it", path.display())]
    TooOpen {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns the directory.
    #[error("{} belongs to user {owner}, not to user {me}", path.display())]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// Its owner's uid.
        owner: u32,
        /// The uid that asked.
        me: u32,
    },
}

impl PathError {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoHome => "set HOME, or DIRIGENT_HOME to a directory for the data".into(),
            Self::SocketTooLong { .. } => {
                "set DIRIGENT_SOCKET (or --socket) to a shorter path, for instance /tmp/NAME/d.sock".into()
            }
            Self::Directory { path, .. } => {
                format!("check the permissions of {} and what is above it", path.display())
            }
            Self::NotADirectory { path } => {
                format!("move {} away, or choose another directory", path.display())
            }
            Self::TooOpen { path, .. } => {
                format!(
                    "if it is for dirigent alone: chmod 700 {}; else choose another directory",
                    path.display()
                )
            }
            Self::OtherOwner { path, .. } => format!(
                "run as the owner of {}, or choose another directory",
                path.display()
            ),
        }
    }
}

impl Paths {
    /// Finds every place; makes none.
    ///
    /// # Errors
    /// When there is no place for data, or the socket's path is too long.
    pub fn resolve(environment: &Environment, flags: &PathFlags) -> Result<Self, PathError> {
        let platform = directories::ProjectDirs::from("", "", "dirigent");
        let named = flags
            .data_dir
            .clone()
            .or_else(|| environment.path("DIRIGENT_HOME"));
        let state = first_of(environment.get("STATE_DIRECTORY"));
        let data = match (&named, state) {
            (Some(path), _) => absolute(path),
            (None, Some(path)) => path,
            (None, None) => platform.as_ref().ok_or(PathError::NoHome)?.data_dir().to_owned(),
        };
        let socket = socket(environment, flags, named.is_some().then_some(&data), &data);
        check_socket(&socket)?;
        let config_dir = match (environment.path("CONFIGURATION_DIRECTORY"), &platform) {
            (Some(path), _) => path,
            (None, Some(platform)) => platform.config_dir().to_owned(),
            (None, None) => data.join("config"),
        };
        let daemon_named = flags
            .config
            .clone()
            .or_else(|| environment.path("DIRIGENT_CONFIG"));
        Ok(Self {
            daemon_file: match daemon_named {
                Some(path) => FileSource::Named(absolute(&path)),
                None => FileSource::IfPresent(config_dir.join("daemon.toml")),
            },
            client_file: FileSource::IfPresent(config_dir.join("tui.toml")),
            credentials: environment.path("CREDENTIALS_DIRECTORY"),
            host: environment
                .get("DIRIGENT_HOST")
                .and_then(OsStr::to_str)
                .map(str::to_owned),
            data,
            socket,
            config_dir,
        })
    }
}

fn socket(
    environment: &Environment,
    flags: &PathFlags,
    named_data: Option<&PathBuf>,
    data: &Path,
) -> PathBuf {
    if let Some(path) = flags
        .socket
        .clone()
        .or_else(|| environment.path("DIRIGENT_SOCKET"))
    {
        return absolute(&path);
    }
    if let Some(data) = named_data {
        return data.join(SOCKET_NAME);
    }
    if let Some(path) = first_of(environment.get("RUNTIME_DIRECTORY")) {
        return path.join(SOCKET_NAME);
    }
    match environment
        .path("XDG_RUNTIME_DIR")
        .filter(|path| path.is_absolute())
    {
        Some(path) => path.join("dirigent").join(SOCKET_NAME),
        None => data.join(SOCKET_NAME),
    }
}

/// Checks the length of a socket's path, also for one that comes from `[socket] path`.
///
/// # Errors
/// [`PathError::SocketTooLong`], with the length.
pub fn check_socket(path: &Path) -> Result<(), PathError> {
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_SOCKET_PATH {
        return Err(PathError::SocketTooLong {
            path: path.to_owned(),
            length,
        });
    }
    Ok(())
}

/// Makes a directory and what is above it with mode 0700, or takes one that is there: it must belong to `uid`; an
/// empty one is narrowed to 0700, one with content is never changed and must be private already.
///
/// # Errors
/// When it cannot be made, is no directory, belongs to somebody else, or is open to others and not empty.
pub fn private_dir(path: &Path, uid: u32) -> Result<(), PathError> {
    let failed = |error: std::io::Error| PathError::Directory {
        path: path.to_owned(),
        reason: error.kind(),
    };
    make(path)?;
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(PathError::NotADirectory {
            path: path.to_owned(),
        });
    }
    if metadata.uid() != uid {
        return Err(PathError::OtherOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
            me: uid,
        });
    }
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    // Somebody may have named `/` or a home directory: a directory in use is not ours to close.
    if std::fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(PathError::TooOpen {
            path: path.to_owned(),
            mode: metadata.mode() & 0o7777,
        });
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Makes the directory of a socket with mode 0700 when it is missing; one that is there (`/tmp`) stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn socket_dir(socket: &Path) -> Result<(), PathError> {
    match socket.parent() {
        Some(parent) if !parent.is_dir() => make(parent),
        _ => Ok(()),
    }
}

fn make(path: &Path) -> Result<(), PathError> {
    match std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
    {
        Ok(()) => Ok(()),
        Err(_) if path.exists() && !path.is_dir() => Err(PathError::NotADirectory {
            path: path.to_owned(),
        }),
        Err(error) => Err(PathError::Directory {
            path: path.to_owned(),
            reason: error.kind(),
        }),
    }
}

/// systemd gives a list separated by colons; the first is ours.
fn first_of(list: Option<&OsStr>) -> Option<PathBuf> {
    let first = list?.as_bytes().split(|byte| *byte == b':').next()?;
    (!first.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(first)))
}

/// Against the working directory, so that a daemon that changes it keeps its places.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
