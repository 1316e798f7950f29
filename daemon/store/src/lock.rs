//! One process per store directory, by an advisory lock that ends with the process, however it ends.

use crate::error::{IoFault, OpenError};
use crate::layout::Layout;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Held for the life of the store.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(layout: &Layout) -> Result<Self, OpenError> {
        let path = layout.lock();
        let fault = |op, e| OpenError::Io(IoFault::new(op, &path, e));
        let mut how = OpenOptions::new();
        how.read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = how.open(&path).map_err(|e| fault("open", e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0);
                return Err(OpenError::InUse {
                    dir: layout.dir.clone(),
                    pid,
                });
            }
            Err(TryLockError::Error(e)) => return Err(fault("lock", e)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .map_err(|e| fault("write", e))?;
        writeln!(file, "{}", std::process::id()).map_err(|e| fault("write", e))?;
        Ok(Self { _file: file })
    }
}
