//! How to open a store. Defaults suit one user's machine; tests make everything smaller.

use crate::clock::{self, Clock};
use crate::error::OpenError;
use crate::io::{Disk, RealDisk};
use crate::types::Progress;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Called from the opening thread, now and then and at the end.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Called from whichever thread met the failure.
pub type OnFailure = Arc<dyn Fn() + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// Directory of the store; made (mode 0700) if it does not exist.
    pub dir: PathBuf,
    /// sled's cache; expect about twice as much memory. Default 16 MiB.
    pub cache_bytes: u64,
    /// Size of a journal segment, 64 KiB to 1 GiB. Default 16 MiB. A transaction may take a quarter of it, at most 4 MiB.
    pub segment_bytes: u64,
    /// Most bytes acknowledged but not yet in sled; beyond it commits answer `Overloaded`. Default 64 MiB.
    pub overlay_bytes: u64,
    /// Free space below which only transactions with `reserve` are taken. Default 64 MiB.
    pub min_free_bytes: u64,
    /// Closed streams move into the archive once this many rest, or one has for a day. Default 512.
    pub archive_streams: u64,
    /// Told once when the journal has failed: from then on nothing is acknowledged, until the store is opened anew.
    pub on_failure: Option<OnFailure>,
    /// Patience with sled's own opening, beside 1 s per 100 MiB. Default 60 s.
    pub state_deadline: Duration,
    /// Told about replay and rebuild.
    pub progress: Option<OnProgress>,
    /// Wall clock, milliseconds since 1970.
    pub clock: Clock,
    /// File operations of journal and blobs; replaced by tests.
    pub disk: Arc<dyn Disk>,
}

impl Options {
    /// Defaults for a store in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            cache_bytes: 16 << 20,
            segment_bytes: 16 << 20,
            overlay_bytes: 64 << 20,
            min_free_bytes: 64 << 20,
            on_failure: None,
            archive_streams: 512,
            state_deadline: Duration::from_secs(60),
            progress: None,
            clock: clock::system(),
            disk: Arc::new(RealDisk),
        }
    }

    /// Largest transaction, bytes as encoded.
    pub(crate) fn txn_limit(&self) -> u64 {
        (self.segment_bytes / 4).min(4 << 20)
    }

    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let within = |name, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(OpenError::Option { name, least, most })
            }
        };
        within("segment_bytes", self.segment_bytes, 64 << 10, 1 << 30)?;
        within("cache_bytes", self.cache_bytes, 1 << 20, 64 << 30)?;
        within("overlay_bytes", self.overlay_bytes, 64 << 10, 8 << 30)
    }
}
