//! A disk that remembers: every write, sync and rename in order, so that any moment can become a power cut; and that can
//! be told to fail its n-th operation.
//!
//! Model: synced data is kept; of unsynced data each 512-byte sector is kept by chance; names are kept up to the last sync
//! of their directory and, of the later ones, a prefix by chance.

use crate::common::Rng;
use dirigent_store::io::{Disk, DiskFile, Mode, RealDisk};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

#[derive(Clone)]
enum Op {
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

#[derive(Default)]
struct Log {
    ops: Vec<Op>,
    names: HashMap<PathBuf, usize>,
    inodes: usize,
    /// Operations that change something, so far.
    changes: u64,
    fail: Option<(u64, io::ErrorKind)>,
}

#[derive(Clone)]
pub(crate) struct SimDisk {
    root: PathBuf,
    log: Arc<Mutex<Log>>,
}

struct SimFile {
    file: Arc<dyn DiskFile>,
    inode: usize,
    disk: SimDisk,
}

impl SimDisk {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            log: Arc::default(),
        }
    }

    /// The `nth` changing operation from now fails, once.
    pub(crate) fn fail_nth(&self, nth: u64, kind: io::ErrorKind) {
        let mut log = self.log.lock().unwrap();
        log.fail = Some((log.changes + nth, kind));
    }

    pub(crate) fn moment(&self) -> usize {
        self.log.lock().unwrap().ops.len()
    }

    /// One operation, done and noted as one: so the log's order is the order of events.
    fn change(&self, op: Op, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut log = self.log.lock().unwrap();
        log.changes += 1;
        if let Some((nth, kind)) = log.fail
            && nth == log.changes
        {
            // Half of a failing write arrives.
            if let Op::Write { inode, offset, bytes } = op {
                let half = bytes[..bytes.len() / 2].to_vec();
                log.ops.push(Op::Write {
                    inode,
                    offset,
                    bytes: half,
                });
            }
            return Err(kind.into());
        }
        act()?;
        match &op {
            Op::Create { path, inode } => drop(log.names.insert(path.clone(), *inode)),
            Op::Rename { from, to } => {
                let inode = log.names.remove(from).expect("a renamed file was made before");
                log.names.insert(to.clone(), inode);
            }
            Op::Remove { path } => drop(log.names.remove(path)),
            Op::Write { .. } | Op::Truncate { .. } | Op::Sync { .. } | Op::SyncDir { .. } => {}
        }
        log.ops.push(op);
        Ok(())
    }

    /// What the disk holds after a power cut at `moment`, written to `to`.
    pub(crate) fn crash(&self, moment: usize, rng: &mut Rng, to: &Path) {
        let log = self.log.lock().unwrap();
        let ops = &log.ops[..moment];
        let keep = [0, 50, 90, 100][usize::try_from(rng.below(4)).unwrap()];
        let names = names(ops, rng);
        let mut files: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for inode in names.values() {
            files.insert(*inode, contents(ops, *inode, keep, rng));
        }
        drop(log);
        for (path, inode) in names {
            let target = to.join(path.strip_prefix(&self.root).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, &files[&inode]).unwrap();
        }
    }
}

/// Names that survive: per directory everything up to its last sync, then a prefix of the rest.
fn names(ops: &[Op], rng: &mut Rng) -> BTreeMap<PathBuf, usize> {
    let dir_of = |path: &Path| path.parent().unwrap().to_owned();
    let mut synced: HashMap<PathBuf, usize> = HashMap::new();
    for (i, op) in ops.iter().enumerate() {
        if let Op::SyncDir { path } = op {
            synced.insert(path.clone(), i);
        }
    }
    let mut until: HashMap<PathBuf, usize> = HashMap::new();
    let mut names = BTreeMap::new();
    for (i, op) in ops.iter().enumerate() {
        let dir = match op {
            Op::Create { path, .. } | Op::Remove { path } => dir_of(path),
            Op::Rename { to, .. } => dir_of(to),
            Op::Write { .. } | Op::Truncate { .. } | Op::Sync { .. } | Op::SyncDir { .. } => continue,
        };
        let sure = synced.get(&dir).copied().unwrap_or(0);
        let rest = (ops.len() - sure) as u64 + 1;
        let last = *until
            .entry(dir)
            .or_insert_with(|| sure + usize::try_from(rng.below(rest)).unwrap());
        if i > last {
            continue;
        }
        match op {
            Op::Create { path, inode } => drop(names.insert(path.clone(), *inode)),
            Op::Remove { path } => drop(names.remove(path)),
            Op::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Op::Write { .. } | Op::Truncate { .. } | Op::Sync { .. } | Op::SyncDir { .. } => {}
        }
    }
    names
}

fn contents(ops: &[Op], inode: usize, keep: u64, rng: &mut Rng) -> Vec<u8> {
    let mine = |op: &&(usize, &Op)| match op.1 {
        Op::Write { inode: of, .. } | Op::Truncate { inode: of, .. } | Op::Sync { inode: of } => *of == inode,
        Op::Create { .. } | Op::Rename { .. } | Op::Remove { .. } | Op::SyncDir { .. } => false,
    };
    let numbered: Vec<(usize, &Op)> = ops.iter().enumerate().collect();
    let synced = numbered
        .iter()
        .rfind(|(i, op)| mine(&&(*i, *op)) && matches!(op, Op::Sync { .. }))
        .map_or(0, |(i, _)| *i);
    let mut bytes = Vec::new();
    for (i, op) in numbered.iter().filter(mine) {
        match op {
            Op::Write {
                offset, bytes: new, ..
            } => write(&mut bytes, *offset, new, *i < synced, keep, rng),
            Op::Truncate { len, .. } if *i < synced || rng.below(100) < keep => {
                bytes.resize(usize::try_from(*len).unwrap(), 0);
            }
            _ => {}
        }
    }
    bytes
}

fn write(bytes: &mut Vec<u8>, offset: u64, new: &[u8], sure: bool, keep: u64, rng: &mut Rng) {
    let mut at = usize::try_from(offset).unwrap();
    let mut rest = new;
    while !rest.is_empty() {
        let n = rest.len().min(SECTOR - at % SECTOR);
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
        if mode == Mode::Create {
            let inode = {
                let mut log = self.log.lock().unwrap();
                log.inodes += 1;
                log.inodes
            };
            let mut file = None;
            self.change(
                Op::Create {
                    path: path.to_owned(),
                    inode,
                },
                || {
                    file = Some(RealDisk.open(path, mode)?);
                    Ok(())
                },
            )?;
            return Ok(Arc::new(SimFile {
                file: file.unwrap(),
                inode,
                disk: self.clone(),
            }));
        }
        let file = RealDisk.open(path, mode)?;
        let inode = self.log.lock().unwrap().names.get(path).copied().unwrap_or(0);
        Ok(Arc::new(SimFile {
            file,
            inode,
            disk: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(
            Op::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            },
            || RealDisk.rename(from, to),
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(
            Op::Remove {
                path: path.to_owned(),
            },
            || RealDisk.remove(path),
        )
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(
            Op::SyncDir {
                path: path.to_owned(),
            },
            || Ok(()),
        )
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let op = Op::Write {
            inode: self.inode,
            offset,
            bytes: buf.to_vec(),
        };
        self.disk.change(op, || self.file.write_at(buf, offset))
    }

    fn sync(&self) -> io::Result<()> {
        // The model decides what is durable; the machine's own sync would only cost time.
        self.disk.change(Op::Sync { inode: self.inode }, || Ok(()))
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.change(
            Op::Truncate {
                inode: self.inode,
                len,
            },
            || self.file.truncate(len),
        )
    }
}
