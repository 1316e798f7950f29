//! The log of a daemon that a client started: the file in the data directory that standard error leads to.
//!
//! It is kept below [`LIMIT`]: a full one becomes `dirigentd.log.1`, in the place of the one before, and a new one is
//! begun. Any other standard error (a terminal, a pipe, a service's journal, a file of somebody's choice) is only written to.
//! Invariant: no line is lost in between, for whoever writes goes on in the file that is open.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::stdio;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of a log that is full.
const LIMIT: u64 = 16 << 20;
/// As the client that starts a private daemon names it.
const NAME: &str = "dirigentd.log";

/// Standard error, and the file it is if that is ours.
pub(super) struct LogFile {
    ours: Option<PathBuf>,
    written: AtomicU64,
    turning: Mutex<()>,
}

impl LogFile {
    /// Standard error as it is now.
    pub(super) fn of_process(data_dir: &Path) -> Self {
        let path = data_dir.join(NAME);
        let length = length_if_open(&path);
        Self {
            ours: length.map(|_| path),
            written: AtomicU64::new(length.unwrap_or(0)),
            turning: Mutex::default(),
        }
    }

    fn count(&self, bytes: usize) {
        let length = self.written.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let Some(path) = self.ours.as_ref().filter(|_| length >= LIMIT) else {
            return;
        };
        // Whoever comes second writes on: the first is at it.
        let Ok(_one) = self.turning.try_lock() else { return };
        if self.written.load(Ordering::Relaxed) >= LIMIT {
            // Where it cannot be turned over it grows on, and is tried again a whole file later.
            drop(turn(path));
            self.written.store(0, Ordering::Relaxed);
        }
    }
}

/// The file's length, if standard error is this file.
fn length_if_open(path: &Path) -> Option<u64> {
    let open = rustix::fs::fstat(stdio::stderr()).ok()?;
    let named = fs::metadata(path).ok()?;
    (named.is_file() && (named.dev(), named.ino()) == (open.st_dev, open.st_ino)).then_some(named.len())
}

fn turn(path: &Path) -> io::Result<()> {
    fs::rename(path, path.with_added_extension("1"))?;
    let fresh = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    stdio::dup2_stdout(&fresh)?;
    stdio::dup2_stderr(&fresh)?;
    Ok(())
}

/// Writes to standard error and counts.
pub(super) struct Counted<'a>(&'a LogFile);

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stderr().lock().write(bytes)?;
        self.0.count(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Counted<'a>;

    fn make_writer(&'a self) -> Counted<'a> {
        Counted(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_standard_error_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "somebody else's").unwrap();
        let log = LogFile::of_process(dir.path());
        assert_eq!(log.ours, None);
        log.count(usize::try_from(3 * LIMIT).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
