//! Payloads too large for the journal: files named by their addresses.
//!
//! Order: temporary file, sync, rename, sync of the directory; only then may a commit refer to it. What was put since this
//! process began is pinned, so that the sweeper cannot take it before its reference is committed.

use crate::blob_key::{BlobKey, pack, payload_at};
use crate::error::{BlobError, DamageKind, IoFault};
use crate::io::{self, Disk, Mode};
use crate::layout::Layout;
use crate::segment::damage;
use crate::sync::lock;
use crate::types::{BlobId, BlobSpace};
use bytes::Bytes;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Largest payload.
pub(crate) const LIMIT: u64 = 64 << 20;
/// Most at work at once.
pub(crate) const AT_ONCE: usize = 16;

pub(crate) struct Blobs {
    disk: Arc<dyn Disk>,
    layout: Layout,
    key: Mutex<Option<BlobKey>>,
    pinned: Mutex<HashSet<BlobId>>,
    temporary: AtomicU64,
    pub(crate) busy: AtomicUsize,
}

impl Blobs {
    pub(crate) fn new(disk: Arc<dyn Disk>, layout: Layout, key: Option<BlobKey>) -> Self {
        Self {
            disk,
            layout,
            key: Mutex::new(key),
            pinned: Mutex::new(HashSet::new()),
            temporary: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
        }
    }

    pub(crate) fn is_pinned(&self, id: BlobId) -> bool {
        lock(&self.pinned).contains(&id)
    }

    pub(crate) fn key(&self) -> Option<BlobKey> {
        lock(&self.key).clone()
    }

    /// The key, made now if nothing needed one before.
    fn key_or_new(&self) -> Result<BlobKey, BlobError> {
        let mut key = lock(&self.key);
        if let Some(key) = &*key {
            return Ok(key.clone());
        }
        let made = BlobKey::create(&*self.disk, &self.layout);
        let made = made.map_err(|fault| {
            if fault.is_full() {
                BlobError::Full
            } else {
                fault.into()
            }
        })?;
        Ok(key.insert(made).clone())
    }

    pub(crate) fn put(&self, space: BlobSpace, bytes: &Bytes) -> Result<BlobId, BlobError> {
        if bytes.len() as u64 > LIMIT {
            return Err(BlobError::TooLarge {
                limit: LIMIT,
                found: bytes.len() as u64,
            });
        }
        let id = self.key_or_new()?.address(space, bytes);
        self.keep(id, &pack(space, bytes).into())?;
        Ok(id)
    }

    /// Takes a file out of an export, if it is what its name says.
    pub(crate) fn restore(&self, id: BlobId, file: &Bytes) -> Result<(), BlobError> {
        if payload_at(self.key().as_ref(), id, file).is_none() {
            return Err(damage(&self.layout.blob(id), 0, DamageKind::Digest).into());
        }
        self.keep(id, file)
    }

    fn keep(&self, id: BlobId, bytes: &Bytes) -> Result<(), BlobError> {
        let path = self.layout.blob(id);
        if matches!(self.load(id), Ok(there) if there == *bytes) {
            // It may have been written by a process that died before its sync.
            let file = self
                .disk
                .open(&path, Mode::Write)
                .map_err(|e| fault("open", &path, e))?;
            file.sync().map_err(|e| fault("sync", &path, e))?;
        } else {
            self.write(&path, bytes)?;
        }
        self.sync_dirs(&path)?;
        lock(&self.pinned).insert(id);
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &Bytes) -> Result<(), BlobError> {
        let dir = path.parent().unwrap_or(Path::new("."));
        self.disk.create_dir(dir).map_err(|e| fault("create", dir, e))?;
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .layout
            .blobs()
            .join(format!("put-{}-{number}.new", std::process::id()));
        let file = self
            .disk
            .open(&temporary, Mode::Create)
            .map_err(|e| fault("create", &temporary, e))?;
        let written = file.write_at(bytes, 0).map_err(|e| fault("write", &temporary, e));
        let synced = written.and_then(|()| file.sync().map_err(|e| fault("sync", &temporary, e)));
        let named = synced.and_then(|()| {
            self.disk
                .rename(&temporary, path)
                .map_err(|e| fault("rename", path, e))
        });
        if named.is_err()
            && let Err(e) = self.disk.remove(&temporary)
        {
            tracing::warn!(error = %e, path = %temporary.display(), "a temporary blob was left behind");
        }
        named
    }

    fn sync_dirs(&self, path: &Path) -> Result<(), BlobError> {
        let dir = path.parent().unwrap_or(Path::new("."));
        self.disk.sync_dir(dir).map_err(|e| fault("sync", dir, e))?;
        let blobs = self.layout.blobs();
        self.disk.sync_dir(&blobs).map_err(|e| fault("sync", &blobs, e))
    }

    pub(crate) fn path(&self, id: BlobId) -> PathBuf {
        self.layout.blob(id)
    }

    fn load(&self, id: BlobId) -> Result<Bytes, BlobError> {
        let path = self.layout.blob(id);
        match io::read_all(&*self.disk, &path) {
            Ok(bytes) => Ok(bytes.into()),
            Err(fault) if fault.source.kind() == std::io::ErrorKind::NotFound => Err(BlobError::Missing(id)),
            Err(fault) => Err(fault.into()),
        }
    }

    pub(crate) fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        let (file, at) = self.whole(id)?;
        Ok(file.slice(at..))
    }

    /// The file of a blob as it is, verified, and where in it the payload begins.
    pub(crate) fn whole(&self, id: BlobId) -> Result<(Bytes, usize), BlobError> {
        let file = self.load(id)?;
        let at = payload_at(self.key().as_ref(), id, &file);
        let at = at.ok_or_else(|| damage(&self.layout.blob(id), 0, DamageKind::Digest))?;
        Ok((file, at))
    }

    /// Every blob file, and every temporary one left behind by a dead process.
    pub(crate) fn files(&self) -> Result<Files, IoFault> {
        files(&self.layout)
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), IoFault> {
        self.disk
            .remove(path)
            .map_err(|e| IoFault::new("remove", path, e))
    }
}

/// Blobs in order of their ids, and abandoned temporary files.
type Files = (Vec<(BlobId, PathBuf)>, Vec<PathBuf>);

pub(crate) fn files(layout: &Layout) -> Result<Files, IoFault> {
    let root = layout.blobs();
    let own = format!("put-{}-", std::process::id());
    let (mut blobs, mut abandoned) = (Vec::new(), Vec::new());
    let mut dirs = vec![root];
    while let Some(dir) = dirs.pop() {
        let list = match std::fs::read_dir(&dir) {
            Ok(list) => list,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(IoFault::new("list", &dir, e)),
        };
        for entry in list {
            let entry = entry.map_err(|e| IoFault::new("list", &dir, e))?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() {
                dirs.push(path);
            } else if let Some(id) = parse(&name) {
                blobs.push((id, path));
            } else if name.ends_with(".new") && !name.starts_with(&own) {
                abandoned.push(path);
            }
        }
    }
    blobs.sort();
    Ok((blobs, abandoned))
}

fn parse(name: &str) -> Option<BlobId> {
    let mut id = [0; 32];
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    for (i, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(BlobId(id))
}

fn fault(op: &'static str, path: &Path, e: std::io::Error) -> BlobError {
    let fault = IoFault::new(op, path, e);
    if fault.is_full() {
        BlobError::Full
    } else {
        fault.into()
    }
}
