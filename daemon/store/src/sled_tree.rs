//! Rows in sled: the only file that reads and writes it.
//!
//! Invariant: `persist` is a flush plus our own `fdatasync`, because sled's flush is none.

use crate::error::StateFault;
use crate::io::{Disk, StateIo};
use crate::sled_guard::{self, failed, guarded};
use crate::tree::{Changes, Found, Range, Rows, Tree};
use bytes::Bytes;
use sled::{Batch, IVec};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct SledTree {
    tree: sled::Db,
    log: File,
    dir: PathBuf,
    disk: Arc<dyn Disk>,
}

impl SledTree {
    /// Opens and makes durable what sled itself never syncs.
    pub(crate) fn open(
        dir: &Path,
        cache_bytes: u64,
        deadline: Duration,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StateFault> {
        let io = |e: std::io::Error| StateFault::Failed(e.to_string());
        disk.state_io(StateIo::Open).map_err(io)?;
        let tree = sled_guard::open(dir, cache_bytes, deadline)?;
        for name in ["conf", "db", "blobs", ""] {
            File::open(dir.join(name))
                .and_then(|f| f.sync_all())
                .map_err(io)?;
        }
        if let Some(parent) = dir.parent() {
            File::open(parent).and_then(|f| f.sync_all()).map_err(io)?;
        }
        let log = File::open(dir.join("db")).map_err(io)?;
        Ok(Self {
            tree,
            log,
            dir: dir.to_owned(),
            disk,
        })
    }
}

struct Iter<'a>(sled::Iter, &'a dyn Disk);

impl Iter<'_> {
    fn step(
        &mut self,
        next: impl FnOnce(&mut sled::Iter) -> Option<sled::Result<(IVec, IVec)>>,
    ) -> Option<Found> {
        let step = || {
            told(self.1, StateIo::Read)?;
            next(&mut self.0).transpose().map_err(failed).map(copied)
        };
        guarded(step).transpose()
    }
}

fn told(disk: &dyn Disk, what: StateIo) -> Result<(), StateFault> {
    disk.state_io(what).map_err(|e| StateFault::Failed(e.to_string()))
}

fn copied(row: Option<(IVec, IVec)>) -> Option<(Bytes, Bytes)> {
    row.map(|(key, row)| (Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&row)))
}

impl Iterator for Iter<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.step(sled::Iter::next)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Found> {
        self.step(sled::Iter::next_back)
    }
}

impl Tree for SledTree {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        told(&*self.disk, StateIo::Read)?;
        let row = guarded(|| self.tree.get(key).map_err(failed))?;
        Ok(row.map(|row| Bytes::copy_from_slice(&row)))
    }

    fn range(&self, range: Range) -> Rows<'_> {
        Box::new(Iter(self.tree.range(range), &*self.disk))
    }

    fn apply(&self, changes: Changes) -> Result<(), StateFault> {
        let mut batch = Batch::default();
        for (key, row) in changes.0 {
            match row {
                Some(row) => batch.insert(key, row),
                None => batch.remove(key),
            }
        }
        told(&*self.disk, StateIo::Write)?;
        guarded(|| self.tree.apply_batch(batch).map_err(failed))
    }

    fn persist(&self) -> Result<(), StateFault> {
        guarded(|| self.tree.flush().map(drop).map_err(failed))?;
        self.disk
            .sync_state(&self.log)
            .map_err(|e| StateFault::Failed(e.to_string()))
    }

    fn bytes(&self) -> u64 {
        guarded(|| self.tree.size_on_disk().map_err(failed)).unwrap_or(0)
    }

    fn own_blobs(&self) -> usize {
        std::fs::read_dir(self.dir.join("blobs")).map_or(0, Iterator::count)
    }
}
