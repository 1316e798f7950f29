//! The two small files outside the journal: `meta.json` (format, database, incarnation, epoch) and `noted` (lower bound
//! of what sled has made durable).
//!
//! `meta.json` is written after the segment of its epoch is durable, so an epoch in it without a segment means a lost
//! segment. `noted` is written after sled's sync, so it can be too low but never too high; a torn one counts as 0.

use crate::error::{IoFault, OpenError};
use crate::io::{self, Disk, DiskFile, Mode};
use crate::layout::Layout;
use crate::types::Position;
use std::sync::Arc;
use uuid::Uuid;

/// Version of the format on disk. 2: streams can be closed and are archived. Older ones are read and go on as this one.
pub(crate) const FORMAT: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Meta {
    pub(crate) format: u32,
    pub(crate) database: Uuid,
    pub(crate) incarnation: Uuid,
    pub(crate) epoch: u64,
}

#[derive(serde::Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Meta {
    /// `None` if there is none or it does not parse: the segment headers hold the same and are checksummed.
    pub(crate) fn load(disk: &dyn Disk, layout: &Layout) -> Result<Option<Self>, OpenError> {
        let path = layout.meta();
        let bytes = match io::read_all(disk, &path) {
            Ok(bytes) => bytes,
            Err(fault) if fault.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        if let Ok(FormatOnly { format }) = serde_json::from_slice(&bytes)
            && format > FORMAT
        {
            return Err(OpenError::NewerFormat {
                file: path,
                found: format,
                supported: FORMAT,
            });
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }

    pub(crate) fn save(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), IoFault> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|e| IoFault::new("encode", &layout.meta(), std::io::Error::other(e)))?;
        text.push(b'\n');
        io::replace(disk, &layout.meta(), &text)
    }
}

/// The note of what sled holds.
pub(crate) struct Noted {
    file: Arc<dyn DiskFile>,
}

const NOTE: usize = 12;

impl Noted {
    pub(crate) fn load(disk: &dyn Disk, layout: &Layout) -> Position {
        let Ok(bytes) = io::read_all(disk, &layout.noted()) else {
            return Position(0);
        };
        let Some((number, crc)) = bytes.get(..NOTE).and_then(|b| b.split_first_chunk::<8>()) else {
            return Position(0);
        };
        if crc32c::crc32c(number).to_le_bytes() == crc {
            Position(u64::from_le_bytes(*number))
        } else {
            Position(0)
        }
    }

    pub(crate) fn open(disk: &dyn Disk, layout: &Layout) -> Result<Self, IoFault> {
        let path = layout.noted();
        let file = match disk.open(&path, Mode::Write) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => disk.open(&path, Mode::Create),
            other => other,
        };
        Ok(Self {
            file: file.map_err(|e| IoFault::new("open", &path, e))?,
        })
    }

    /// Unsynced: it may lag, so losing it costs nothing but sharpness.
    pub(crate) fn write(&self, applied: Position) -> std::io::Result<()> {
        let number = applied.0.to_le_bytes();
        let mut note = [0; NOTE];
        note[..8].copy_from_slice(&number);
        note[8..].copy_from_slice(&crc32c::crc32c(&number).to_le_bytes());
        self.file.write_at(&note, 0)
    }

    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync()
    }
}
