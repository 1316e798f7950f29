//! Which volumes there are, which of them holds a stream, and which streams are closed and still in the state.

use super::format::Entry;
use super::given_back;
use super::volume::Volume;
use crate::error::{Damage, IoFault, OpenError, ReadError, StateFault};
use crate::io::Disk;
use crate::layout::Layout;
use crate::sled_state::State;
use crate::sync::{lock, read, write};
use crate::types::{Commit, Position, StreamId, Upkeep};
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use uuid::Uuid;

/// The volumes of a store.
pub(crate) struct Archive {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) database: Uuid,
    pub(super) volumes: RwLock<Vec<Arc<Volume>>>,
    /// Number and digest of those that were given back.
    pub(super) gone: Mutex<BTreeMap<u64, [u8; 32]>>,
    /// Volumes that do not verify, as they were found.
    pub(crate) bad: Vec<Damage>,
    next: AtomicU64,
    /// Closed, and not yet in a volume.
    closed: Mutex<HashSet<StreamId>>,
    /// Held while streams move, and while an export reads the state: a stream is in exactly one of the two for it.
    pub(crate) moving: Mutex<()>,
}

impl Archive {
    /// What is there. A volume that does not verify is left where it is and not used.
    pub(crate) fn open(disk: Arc<dyn Disk>, layout: &Layout, database: Uuid) -> Result<Self, OpenError> {
        let gone = given_back::read(&*disk, layout)?;
        let numbers = layout
            .volumes(&*disk)
            .map_err(|e| IoFault::new("list", &layout.archive(), e))?;
        let (mut volumes, mut bad) = (Vec::new(), Vec::new());
        for number in &numbers {
            match Volume::load(&*disk, &layout.volume(*number), *number, database) {
                Ok(volume) => volumes.push(Arc::new(volume)),
                Err(ReadError::Damaged(damage)) => bad.push(damage),
                Err(ReadError::Io(fault)) => return Err(fault.into()),
                Err(_) => {}
            }
        }
        let newest = numbers.last().max(gone.keys().last());
        let last = newest.copied().unwrap_or(0);
        Ok(Self {
            disk,
            layout: layout.clone(),
            database,
            volumes: RwLock::new(volumes),
            bad,
            next: AtomicU64::new(last + 1),
            gone: Mutex::new(gone),
            closed: Mutex::default(),
            moving: Mutex::default(),
        })
    }

    /// A state that is up agrees with what is there: every volume is noted and no other, every mark known. Volumes that do not verify
    /// hold nothing it needs, and are set aside.
    pub(crate) fn adopt(&self, state: &State) -> Result<(), StateFault> {
        let noted = state.volumes()?;
        for (number, digest) in self.listed() {
            if noted.get(&number) != Some(&digest) {
                state.put_volume(number, digest)?;
            }
        }
        let gone = lock(&self.gone).clone();
        for number in noted.keys().filter(|number| gone.contains_key(number)) {
            state.remove_volume(*number)?;
        }
        for damage in &self.bad {
            tracing::warn!(%damage, "a volume of the archive is set aside");
            let aside = damage.file.with_extension("bad");
            if let Err(e) = self.disk.rename(&damage.file, &aside) {
                tracing::warn!(error = %e, path = %damage.file.display(), "it could not be renamed");
            }
        }
        let marks = state.closed_streams(usize::MAX)?;
        lock(&self.closed).extend(marks.into_iter().map(|closed| closed.stream));
        Ok(())
    }

    /// The first volume that is referred to and neither there as it was nor given back.
    pub(crate) fn lacks(&self, wanted: &BTreeMap<u64, [u8; 32]>) -> Option<u64> {
        let mut listed = self.listed();
        listed.extend(lock(&self.gone).iter());
        let lost = wanted
            .iter()
            .find(|(number, digest)| listed.get(*number) != Some(*digest));
        lost.map(|(number, _)| *number)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// From here on its streams are found in it.
    pub(crate) fn add(&self, volume: Volume) {
        write(&self.volumes).push(Arc::new(volume));
    }

    pub(crate) fn volumes(&self) -> Vec<Arc<Volume>> {
        read(&self.volumes).clone()
    }

    /// Number and digest of every volume.
    pub(crate) fn listed(&self) -> BTreeMap<u64, [u8; 32]> {
        let volumes = read(&self.volumes);
        volumes.iter().map(|v| (v.number, v.digest())).collect()
    }

    /// Streams and bytes in all volumes.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let volumes = read(&self.volumes);
        let streams = volumes.iter().map(|v| v.entries()).sum();
        (streams, volumes.iter().map(|v| v.bytes).sum())
    }

    fn find(&self, stream: StreamId) -> Result<Option<(Arc<Volume>, Entry)>, ReadError> {
        let candidates: Vec<Arc<Volume>> = {
            let volumes = read(&self.volumes);
            let may = volumes.iter().filter(|v| v.spans(stream));
            may.cloned().collect()
        };
        for volume in candidates {
            if let Some(entry) = volume.find(&*self.disk, stream)? {
                return Ok(Some((volume, entry)));
            }
        }
        Ok(None)
    }

    /// Is the stream in a volume?
    pub(crate) fn holds(&self, stream: StreamId) -> Result<bool, ReadError> {
        Ok(self.find(stream)?.is_some())
    }

    /// Last `seq` of a stream, 0 if it is in no volume.
    pub(crate) fn end(&self, stream: StreamId) -> Result<u64, ReadError> {
        Ok(self.find(stream)?.map_or(0, |(_, entry)| entry.end))
    }

    /// Gives the records of a stream from `seq` on to `take`, until it answers false; false if it is in no volume.
    pub(crate) fn records(
        &self,
        stream: StreamId,
        seq: u64,
        take: impl FnMut(u64, Position, &[Bytes]) -> bool,
    ) -> Result<bool, ReadError> {
        let Some((volume, entry)) = self.find(stream)? else {
            return Ok(false);
        };
        volume.records(&*self.disk, &entry, seq, take)?;
        Ok(true)
    }

    /// Notes the streams that a commit closes.
    pub(crate) fn note(&self, commit: &Commit) {
        for upkeep in &commit.upkeep {
            if let Upkeep::Close(stream) = upkeep {
                lock(&self.closed).insert(*stream);
            }
        }
    }

    pub(crate) fn moved(&self, stream: StreamId) {
        lock(&self.closed).remove(&stream);
    }

    /// Is the stream closed and not yet in a volume?
    pub(crate) fn is_closed(&self, stream: StreamId) -> bool {
        lock(&self.closed).contains(&stream)
    }

    /// How many are closed and not yet in a volume.
    pub(crate) fn resting(&self) -> u64 {
        lock(&self.closed).len() as u64
    }
}
