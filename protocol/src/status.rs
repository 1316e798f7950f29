//! How the daemon is: its process, its work, its store, what keeps it from being well.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::emergency::Emergency;

/// The daemon's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Program version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// When it came up.
    pub started_at: Timestamp,
    /// Where its data is.
    pub data_dir: String,
    /// Where it listens.
    pub socket: String,
    /// Serves one user only.
    pub private: bool,
    /// Whether `run: shell` is allowed, and as whom: `allow (as dana, not sandboxed)`.
    pub shell: String,
    /// Runs by status word.
    pub runs: BTreeMap<String, u64>,
    /// Approvals that wait.
    pub approvals_pending: u64,
    /// Effects being performed now.
    pub effects_in_flight: u64,
    /// Model providers that can be used now, and which is the default.
    pub providers: Vec<String>,
    /// The model of agents that name none.
    pub default_model: String,
    /// What runs wait for that were refused at a door: `the limit of openai`, with the first time one asks again and how
    /// many runs wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<RunsWaiting>,
    /// Where offers are served over HTTP; empty where they are not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serve: String,
    /// Who stopped everything; none where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
    /// What stands around the sandbox of commands, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub walls: Vec<WallStatus>,
    /// Figures of the store: commits, lag, bytes.
    pub store: StoreStatus,
}

/// Runs that were refused at one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsWaiting {
    /// What they wait for, in words.
    pub what: String,
    /// When the first of them asks again.
    pub until: Timestamp,
    /// How many.
    pub runs: u64,
}

/// What may stand around the sandbox of commands: its own three layers are there with it and without it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WallStatus {
    /// `unit`, `bubblewrap`.
    pub name: String,
    /// Whether it does; none while it is being tried.
    pub stands: Option<bool>,
    /// Why it does not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Figures of the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreStatus {
    /// Commits since the start.
    pub commits: u64,
    /// Commits that the state is behind the journal.
    pub lag: u64,
    /// How long the oldest of them has been waiting, milliseconds.
    pub lag_ms: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the state.
    pub state_bytes: u64,
    /// Free bytes of the disk.
    pub disk_free: u64,
    /// What keeps it from being well; empty is well.
    pub trouble: String,
}
