//! Fences around sled: a panic becomes an error, and opening has a deadline on a thread of its own.
//!
//! Measured on 0.34.7: damage makes it panic at open in most cases; a hang cannot be excluded. A thread that hangs is
//! left behind; what it holds is the directory, which is renamed away.

use crate::error::StateFault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Runs sled code; a panic in it is a fault of the state, not of the daemon.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, StateFault>) -> Result<T, StateFault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StateFault::Panicked))
}

pub(crate) fn failed(e: sled::Error) -> StateFault {
    StateFault::Failed(e.to_string())
}

/// sled's lock can outlive its database for a moment: a thread of its pool lets go of the file late, or a process being
/// started still has it between fork and exec. Our own lock keeps everyone else out, so it is worth waiting for.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, StateFault> {
    let started = Instant::now();
    let (_never, pause) = mpsc::channel::<()>();
    loop {
        match config.open() {
            Err(e)
                if e.to_string().contains("could not acquire lock") && started.elapsed() < LOCK_PATIENCE =>
            {
                let _ = pause.recv_timeout(Duration::from_millis(5));
            }
            other => return other.map_err(failed),
        }
    }
}

/// Between two cleanings of sled's segments. What is durable does not hang on it: a round of the applier flushes and syncs
/// by itself, and a cleaning may last half of this. An idle store wakes and syncs this often for nothing.
const CLEAN_MS: u64 = 4_000;

/// Opens sled within `deadline` plus a second per 100 MiB of file.
pub(crate) fn open(dir: &Path, cache_bytes: u64, deadline: Duration) -> Result<sled::Db, StateFault> {
    let size = std::fs::metadata(dir.join("db")).map_or(0, |m| m.len());
    let patience = deadline + Duration::from_secs(size / (100 << 20));
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(cache_bytes)
        .mode(sled::Mode::HighThroughput)
        .use_compression(false)
        .flush_every_ms(Some(CLEAN_MS));
    let (answer, answered) = mpsc::sync_channel(1);
    let work = move || {
        let opened = guarded(|| open_unlocked(&config));
        // Nobody listens after the deadline; the database then closes here.
        drop(answer.send(opened));
    };
    let spawned = std::thread::Builder::new().name("sled-open".into()).spawn(work);
    if let Err(e) = spawned {
        return Err(StateFault::Failed(e.to_string()));
    }
    match answered.recv_timeout(patience) {
        Ok(opened) => opened,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(StateFault::Hung(patience)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(StateFault::Panicked),
    }
}
