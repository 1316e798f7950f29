//! The seam under the journal and the blobs: every file operation whose durability matters goes through `Disk`.
//!
//! Tests record it to simulate a power cut, or make the n-th call fail. sled does its own I/O and is not behind
//! it, but for the sync that makes it durable; of the rest the disk is told, so that a test can make it fail.

use crate::error::IoFault;
use crate::lock;
pub use crate::lock::{Hold, NotHeld};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Must exist.
    Read,
    /// Must exist.
    Write,
    /// Made anew, mode 0600; an older file of that name is emptied.
    Create,
}

/// What the state does to its files by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateIo {
    /// Opens them and recovers.
    Open,
    /// Reads rows.
    Read,
    /// Writes a batch.
    Write,
}

/// File system operations, each as the system offers it.
#[expect(
    clippy::missing_errors_doc,
    reason = "all of them fail as the system call does"
)]
pub trait Disk: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory (mode 0700) and its parents; existing is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Keeps every other process out, by a lock on a file. By default the machine's.
    fn hold(&self, file: &Path) -> Result<Box<dyn Hold>, NotHeld> {
        lock::hold(file)
    }
    /// Free bytes for this user.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// `fdatasync` of the state's file, which does the rest of its I/O by itself.
    fn sync_state(&self, log: &File) -> io::Result<()> {
        log.sync_data()
    }
    /// The state is about to do I/O of its own; an error stands for the one it would meet.
    fn state_io(&self, _what: StateIo) -> io::Result<()> {
        Ok(())
    }
    /// Names in a directory, in no order; those that are no Unicode are left out. By default the machine's.
    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }
}

/// An open file.
#[expect(
    clippy::missing_errors_doc,
    reason = "all of them fail as the system call does"
)]
#[expect(clippy::len_without_is_empty, reason = "a file's length, not a collection's")]
pub trait DiskFile: Send + Sync {
    /// Fills `buf` from `offset`, or fails with `UnexpectedEof`.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `buf` at `offset`.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// `fdatasync`.
    fn sync(&self) -> io::Result<()>;
    /// Current length.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let mut how = OpenOptions::new();
        match mode {
            Mode::Read => how.read(true),
            Mode::Write => how.read(true).write(true),
            Mode::Create => how.read(true).write(true).create(true).truncate(true).mode(0o600),
        };
        Ok(Arc::new(RealFile(how.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let vfs = rustix::fs::statvfs(path)?;
        Ok(vfs.f_bavail.saturating_mul(vfs.f_frsize))
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// Writes a small file so that after a crash either the old or the new contents are there, whole.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, contents: &[u8]) -> Result<(), IoFault> {
    let temporary = path.with_extension("new");
    let dir = path.parent().unwrap_or(Path::new("."));
    let file = disk
        .open(&temporary, Mode::Create)
        .map_err(|e| IoFault::new("create", &temporary, e))?;
    file.write_at(contents, 0)
        .map_err(|e| IoFault::new("write", &temporary, e))?;
    file.sync().map_err(|e| IoFault::new("sync", &temporary, e))?;
    disk.rename(&temporary, path)
        .map_err(|e| IoFault::new("rename", path, e))?;
    disk.sync_dir(dir).map_err(|e| IoFault::new("sync", dir, e))
}

/// All of a file.
pub(crate) fn read_all(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, IoFault> {
    let file = disk
        .open(path, Mode::Read)
        .map_err(|e| IoFault::new("open", path, e))?;
    let len = file.len().map_err(|e| IoFault::new("measure", path, e))?;
    let mut contents = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_at(&mut contents, 0)
        .map_err(|e| IoFault::new("read", path, e))?;
    Ok(contents)
}
