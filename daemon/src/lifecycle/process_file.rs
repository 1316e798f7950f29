//! `daemon.json` in the data directory: which process serves it, for people and scripts. The store's lock, not this
//! file, keeps two daemons apart.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StartError;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFile {
    /// Process id.
    pub pid: u32,
    /// The kernel's start time of the process (clock ticks since boot): tells a reused id apart.
    pub start_ticks: Option<u64>,
    /// When it came up.
    pub started_at: Timestamp,
    /// Program version.
    pub version: String,
    /// Where it listens.
    pub socket: PathBuf,
}

impl ProcessFile {
    /// Of this process.
    #[must_use]
    pub fn of_this(socket: &Path, started_at: Timestamp) -> Self {
        Self {
            pid: std::process::id(),
            start_ticks: start_ticks(),
            started_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            socket: socket.to_owned(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("daemon.json")
    }

    /// Writes it whole: a reader never sees half of it.
    pub(super) fn write(&self, data_dir: &Path) -> Result<(), StartError> {
        let path = Self::path(data_dir);
        let fresh = path.with_extension("new");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut how = fs::OpenOptions::new();
        how.create(true).write(true).truncate(true).mode(0o600);
        how.open(&fresh)
            .and_then(|mut file| writeln!(file, "{text}"))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|source| StartError::ProcessFile {
                path: path.clone(),
                source,
            })
    }

    /// Removes it; its absence is no problem.
    pub(super) fn remove(data_dir: &Path) {
        if let Err(error) = fs::remove_file(Self::path(data_dir))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "daemon.json cannot be removed");
        }
    }
}

/// Field 22 of `/proc/self/stat`; the name in field 2 may hold spaces and brackets.
fn start_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
