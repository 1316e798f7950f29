//! Copies of sled's directory, and what a power cut makes of two of them.

use crate::common::{Rng, copy_dir};
use crate::sim::SimDisk;
use dirigent_store::Store;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const SECTOR: usize = 512;
/// Copies kept of one round of sled.
const KEEP: usize = 6;

/// sled's directory at a moment of the recording disk.
pub(crate) struct Sled {
    pub(crate) at: usize,
    pub(crate) dir: PathBuf,
    /// Copies made while sled wrote on, before its next sync.
    pub(crate) newer: Vec<Sled>,
}

/// Copies a state that is settled: all of it is synced.
pub(crate) fn copy(disk: &SimDisk, store: &Path, into: &Path) -> Sled {
    copy_dir(&store.join("state"), into);
    Sled {
        at: disk.moment(),
        dir: into.to_owned(),
        newer: Vec::new(),
    }
}

/// Copies sled's file again and again while it is written to.
pub(crate) struct Watcher<'a> {
    store: &'a dyn Store,
    disk: &'a SimDisk,
    from: PathBuf,
    into: &'a Path,
    applied: u64,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(store: &'a dyn Store, disk: &'a SimDisk, dir: &Path, into: &'a Path) -> Self {
        Self {
            store,
            disk,
            from: dir.join("state"),
            into,
            applied: store.stats().applied.0,
        }
    }

    /// Copies that differ from what was there at the beginning, as long as nothing more was synced.
    pub(crate) fn until(&self, done: &AtomicBool) -> Vec<Sled> {
        let mut last = std::fs::read(self.from.join("db")).unwrap();
        let mut caught = Vec::new();
        while !done.load(Ordering::Acquire) && caught.len() < KEEP {
            let now = std::fs::read(self.from.join("db")).unwrap();
            let at = self.disk.moment();
            if self.store.stats().applied.0 != self.applied {
                break;
            }
            if now != last {
                let dir = self.into.join(caught.len().to_string());
                copy_dir(&self.from, &dir);
                std::fs::write(dir.join("db"), &now).unwrap();
                let newer = Vec::new();
                caught.push(Sled { at, dir, newer });
                last = now;
            }
            std::thread::yield_now();
        }
        caught
    }
}

/// Every sector is that of `old` or that of `new`; a file that only one has is there or not.
pub(crate) fn blend(old: &Path, new: &Path, rng: &mut Rng, to: &Path) {
    let keep = [0, 10, 50, 90, 100][usize::try_from(rng.below(5)).unwrap()];
    std::fs::create_dir_all(to).unwrap();
    let names = |dir: &Path| -> BTreeSet<_> {
        let list = std::fs::read_dir(dir).into_iter().flatten();
        list.map(|entry| entry.unwrap().file_name()).collect()
    };
    for name in names(old).union(&names(new)) {
        let (a, b, c) = (old.join(name), new.join(name), to.join(name));
        match (a.exists(), b.exists()) {
            (true, true) if a.is_dir() => blend(&a, &b, rng, &c),
            (true, true) => {
                let (a, b) = (std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
                std::fs::write(c, mixed(&a, &b, keep, rng)).unwrap();
            }
            (a_is, _) if rng.below(100) < keep => {
                let from = if a_is { a } else { b };
                if from.is_file() {
                    std::fs::copy(from, c).unwrap();
                }
            }
            _ => {}
        }
    }
}

fn mixed(old: &[u8], new: &[u8], keep: u64, rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::with_capacity(new.len());
    for at in (0..new.len()).step_by(SECTOR) {
        let end = (at + SECTOR).min(new.len());
        let take = rng.below(100) < keep;
        match old.get(at..end) {
            Some(before) if !take => out.extend_from_slice(before),
            None if !take => out.resize(end, 0),
            _ => out.extend_from_slice(&new[at..end]),
        }
    }
    out
}
