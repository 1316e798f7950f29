//! What is needed to get a connection, and whether a daemon may be started for it.

use super::launch::Launch;
use super::target::Target;

/// Everything needed to get a connection.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which daemon.
    pub target: Target,
    /// Name and version of this program, for the daemon's log.
    pub client: String,
    /// How to start a private daemon when none runs; none means never.
    pub launch: Option<Launch>,
}
