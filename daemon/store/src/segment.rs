//! One file of the journal: a header, then frames, then zeros.
//!
//! A header is durable before the file has a segment's name, so a segment whose header does not verify is damage. The
//! header says where the segment before it ends: what lies beyond that was never acknowledged.

use crate::error::{Damage, DamageKind, IoFault, OpenError};
use crate::frame::{Link, Seed};
use crate::io::{Disk, DiskFile, Mode};
use crate::meta::FORMAT;
use crate::types::Position;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Frames begin here.
pub(crate) const START: u64 = 4096;
const MAGIC: &[u8; 8] = b"DIRIGENT";
const USED: usize = 112;
/// Zeros written at once. Small, so that the allocator keeps its habit of giving large pieces back to the system.
const ZEROS: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) format: u32,
    pub(crate) database: Uuid,
    pub(crate) incarnation: Uuid,
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    /// First position this segment may hold.
    pub(crate) first: Position,
    /// Where the segment before it ends; 0 if there is none.
    pub(crate) previous_end: u64,
    /// Link of the last group before it.
    pub(crate) previous: Link,
}

impl SegmentHeader {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(usize::try_from(START).unwrap_or(0));
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.format.to_le_bytes());
        out.extend_from_slice(self.database.as_bytes());
        out.extend_from_slice(self.incarnation.as_bytes());
        for number in [self.number, self.epoch, self.first.0, self.previous_end] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.previous);
        debug_assert_eq!(out.len(), USED - 4);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn seed(&self) -> Seed {
        Seed::new(self.database, self.incarnation)
    }

    /// Reads and verifies a header. A newer format is told apart from damage.
    pub(crate) fn load(disk: &dyn Disk, path: &Path) -> Result<Self, OpenError> {
        let file = disk
            .open(path, Mode::Read)
            .map_err(|e| IoFault::new("open", path, e))?;
        let mut bytes = [0; USED];
        match file.read_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(damage(path, 0, DamageKind::Short).into());
            }
            Err(e) => return Err(IoFault::new("read", path, e).into()),
        }
        let bad = || OpenError::Damaged(damage(path, 0, DamageKind::Header));
        let mut c = crate::codec::Cursor {
            from: Bytes::copy_from_slice(&bytes),
            at: 0,
        };
        let sound = crc32c::crc32c(&bytes[..USED - 4]).to_le_bytes() == bytes[USED - 4..];
        if c.array::<8>().as_ref() != Some(MAGIC) || !sound {
            return Err(bad());
        }
        let format = c.u32().ok_or_else(bad)?;
        if format > FORMAT {
            return Err(OpenError::NewerFormat {
                file: path.to_owned(),
                found: format,
                supported: FORMAT,
            });
        }
        let decoded = (|| {
            Some(Self {
                format,
                database: Uuid::from_bytes(c.array()?),
                incarnation: Uuid::from_bytes(c.array()?),
                number: c.u64()?,
                epoch: c.u64()?,
                first: Position(c.u64()?),
                previous_end: c.u64()?,
                previous: c.array()?,
            })
        })();
        decoded.ok_or_else(bad)
    }
}

pub(crate) fn damage(file: &Path, offset: u64, what: DamageKind) -> Damage {
    Damage {
        file: file.to_owned(),
        offset,
        what,
    }
}

/// Makes a zeroed file of a segment's size under `path`: written, not only allocated, so that a later sync of a frame
/// has no metadata to write.
pub(crate) fn prepare(disk: &dyn Disk, path: &Path, size: u64) -> Result<(), IoFault> {
    let temporary = path.with_extension("new");
    let file = disk
        .open(&temporary, Mode::Create)
        .map_err(|e| IoFault::new("create", &temporary, e))?;
    let zeros = vec![0; ZEROS];
    let mut at = 0;
    while at < size {
        let n = (size - at).min(zeros.len() as u64);
        let written = file.write_at(&zeros[..usize::try_from(n).unwrap_or(0)], at);
        if let Err(e) = written {
            // Half a spare is of no use, and on a full disk it is in the way.
            if let Err(left) = disk.remove(&temporary) {
                tracing::warn!(error = %left, path = %temporary.display(), "half a segment was left behind");
            }
            return Err(IoFault::new("write", &temporary, e));
        }
        at += n;
    }
    file.sync().map_err(|e| IoFault::new("sync", &temporary, e))?;
    disk.rename(&temporary, path)
        .map_err(|e| IoFault::new("rename", path, e))
}

/// Turns a prepared file into a segment: header durable first, then the name.
pub(crate) fn activate(
    disk: &dyn Disk,
    spare: &Path,
    path: &Path,
    header: &SegmentHeader,
) -> Result<Arc<dyn DiskFile>, IoFault> {
    let file = disk
        .open(spare, Mode::Write)
        .map_err(|e| IoFault::new("open", spare, e))?;
    file.write_at(&header.encode(), 0)
        .map_err(|e| IoFault::new("write", spare, e))?;
    file.sync().map_err(|e| IoFault::new("sync", spare, e))?;
    disk.rename(spare, path)
        .map_err(|e| IoFault::new("rename", path, e))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    disk.sync_dir(dir).map_err(|e| IoFault::new("sync", dir, e))?;
    Ok(file)
}
