//! One process per store directory, by an advisory lock that ends with the process, however it ends.
//!
//! A child that the process was just starting holds the lock too, until it has become another program. If the process is
//! killed in that moment the lock outlives it a little: a lock whose owner is dead is waited for, one whose owner lives
//! is refused at once.

use crate::error::{IoFault, OpenError};
use crate::layout::Layout;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long a lock of a dead owner is waited for; a child becomes another program within milliseconds, on a starved
/// machine within seconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// The process that wrote itself into the lock; 0 where nothing readable is there.
fn owner(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

/// Whether that process is there and not just waiting to be buried. Where nobody can tell, it lives.
fn lives(pid: u32) -> bool {
    if pid == 0 || pid == std::process::id() || !Path::new("/proc/self").exists() {
        return true;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // Behind the name in brackets stands the state; Z and X are dead.
    stat.is_ok_and(|stat| {
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
        !state.starts_with(['Z', 'X'])
    })
}

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
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let pid = owner(&mut file);
                    if lives(pid) || waited >= PATIENCE {
                        return Err(OpenError::InUse {
                            dir: layout.dir.clone(),
                            pid,
                        });
                    }
                    std::thread::park_timeout(PAUSE);
                    waited += PAUSE;
                }
                Err(TryLockError::Error(e)) => return Err(fault("lock", e)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .map_err(|e| fault("write", e))?;
        writeln!(file, "{}", std::process::id()).map_err(|e| fault("write", e))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_lock_that_outlives_its_owner_is_waited_for_and_one_of_the_living_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let path = layout.lock();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        std::fs::write(&path, dead.id().to_string()).unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let waiting = std::thread::spawn(move || Lock::take(&layout));
        drop(held);
        waiting.join().unwrap().unwrap();

        let layout = Layout::new(dir.path());
        std::fs::write(&path, "1").unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let refused = Lock::take(&layout).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { pid: 1, .. }), "{refused}");
    }
}
