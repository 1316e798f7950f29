//! A disk that remembers: every write, sync and change of names in order, so that any moment can become a power cut; and
//! that can be told to fail its n-th operation.
//!
//! Model: what a successful sync covered is kept; of the rest each 512-byte sector is kept by chance, in any order. A
//! failed sync covers nothing, and neither does a later one: what it should have written may be gone. A directory's names
//! are kept up to its last sync and, of the later changes, a prefix by chance; a file whose directory is gone is gone.

use crate::common::Rng;
use dirigent_store::io::{Disk, DiskFile, Mode, RealDisk};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

#[derive(Clone)]
enum Op {
    CreateDir {
        path: PathBuf,
    },
    Create {
        path: PathBuf,
        inode: usize,
    },
    Write {
        inode: usize,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        inode: usize,
        len: u64,
    },
    Sync {
        inode: usize,
        done: bool,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    SyncDir {
        path: PathBuf,
    },
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of it is done.
    Error,
    /// Half of a write arrives.
    Short,
    /// No space: half of a write arrives.
    Full,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Error, Self::Short, Self::Full];

    fn error(self) -> io::Error {
        match self {
            Self::Error => io::Error::from_raw_os_error(5),
            Self::Short => io::ErrorKind::WriteZero.into(),
            Self::Full => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// Which operation fails, and whether all after it do too.
struct Order {
    nth: u64,
    fault: Fault,
    for_good: bool,
}

#[derive(Default)]
struct Log {
    ops: Vec<Op>,
    names: HashMap<PathBuf, usize>,
    inodes: usize,
    /// Operations that change something, so far.
    changes: u64,
    reads: u64,
    fail: Option<Order>,
    fail_read: Option<u64>,
    /// Files whose sync failed: nobody may sync them again.
    failed: HashMap<usize, PathBuf>,
    resynced: Vec<PathBuf>,
}

#[derive(Clone)]
pub(crate) struct SimDisk {
    root: PathBuf,
    log: Arc<Mutex<Log>>,
}

struct SimFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    inode: usize,
    disk: SimDisk,
}

impl SimDisk {
    /// Remembers what happens below `root`, which itself is always there.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            log: Arc::default(),
        }
    }

    /// The `nth` changing operation from now fails; with `for_good` every one after it too.
    pub(crate) fn fail_nth(&self, nth: u64, fault: Fault, for_good: bool) {
        let mut log = self.log.lock().unwrap();
        let nth = log.changes + nth;
        log.fail = Some(Order { nth, fault, for_good });
    }

    /// The `nth` reading operation from now fails, once.
    pub(crate) fn fail_nth_read(&self, nth: u64) {
        let mut log = self.log.lock().unwrap();
        log.fail_read = Some(log.reads + nth);
    }

    /// From now on nothing fails.
    pub(crate) fn heal(&self) {
        let mut log = self.log.lock().unwrap();
        (log.fail, log.fail_read) = (None, None);
    }

    /// The power was off: what is synced from now on is another matter.
    pub(crate) fn forget_failed_syncs(&self) {
        self.log.lock().unwrap().failed.clear();
    }

    /// Files that were synced again after a sync of them had failed.
    pub(crate) fn resynced(&self) -> Vec<PathBuf> {
        self.log.lock().unwrap().resynced.clone()
    }

    pub(crate) fn moment(&self) -> usize {
        self.log.lock().unwrap().ops.len()
    }

    /// Changing and reading operations so far.
    pub(crate) fn operations(&self) -> (u64, u64) {
        let log = self.log.lock().unwrap();
        (log.changes, log.reads)
    }

    /// One operation, done and noted as one: so the log's order is the order of events.
    fn change(&self, op: Op, act: impl FnOnce(Option<usize>) -> io::Result<()>) -> io::Result<()> {
        let mut log = self.log.lock().unwrap();
        log.changes += 1;
        let due = log.fail.as_ref().and_then(|order| {
            let hit = order.nth == log.changes || (order.for_good && order.nth < log.changes);
            hit.then_some(order.fault)
        });
        let Some(fault) = due else {
            act(None)?;
            log.note(op);
            return Ok(());
        };
        match op {
            Op::Write { inode, offset, bytes } if fault != Fault::Error => {
                let half = bytes.len() / 2;
                act(Some(half))?;
                let bytes = bytes[..half].to_vec();
                log.ops.push(Op::Write { inode, offset, bytes });
            }
            Op::Sync { inode, .. } => log.ops.push(Op::Sync { inode, done: false }),
            _ => {}
        }
        Err(fault.error())
    }

    fn read<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        {
            let mut log = self.log.lock().unwrap();
            log.reads += 1;
            if log.fail_read == Some(log.reads) {
                return Err(Fault::Error.error());
            }
        }
        act()
    }

    /// What the disk holds after a power cut at `moment`, written to `to`.
    pub(crate) fn crash(&self, moment: usize, rng: &mut Rng, to: &Path) {
        let log = self.log.lock().unwrap();
        let ops = &log.ops[..moment];
        let keep = [0, 50, 90, 100][usize::try_from(rng.below(4)).unwrap()];
        let names = names(ops, &self.root, rng);
        let mut files: HashMap<usize, Vec<u8>> = names
            .values()
            .flatten()
            .map(|inode| (*inode, Vec::new()))
            .collect();
        fill(ops, &mut files, keep, rng);
        drop(log);
        for (path, inode) in names {
            let target = to.join(path.strip_prefix(&self.root).unwrap());
            match inode {
                None => std::fs::create_dir(target).unwrap(),
                Some(inode) => std::fs::write(target, &files[&inode]).unwrap(),
            }
        }
    }
}

impl Log {
    fn note(&mut self, op: Op) {
        match &op {
            Op::Create { path, inode } => drop(self.names.insert(path.clone(), *inode)),
            Op::Rename { from, to } => {
                if let Some(inode) = self.names.remove(from) {
                    self.names.insert(to.clone(), inode);
                }
            }
            Op::Remove { path } => drop(self.names.remove(path)),
            Op::CreateDir { .. }
            | Op::Write { .. }
            | Op::Truncate { .. }
            | Op::Sync { .. }
            | Op::SyncDir { .. } => {}
        }
        self.ops.push(op);
    }
}

/// A directory, or the file of that inode.
type Names = BTreeMap<PathBuf, Option<usize>>;

/// Names that survive: per directory everything up to its last sync, then a prefix of the rest.
fn names(ops: &[Op], root: &Path, rng: &mut Rng) -> Names {
    let dir_of = |path: &Path| path.parent().unwrap().to_owned();
    let mut synced: HashMap<&Path, usize> = HashMap::new();
    for (i, op) in ops.iter().enumerate() {
        if let Op::SyncDir { path } = op {
            synced.insert(path, i);
        }
    }
    let mut until: HashMap<PathBuf, usize> = HashMap::new();
    let mut names = Names::new();
    for (i, op) in ops.iter().enumerate() {
        let dir = match op {
            Op::Create { path, .. } | Op::CreateDir { path } | Op::Remove { path } => dir_of(path),
            Op::Rename { to, .. } => dir_of(to),
            Op::Write { .. } | Op::Truncate { .. } | Op::Sync { .. } | Op::SyncDir { .. } => continue,
        };
        let sure = synced.get(dir.as_path()).copied().unwrap_or(0);
        let rest = (ops.len() - sure) as u64 + 1;
        let last = *until
            .entry(dir)
            .or_insert_with(|| sure + usize::try_from(rng.below(rest)).unwrap());
        if i > last {
            continue;
        }
        match op {
            Op::CreateDir { path } => drop(names.insert(path.clone(), None)),
            Op::Create { path, inode } => drop(names.insert(path.clone(), Some(*inode))),
            Op::Remove { path } => drop(names.remove(path)),
            Op::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Op::Write { .. } | Op::Truncate { .. } | Op::Sync { .. } | Op::SyncDir { .. } => {}
        }
    }
    let there = |path: &Path| {
        let mut above = path.ancestors().skip(1).take_while(|dir| *dir != root);
        above.all(|dir| names.contains_key(dir))
    };
    let kept = names.iter().filter(|(path, _)| there(path));
    kept.map(|(path, inode)| (path.clone(), *inode)).collect()
}

/// Contents of the files that survive.
fn fill(ops: &[Op], files: &mut HashMap<usize, Vec<u8>>, keep: u64, rng: &mut Rng) {
    // From the end: is the next sync of this file one that was done?
    let mut sure = vec![false; ops.len()];
    let mut next: HashMap<usize, bool> = HashMap::new();
    for (i, op) in ops.iter().enumerate().rev() {
        match op {
            Op::Sync { inode, done } => drop(next.insert(*inode, *done)),
            Op::Write { inode, .. } | Op::Truncate { inode, .. } => {
                sure[i] = next.get(inode).copied().unwrap_or(false);
            }
            _ => {}
        }
    }
    for (i, op) in ops.iter().enumerate() {
        match op {
            Op::Write { inode, offset, bytes } => {
                if let Some(file) = files.get_mut(inode) {
                    write(file, *offset, bytes, sure[i], keep, rng);
                }
            }
            Op::Truncate { inode, len } if sure[i] || rng.below(100) < keep => {
                if let Some(file) = files.get_mut(inode) {
                    file.resize(usize::try_from(*len).unwrap(), 0);
                }
            }
            _ => {}
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: u64, new: &[u8], sure: bool, keep: u64, rng: &mut Rng) {
    let mut at = usize::try_from(offset).unwrap();
    let mut rest = new;
    while !rest.is_empty() {
        let n = if sure {
            rest.len()
        } else {
            rest.len().min(SECTOR - at % SECTOR)
        };
        if sure || rng.below(100) < keep {
            if bytes.len() < at + n {
                bytes.resize(at + n, 0);
            }
            bytes[at..at + n].copy_from_slice(&rest[..n]);
        }
        at += n;
        rest = &rest[n..];
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let (file, inode) = if mode == Mode::Create {
            let inode = {
                let mut log = self.log.lock().unwrap();
                log.inodes += 1;
                log.inodes
            };
            let mut file = None;
            let path = path.to_owned();
            self.change(
                Op::Create {
                    path: path.clone(),
                    inode,
                },
                |_| {
                    file = Some(RealDisk.open(&path, mode)?);
                    Ok(())
                },
            )?;
            (file.unwrap(), inode)
        } else {
            let file = self.read(|| RealDisk.open(path, mode))?;
            let inode = self.log.lock().unwrap().names.get(path).copied();
            (file, inode.unwrap_or(0))
        };
        Ok(Arc::new(SimFile {
            file,
            path: path.to_owned(),
            inode,
            disk: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let op = Op::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.change(op, |_| RealDisk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let op = Op::Remove {
            path: path.to_owned(),
        };
        self.change(op, |_| RealDisk.remove(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<_> = path.ancestors().take_while(|dir| !dir.exists()).collect();
        while let Some(dir) = missing.pop() {
            let op = Op::CreateDir { path: dir.to_owned() };
            self.change(op, |_| RealDisk.create_dir(dir))?;
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let op = Op::SyncDir {
            path: path.to_owned(),
        };
        self.change(op, |_| Ok(()))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.read(|| self.file.read_at(buf, offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let op = Op::Write {
            inode: self.inode,
            offset,
            bytes: buf.to_vec(),
        };
        let act = |half: Option<usize>| self.file.write_at(&buf[..half.unwrap_or(buf.len())], offset);
        self.disk.change(op, act)
    }

    fn sync(&self) -> io::Result<()> {
        // The model decides what is durable; the machine's own sync would only cost time.
        let op = Op::Sync {
            inode: self.inode,
            done: true,
        };
        let done = self.disk.change(op, |_| Ok(()));
        let mut log = self.disk.log.lock().unwrap();
        if log.failed.contains_key(&self.inode) {
            log.resynced.push(self.path.clone());
        }
        if done.is_err() {
            log.failed.insert(self.inode, self.path.clone());
        }
        done
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let op = Op::Truncate {
            inode: self.inode,
            len,
        };
        self.disk.change(op, |_| self.file.truncate(len))
    }
}
