//! Moves closed streams from the state into volumes.
//!
//! Order: volume written, synced and named; known to readers; then its rows leave the state, first records first. A stop
//! anywhere leaves the stream in the volume, in the state or in both, and the mark of a closed stream leaves last, so what
//! was begun is found again.

use crate::archive::{Archive, Volume, Writer};
use crate::closed::Closed;
use crate::error::{IoFault, MaintainError, ReadError, StateFault};
use crate::shared::Shared;
use crate::sled_closed::Leaving;
use crate::sled_state::State;
use crate::sync::lock;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A volume is ended beyond this.
const VOLUME_BYTES: u64 = 32 << 20;
/// Most streams looked at for one volume.
const AT_ONCE: usize = 8192;
/// A stream that is closed this long moves, however few there are.
const RESTS_MS: u64 = 24 * 3600 * 1000;

/// What was moved.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) streams: u64,
    pub(crate) bytes: u64,
}

/// Moves about `budget` bytes; nothing while few streams rest or the disk is nearly full.
pub(crate) fn run(shared: &Shared, budget: u64) -> Result<Moved, MaintainError> {
    let _one = lock(&shared.archive.moving);
    let mut moved = Moved::default();
    while moved.bytes < budget && !shared.counters.full.load(Ordering::Relaxed) {
        let state = shared.state()?;
        let fault = |fault| MaintainError::Read(shared.suspect(&state, fault));
        let closed = state.closed_streams(AT_ONCE).map_err(fault)?;
        let before_ms = shared.now_ms().saturating_sub(RESTS_MS);
        let many = closed.len() as u64 >= shared.options.archive_streams.max(1);
        if !(many || closed.iter().any(|one| one.at_ms < before_ms)) {
            break;
        }
        let left = (budget - moved.bytes).min(VOLUME_BYTES);
        let (taken, bytes) = write(shared, &state, &closed, left)?;
        state.remove_streams(taken, Leaving::Archived).map_err(fault)?;
        taken.iter().for_each(|one| shared.archive.moved(one.stream));
        moved.streams += taken.len() as u64;
        moved.bytes += bytes;
    }
    Ok(moved)
}

/// Writes a volume of the first of these streams; answers which they are. Those that a volume holds already are among them.
fn write<'a>(
    shared: &Shared,
    state: &Arc<State>,
    closed: &'a [Closed],
    most: u64,
) -> Result<(&'a [Closed], u64), MaintainError> {
    let (archive, disk) = (&shared.archive, &*shared.options.disk);
    let dir = archive.layout.archive();
    disk.create_dir(&dir)
        .map_err(|e| IoFault::new("create", &dir, e))?;
    let parent = &archive.layout.dir;
    disk.sync_dir(parent)
        .map_err(|e| IoFault::new("sync", parent, e))?;
    let number = archive.next_number();
    let path = archive.layout.volume(number);
    let mut writer = Writer::create(disk, &path, archive.database, number)?;
    let filled = fill(archive, state, &mut writer, closed, most);
    let finished = filled.and_then(|taken| {
        let bytes = writer.bytes;
        if writer.is_empty() {
            discard(archive, &path);
        } else {
            writer.finish(disk, &path)?;
            let volume = Volume::load(disk, &path, number, archive.database)?;
            let digest = volume.digest();
            archive.add(volume);
            state.put_volume(number, digest).map_err(ReadError::State)?;
        }
        Ok((&closed[..taken], bytes))
    });
    finished.map_err(|e| match e {
        ReadError::State(fault) => MaintainError::Read(shared.suspect(state, fault)),
        other => {
            discard(archive, &path);
            other.into()
        }
    })
}

fn fill(
    archive: &Archive,
    state: &State,
    writer: &mut Writer,
    closed: &[Closed],
    most: u64,
) -> Result<usize, ReadError> {
    for (taken, one) in closed.iter().enumerate() {
        if taken > 0 && writer.bytes >= most {
            return Ok(taken);
        }
        if archive.holds(one.stream)? {
            continue;
        }
        writer.begin(one.stream, one.position);
        let mut next = 1;
        for run in state.every_run(one.stream) {
            let run = run?;
            if run.first != next {
                return Err(StateFault::Row.into());
            }
            next += run.records();
            writer.run(run.position, &run.payload)?;
        }
        if writer.end()? == 0 {
            writer.forget();
        }
    }
    Ok(closed.len())
}

fn discard(archive: &Archive, path: &std::path::Path) {
    let temporary = path.with_extension("new");
    if let Err(e) = archive.disk.remove(&temporary) {
        tracing::debug!(error = %e, path = %temporary.display(), "no half volume to remove");
    }
}
