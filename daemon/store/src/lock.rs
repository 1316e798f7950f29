//! The machine's lock on a file: advisory, and it ends with the process, however that ends.
//!
//! A child that the process was just starting holds the lock too, until it has become another program. If the process is
//! killed in that moment the lock outlives it a little: a lock whose owner is dead is waited for, one whose owner lives
//! is refused at once.

use crate::error::IoFault;
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

/// A directory that is this process's alone, as long as this lives and no longer than the process.
pub trait Hold: Send + Sync {}

/// Why a directory is not this process's alone.
#[derive(Debug)]
pub enum NotHeld {
    /// That process has it; 0 where nobody can tell which.
    By(u32),
    /// The lock could not be taken.
    Io(IoFault),
}

/// The machine's lock goes with its file.
struct Locked {
    _file: File,
}

impl Hold for Locked {}

/// Takes the machine's lock on a file.
pub(crate) fn hold(path: &Path) -> Result<Box<dyn Hold>, NotHeld> {
    let fault = |op, e| NotHeld::Io(IoFault::new(op, path, e));
    let mut how = OpenOptions::new();
    how.read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut file = how.open(path).map_err(|e| fault("open", e))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                let pid = owner(&mut file);
                if lives(pid) || waited >= PATIENCE {
                    return Err(NotHeld::By(pid));
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
    Ok(Box::new(Locked { _file: file }))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_lock_that_outlives_its_owner_is_waited_for_and_one_of_the_living_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        std::fs::write(&path, dead.id().to_string()).unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || hold(&path).is_ok()
        });
        drop(held);
        assert!(waiting.join().unwrap());

        std::fs::write(&path, "1").unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let refused = hold(&path).err().unwrap();
        assert!(matches!(refused, NotHeld::By(1)), "{refused:?}");
    }
}
