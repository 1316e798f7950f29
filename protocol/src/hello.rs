//! The handshake: the first call of every connection.
//!
//! Invariant: no other call is answered before `hello`, and no client calls a method above the agreed version.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;

/// Versions of the protocol this build speaks, oldest first.
pub const VERSIONS: std::ops::RangeInclusive<u32> = 1..=1;

/// Largest frame either side sends or accepts, bytes.
pub const MAX_FRAME: usize = 8 * 1024 * 1024;

/// What a client says first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    /// Program and version, for the daemon's log.
    pub client: String,
    /// Oldest protocol version the client speaks.
    pub oldest: u32,
    /// Newest protocol version the client speaks.
    pub newest: u32,
    /// Optional abilities of the client.
    #[serde(default)]
    pub features: Vec<String>,
}

/// What the daemon answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Welcome {
    /// Program and version of the daemon.
    pub daemon: String,
    /// The version both speak from now on.
    pub version: u32,
    /// Optional abilities of the daemon.
    #[serde(default)]
    pub features: Vec<String>,
    /// Who the daemon takes the caller for.
    pub subject: Subject,
    /// Identity of the store: a cursor of another store is void.
    pub store: String,
    /// The daemon serves one user only and was started by a client of theirs.
    #[serde(default)]
    pub private: bool,
}

/// Who acts: today the peer of the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The user's entity.
    pub user: EntityId,
    /// The name shown and audited.
    pub name: String,
    /// The organisation the subject acts in.
    pub org: EntityId,
    /// May do everything in it.
    #[serde(default)]
    pub administrator: bool,
}
