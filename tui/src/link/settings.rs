//! What is needed to get a connection, and whether a daemon may be started for it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::Connection;
use tokio::runtime::{Builder, Runtime};

use super::connect::connect_asking;
use super::launch::Launch;
use super::target::{Ask, Target};

/// Everything needed to get a connection.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which daemon.
    pub target: Target,
    /// Name and version of this program, for the daemon's log.
    pub client: String,
    /// How to start a private daemon when none runs; none means never.
    pub launch: Option<Launch>,
    /// A connection that was made before the link, where a person had to be asked.
    pub first: First,
}

impl Settings {
    /// Over ssh, connects while the terminal is still an ordinary one: ssh may ask for a password or about a new host.
    /// Later tries ask nobody. Blocks; for a daemon of this machine it does nothing.
    ///
    /// # Errors
    /// The daemon cannot be reached: better said now than on a full screen that tries for ever.
    pub fn greeted(self) -> Result<Self, Fault> {
        let Target::Ssh(_) = &self.target else {
            return Ok(self);
        };
        let (target, client) = (self.target.clone(), self.client.clone());
        // On a thread of its own: the caller may be within another runtime.
        let made = std::thread::spawn(move || {
            let runtime = runtime().map_err(|error| Fault::new(Code::Io, error.to_string()))?;
            let connection = runtime.block_on(connect_asking(&target, &client, Ask::Person))?;
            Ok::<_, Fault>((runtime, connection))
        });
        let (runtime, connection) = made
            .join()
            .unwrap_or_else(|_| Err(Fault::new(Code::Internal, "the connection's thread panicked")))?;
        *self.first.lock() = Made {
            runtime: Some(runtime),
            connection: Some(connection),
        };
        Ok(self)
    }
}

/// The runtime of a link.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// See [`Settings::first`]. Whoever takes it has it; clones share it.
#[derive(Clone, Default)]
pub struct First(Arc<Mutex<Made>>);

/// A connection lives on the runtime that made it.
#[derive(Default)]
struct Made {
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

impl First {
    fn lock(&self) -> std::sync::MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn runtime(&self) -> Option<Runtime> {
        self.lock().runtime.take()
    }

    pub(super) fn take(&self) -> Option<Connection> {
        self.lock().connection.take()
    }
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "First({})", self.lock().connection.is_some())
    }
}
