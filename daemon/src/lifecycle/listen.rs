//! The Unix socket: taken over from a service manager, or made, cleared of a dead predecessor, closed to strangers.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dirigent_config::paths::{check_socket, socket_dir};
use tokio::net::UnixListener;

use super::error::StartError;

/// The socket that a service manager has opened for this process, with its path. It stays the manager's: connections
/// wait in it while the daemon starts, also while it starts again.
///
/// To be asked once, before any thread is started.
///
/// # Errors
/// What was handed over is no Unix stream socket with a path.
pub fn inherited() -> Result<Option<(Arc<StdListener>, PathBuf)>, StartError> {
    let failed = |source| StartError::Inherited { source };
    let mut handed = listenfd::ListenFd::from_env();
    let Some(listener) = handed.take_unix_listener(0).map_err(failed)? else {
        return Ok(None);
    };
    if handed.len() > 1 {
        tracing::warn!(
            sockets = handed.len(),
            "only the first socket handed over is used"
        );
    }
    let address = listener.local_addr().map_err(failed)?;
    let Some(path) = address.as_pathname() else {
        return Err(failed(io::Error::other("it has no path")));
    };
    Ok(Some((Arc::new(listener), path.to_owned())))
}

/// A bound socket; its file goes when it is dropped, unless a service manager holds it.
#[derive(Debug)]
pub(super) struct Socket {
    /// Where connections come in.
    pub(super) listener: UnixListener,
    path: PathBuf,
    _file: Option<SocketFile>,
}

/// Removes the socket's file at the end.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the socket's file cannot be removed");
        }
    }
}

impl Socket {
    /// Binds; `private` closes it to everybody else on top of the door.
    pub(super) fn bind(path: &Path, private: bool) -> Result<Self, StartError> {
        check_socket(path)?;
        socket_dir(path)?;
        clear(path)?;
        let failed = |source| StartError::Listen {
            path: path.to_owned(),
            source,
        };
        let listener = UnixListener::bind(path).map_err(failed)?;
        let file = SocketFile(path.to_owned());
        // Before this nobody else can connect either: that takes the right to write, which no usual umask leaves.
        let mode = if private { 0o600 } else { 0o660 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            _file: Some(file),
        })
    }

    /// Takes a socket over that a service manager holds: its file, owner and mode are the manager's.
    pub(super) fn taken_over(listener: &StdListener, path: &Path) -> Result<Self, StartError> {
        let take = || {
            let listener = listener.try_clone()?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        };
        Ok(Self {
            listener: take().map_err(|source| StartError::Inherited { source })?,
            path: path.to_owned(),
            _file: None,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes what a daemon left that did not end in peace; refuses what lives or is something else.
fn clear(path: &Path) -> Result<(), StartError> {
    let failed = |source| StartError::Listen {
        path: path.to_owned(),
        source,
    };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !found.file_type().is_socket() {
        return Err(StartError::NotASocket {
            path: path.to_owned(),
        });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(StartError::SocketInUse {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_of_the_manager_stays_when_the_daemon_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.sock");
        let managers = StdListener::bind(&path).unwrap();
        let ours = Socket::taken_over(&managers, &path).unwrap();
        let client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        ours.listener.accept().await.unwrap();
        drop((client, ours));
        assert!(path.exists());
        std::os::unix::net::UnixStream::connect(&path).unwrap();
    }

    #[tokio::test]
    async fn a_dead_socket_is_cleared_a_living_one_and_a_file_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let living = Socket::bind(&path, true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(
            Socket::bind(&path, false),
            Err(StartError::SocketInUse { .. })
        ));
        drop(living);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        assert!(matches!(
            Socket::bind(&path, false),
            Err(StartError::NotASocket { .. })
        ));
        let long = dir.path().join("x".repeat(120));
        assert!(matches!(Socket::bind(&long, false), Err(StartError::Place(_))));
    }
}
