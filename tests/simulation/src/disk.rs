//! The simulated disk: in memory, with a power switch, that can be full, and whose n-th operation can fail.
//!
//! Model: synced data stays; of unsynced data each sector of 512 bytes stays by chance; names stay up to the last sync of
//! their directory and, of the later ones, a prefix by chance. A killed process loses nothing of this; a failed sync
//! leaves data that is read but may not survive.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use dirigent_store::io::{Disk, DiskFile, Hold, Mode, NotHeld};

use crate::file::{Change, File};
use crate::rng::Rng;

const ROOMY: u64 = 1 << 30;

/// How a life ends for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process is gone; what it wrote is in the system's hands.
    Kill,
    /// The power is gone.
    Power,
}

/// What happens at an operation that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Everything ends here; the operation itself may or may not have happened.
    Off,
    /// It fails; half of a write arrives.
    Fails,
    /// There is no space for it.
    NoSpace,
}

struct Inner {
    files: BTreeMap<u64, File>,
    names: BTreeMap<PathBuf, u64>,
    safe_names: BTreeMap<PathBuf, u64>,
    /// Since the last sync of the directory each is in.
    fresh_names: Vec<(PathBuf, Name)>,
    dirs: BTreeSet<PathBuf>,
    next: u64,
    rng: Rng,
    /// Changing operations so far.
    ops: u64,
    trouble: BTreeMap<u64, Trouble>,
    /// Syncs of files so far, and the one that fails.
    syncs: u64,
    failing_sync: Option<u64>,
    off: bool,
    full: bool,
    /// Processes that were started so far; the one that has the lock.
    process: u32,
    locked: Option<u32>,
}

/// A process has the lock as long as this lives.
struct Held {
    process: u32,
    disk: SimDisk,
}

impl Hold for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        if inner.locked == Some(self.process) {
            inner.locked = None;
        }
    }
}

#[derive(Debug, Clone)]
enum Name {
    Is { path: PathBuf, inode: u64 },
    Moves { from: PathBuf, to: PathBuf, inode: u64 },
    Goes { path: PathBuf },
}

#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<Inner>>);

struct SimFile {
    inode: u64,
    disk: SimDisk,
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

impl SimDisk {
    pub(crate) fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            fresh_names: Vec::new(),
            dirs: BTreeSet::new(),
            next: 0,
            rng,
            ops: 0,
            trouble: BTreeMap::new(),
            syncs: 0,
            failing_sync: None,
            off: false,
            full: false,
            process: 0,
            locked: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.inner().off
    }

    pub(crate) fn ops(&self) -> u64 {
        self.inner().ops
    }

    /// From here on nothing reaches the disk.
    pub(crate) fn switch_off(&self) {
        self.inner().off = true;
    }

    /// The `nth` changing operation from now is in trouble.
    pub(crate) fn trouble(&self, nth: u64, what: Trouble) {
        let mut inner = self.inner();
        let at = inner.ops + nth;
        inner.trouble.insert(at, what);
    }

    /// The `nth` sync of a file from now fails, once: the next one says that all is well.
    pub(crate) fn fail_sync(&self, nth: u64) {
        let mut inner = self.inner();
        inner.failing_sync = Some(inner.syncs + nth);
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.inner().full = full;
    }

    /// What is left after the end of a life; troubles end with it.
    pub(crate) fn restart(&self, end: End) {
        let mut inner = self.inner();
        inner.off = false;
        inner.full = false;
        // A lock ends with its process.
        inner.locked = None;
        inner.trouble.clear();
        inner.failing_sync = None;
        if end == End::Power {
            inner.cut();
        }
    }
}

impl Inner {
    /// Counts an operation and says whether it goes well. `done` does it, or half of it.
    fn operate(&mut self, grows: bool, done: impl FnOnce(&mut Self, bool)) -> io::Result<()> {
        if self.off {
            return Err(gone());
        }
        self.ops += 1;
        let ops = self.ops;
        match self.trouble.remove(&ops) {
            Some(Trouble::Off) => {
                if self.rng.percent(50) {
                    done(self, false);
                }
                self.off = true;
                Err(gone())
            }
            Some(Trouble::Fails) => {
                done(self, true);
                Err(io::Error::other("the device reports an error"))
            }
            Some(Trouble::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            None if self.full && grows => Err(io::ErrorKind::StorageFull.into()),
            None => {
                done(self, false);
                Ok(())
            }
        }
    }

    fn name(&mut self, dir: PathBuf, name: Name) {
        apply_name(&mut self.names, &name);
        self.fresh_names.push((dir, name));
    }

    fn cut(&mut self) {
        let keep = self.rng.pick(&[0, 50, 90, 100]);
        for file in self.files.values_mut() {
            file.cut(keep, &mut self.rng);
        }
        let mut kept: BTreeMap<PathBuf, u64> = BTreeMap::new();
        for (dir, _) in &self.fresh_names {
            *kept.entry(dir.clone()).or_default() += 1;
        }
        for count in kept.values_mut() {
            *count = self.rng.below(*count + 1);
        }
        let mut names = std::mem::take(&mut self.safe_names);
        for (dir, name) in self.fresh_names.drain(..) {
            let left = kept.get_mut(&dir).unwrap();
            if *left > 0 {
                *left -= 1;
                apply_name(&mut names, &name);
            }
        }
        self.safe_names.clone_from(&names);
        self.names = names;
    }

    fn file(&mut self, inode: u64) -> &mut File {
        self.files.entry(inode).or_default()
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, u64>, name: &Name) {
    match name {
        Name::Is { path, inode } => drop(names.insert(path.clone(), *inode)),
        Name::Moves { from, to, inode } => {
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        Name::Goes { path } => drop(names.remove(path)),
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        if inner.off {
            return Err(gone());
        }
        let inode = if mode == Mode::Create {
            inner.next += 1;
            let inode = inner.next;
            inner.operate(true, |inner, _| {
                inner.file(inode);
                let path = path.to_owned();
                inner.name(parent(&path), Name::Is { path, inode });
            })?;
            inode
        } else {
            let found = inner.names.get(path).copied();
            found.ok_or(io::ErrorKind::NotFound)?
        };
        drop(inner);
        let disk = self.clone();
        Ok(Arc::new(SimFile { inode, disk }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let inode = inner.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        inner.operate(false, |inner, failed| {
            if !failed {
                let (from, to) = (from.to_owned(), to.to_owned());
                inner.name(parent(&to), Name::Moves { from, to, inode });
            }
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.operate(false, |inner, failed| {
            if !failed {
                let path = path.to_owned();
                inner.name(parent(&path), Name::Goes { path });
            }
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.dirs.insert(path.to_owned());
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner().operate(false, |inner, failed| {
            if failed {
                return;
            }
            let fresh = std::mem::take(&mut inner.fresh_names);
            for (dir, name) in fresh {
                if dir == path {
                    apply_name(&mut inner.safe_names, &name);
                } else {
                    inner.fresh_names.push((dir, name));
                }
            }
        })
    }

    fn hold(&self, _lock: &Path) -> Result<Box<dyn Hold>, NotHeld> {
        let mut inner = self.inner();
        if let Some(process) = inner.locked {
            return Err(NotHeld::By(process));
        }
        inner.process += 1;
        let (process, disk) = (inner.process, self.clone());
        inner.locked = Some(process);
        Ok(Box::new(Held { process, disk }))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(if self.inner().full { 0 } else { ROOMY })
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner();
        if inner.off {
            return Err(gone());
        }
        let within = inner.names.keys().filter(|name| name.parent() == Some(path));
        let names = within.filter_map(|name| name.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        if inner.off {
            return Err(gone());
        }
        let at = usize::try_from(offset).unwrap();
        let found = inner.file(self.inode).now.get(at..at + buf.len());
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let offset = usize::try_from(offset).unwrap();
        let grows = offset + buf.len() > inner.file(self.inode).now.len();
        inner.operate(grows, |inner, failed| {
            let arrived = if failed { &buf[..buf.len() / 2] } else { buf };
            let bytes = arrived.to_vec();
            inner.file(self.inode).change(Change::Write { offset, bytes });
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.syncs += 1;
        if !inner.off && inner.failing_sync == Some(inner.syncs) {
            inner.file(self.inode).fail_sync();
            return Err(io::Error::other("the device reports an error"));
        }
        inner.operate(false, |inner, failed| {
            let file = inner.file(self.inode);
            if failed {
                file.fail_sync();
            } else {
                file.sync();
            }
        })
    }

    fn len(&self) -> io::Result<u64> {
        let mut inner = self.disk.inner();
        if inner.off {
            return Err(gone());
        }
        Ok(inner.file(self.inode).now.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.disk.inner().operate(false, |inner, failed| {
            if !failed {
                inner.file(self.inode).change(Change::Truncate { len });
            }
        })
    }
}
