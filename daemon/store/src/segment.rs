//! One file of the journal: a header, then frames, then zeros.
//!
//! A header is durable before the file has a segment's name, so a segment whose header does not verify is damage. The
//! header says where the segment before it ends: what lies beyond that was never acknowledged.

use crate::error::{Damage, DamageKind, IoFault, OpenError};
use crate::frame::{self, Header, Kind, Link, Seed};
use crate::io::{self, Disk, DiskFile, Mode};
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
    let zeros = vec![0; 1 << 20];
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

/// A verified frame of a segment.
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) payload: Bytes,
}

/// What comes next in a segment.
pub(crate) enum Step {
    Frame(Found),
    /// Only zeros follow, or the given end is reached.
    End,
    /// Something that is not a valid frame.
    Bad,
}

/// The first `end` bytes of a segment: what lies behind them is most of it, and mostly zeros.
fn read_first(disk: &dyn Disk, path: &Path, end: u64) -> Result<Vec<u8>, OpenError> {
    let fault = |op, e| IoFault::new(op, path, e);
    let file = disk.open(path, Mode::Read).map_err(|e| fault("open", e))?;
    let len = file.len().map_err(|e| fault("measure", e))?;
    if len < end {
        return Err(damage(path, len, DamageKind::Short).into());
    }
    let mut bytes = vec![0; usize::try_from(end).unwrap_or(usize::MAX)];
    file.read_at(&mut bytes, 0).map_err(|e| fault("read", e))?;
    Ok(bytes)
}

/// Nothing but zeros; compared in blocks, for a new segment is 64 MiB of them.
fn is_zero(bytes: &[u8]) -> bool {
    const BLOCK: [u8; 4096] = [0; 4096];
    bytes
        .chunks(BLOCK.len())
        .all(|chunk| *chunk == BLOCK[..chunk.len()])
}

/// Walks a segment's frames from the beginning.
pub(crate) struct Walk {
    bytes: Bytes,
    seed: Seed,
    epoch: u64,
    pub(crate) at: u64,
    /// Position the next group must begin with.
    pub(crate) next: Position,
    /// Link the next frame must carry.
    pub(crate) link: Link,
}

impl Walk {
    /// Over the first `end` bytes, or all of them.
    pub(crate) fn new(
        disk: &dyn Disk,
        path: &Path,
        header: &SegmentHeader,
        end: Option<u64>,
    ) -> Result<Self, OpenError> {
        let bytes = match end {
            None => io::read_all(disk, path)?,
            Some(end) => read_first(disk, path, end)?,
        };
        Ok(Self {
            bytes: bytes.into(),
            seed: header.seed(),
            epoch: header.epoch,
            at: START,
            next: header.first,
            link: header.previous,
        })
    }

    /// The next frame; confirmations are returned, but not stepped over: a group may stand in their place.
    pub(crate) fn step(&mut self) -> Step {
        let rest = self.bytes.slice(
            usize::try_from(self.at)
                .unwrap_or(usize::MAX)
                .min(self.bytes.len())..,
        );
        if is_zero(&rest) {
            return Step::End;
        }
        let Some((header, payload)) = frame::open(&rest, self.seed) else {
            return Step::Bad;
        };
        if header.epoch != self.epoch || header.first != self.next || header.previous != self.link {
            return Step::Bad;
        }
        let found = Found {
            offset: self.at,
            header,
            payload,
        };
        self.at += frame::room(header.payload as usize);
        if header.kind == Kind::Group {
            self.link = frame::link(&rest, &header);
            self.next = Position(header.first.0 + u64::from(header.count));
        }
        Step::Frame(found)
    }

    /// Is there a valid frame of this segment anywhere behind the bad one at `self.at`?
    pub(crate) fn valid_behind(&self) -> bool {
        let from = usize::try_from(self.at).unwrap_or(usize::MAX);
        (from + 8..self.bytes.len().saturating_sub(frame::HEADER))
            .step_by(8)
            .any(|at| {
                frame::header(&self.bytes[at..]).is_some()
                    && frame::open(&self.bytes.slice(at..), self.seed)
                        .is_some_and(|(header, _)| header.epoch == self.epoch && header.first >= self.next)
            })
    }

    pub(crate) fn raw(&self, from: u64, to: u64) -> &[u8] {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = usize::try_from(to)
            .unwrap_or(usize::MAX)
            .clamp(from, self.bytes.len());
        &self.bytes[from..to]
    }
}
