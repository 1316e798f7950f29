//! The Unix socket: the default transport. Identity is the peer's, as the kernel tells it.

use std::io;
use std::path::Path;

use tokio::net::UnixStream;

/// Longest socket path the kernel takes, bytes.
pub const MAX_PATH: usize = 107;

/// Who is at the other end of a socket, by SO_PEERCRED: as of the moment of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Process id, where the kernel knows it.
    pub pid: Option<i32>,
}

impl Peer {
    /// Asks the kernel.
    ///
    /// # Errors
    /// The socket has no credentials.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        })
    }
}

/// Connects to a daemon.
///
/// # Errors
/// The path is too long, nobody listens, or the socket may not be opened.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    let length = path.as_os_str().len();
    if length > MAX_PATH {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the socket path has {length} bytes, the limit is {MAX_PATH}"),
        ));
    }
    UnixStream::connect(path).await
}
