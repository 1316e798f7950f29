//! Reading a volume: its footer and fences once, a block of its index per look-up, a page of records at a time.

use super::format::{
    BLOCK, CRC, ENTRY, Entry, FOOTER, Footer, HEADER, PAGE_HEAD, PageHead, block, crc, cursor, header,
};
use crate::codec::Cursor;
use crate::error::{Damage, DamageKind, IoFault, ReadError};
use crate::io::{self, Disk, DiskFile, Mode};
use crate::segment::damage;
use crate::types::{Position, StreamId};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// A volume as it is known in memory.
pub(crate) struct Volume {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    database: Uuid,
    footer: Footer,
    /// First stream of each index block.
    fences: Vec<StreamId>,
    /// Size of the file.
    pub(crate) bytes: u64,
}

impl Volume {
    /// Reads and verifies footer and fences; the rest verifies when it is read.
    pub(crate) fn load(disk: &dyn Disk, path: &Path, number: u64, database: Uuid) -> Result<Self, ReadError> {
        let file = Open::new(disk, path)?;
        let bytes = file.file.len().map_err(|e| IoFault::new("measure", path, e))?;
        let short = || damage(path, bytes, DamageKind::Short);
        let footer_at = bytes.checked_sub(FOOTER as u64).ok_or_else(short)?;
        let head = file.take(0, HEADER)?;
        if head != header(database, number) {
            return Err(damage(path, 0, DamageKind::Header).into());
        }
        let footer = Footer::decode(&file.take(footer_at, FOOTER)?, database)
            .filter(|f| f.index_at <= f.fences_at && f.fences_at <= footer_at)
            .ok_or_else(|| damage(path, footer_at, DamageKind::Frame))?;
        let fences = file.take(footer.fences_at, size(footer_at - footer.fences_at))?;
        let bad = || damage(path, footer.fences_at, DamageKind::Frame);
        let (body, sum) = fences.split_last_chunk::<CRC>().ok_or_else(bad)?;
        let blocks = size(footer.entries).div_ceil(BLOCK);
        let index = size(footer.entries) * ENTRY + blocks * CRC;
        if crc(database, &[body]) != *sum
            || body.len() != blocks * 16
            || footer.fences_at - footer.index_at != index as u64
        {
            return Err(bad().into());
        }
        let fences = body.as_chunks().0.iter().map(|id| StreamId(*id)).collect();
        Ok(Self {
            number,
            path: path.to_owned(),
            database,
            footer,
            fences,
            bytes,
        })
    }

    /// SHA-256 of what it holds.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.footer.digest
    }

    /// Streams in it.
    pub(crate) fn entries(&self) -> u64 {
        self.footer.entries
    }

    /// May the stream be here?
    pub(crate) fn spans(&self, stream: StreamId) -> bool {
        (self.footer.first..=self.footer.last).contains(&stream)
    }

    /// Where a stream is, if it is here.
    pub(crate) fn find(&self, disk: &dyn Disk, stream: StreamId) -> Result<Option<Entry>, ReadError> {
        let block = self.fences.partition_point(|fence| *fence <= stream);
        let Some(block) = block.checked_sub(1) else {
            return Ok(None);
        };
        let entries = self.block(&Open::new(disk, &self.path)?, block)?;
        let found = entries.binary_search_by_key(&stream, |entry| entry.stream);
        Ok(found.ok().map(|at| entries[at]))
    }

    /// Every stream in it.
    pub(crate) fn streams(&self, disk: &dyn Disk) -> Result<Vec<StreamId>, ReadError> {
        let file = Open::new(disk, &self.path)?;
        let mut streams = Vec::with_capacity(size(self.footer.entries));
        for number in 0..self.fences.len() {
            streams.extend(self.block(&file, number)?.iter().map(|entry| entry.stream));
        }
        Ok(streams)
    }

    fn block(&self, file: &Open<'_>, number: usize) -> Result<Vec<Entry>, ReadError> {
        let at = self.footer.index_at + (number * (BLOCK * ENTRY + CRC)) as u64;
        let entries = (size(self.footer.entries) - number * BLOCK).min(BLOCK);
        block(&file.take(at, entries * ENTRY + CRC)?, self.database)
            .ok_or_else(|| damage(&self.path, at, DamageKind::Frame).into())
    }

    /// Gives the records of a stream from `seq` on to `take`, run by run, until it answers false.
    pub(crate) fn records(
        &self,
        disk: &dyn Disk,
        entry: &Entry,
        seq: u64,
        mut take: impl FnMut(u64, Position, &[Bytes]) -> bool,
    ) -> Result<(), ReadError> {
        let file = Open::new(disk, &self.path)?;
        let end = entry.offset + entry.bytes;
        let (mut at, mut expected) = (entry.offset, 1);
        while at < end {
            let bad = |what| ReadError::Damaged(damage(&self.path, at, what));
            let head = PageHead::decode(&file.take(at, PAGE_HEAD)?)
                .filter(|head| head.stream == entry.stream && head.first == expected)
                .ok_or_else(|| bad(DamageKind::Frame))?;
            if head.last >= seq {
                let runs = self.page(&file, at, &head)?;
                let mut c = cursor(&runs);
                let mut first = head.first;
                while !c.is_done() {
                    let (position, records) = run(&mut c).ok_or_else(|| bad(DamageKind::Contents))?;
                    if !take(first, position, &records) {
                        return Ok(());
                    }
                    first += records.len() as u64;
                }
                if first != head.last + 1 {
                    return Err(bad(DamageKind::Gap));
                }
            }
            expected = head.last + 1;
            at += (PAGE_HEAD + head.length as usize) as u64;
        }
        if at != end || expected != entry.end + 1 {
            return Err(damage(&self.path, at, DamageKind::Gap).into());
        }
        Ok(())
    }

    fn page(&self, file: &Open<'_>, at: u64, head: &PageHead) -> Result<Bytes, ReadError> {
        let bytes = file.take(at, PAGE_HEAD + head.length as usize)?;
        let runs = bytes.slice(PAGE_HEAD..);
        if crc(self.database, &[&bytes[..PAGE_HEAD - CRC], &runs]) == head.sum {
            Ok(runs)
        } else {
            Err(damage(&self.path, at, DamageKind::Frame).into())
        }
    }
}

fn run(c: &mut Cursor) -> Option<(Position, Vec<Bytes>)> {
    Some((Position(c.u64()?), c.many(Cursor::bytes)?))
}

/// Reads a volume whole: digest, index, every record. Answers what is wrong with it.
pub(crate) fn verify(disk: &dyn Disk, volume: &Volume) -> Result<Vec<Damage>, IoFault> {
    let path = &volume.path;
    let bytes = io::read_all(disk, path)?;
    let before = bytes.len().saturating_sub(FOOTER);
    let mut found = Vec::new();
    let mut note = |outcome: Result<(), ReadError>| match outcome {
        Err(ReadError::Damaged(damage)) => {
            found.push(damage);
            Ok(())
        }
        Err(ReadError::Io(fault)) => Err(fault),
        _ => Ok(()),
    };
    let digest: [u8; 32] = Sha256::digest(&bytes[..before]).into();
    drop(bytes);
    let file = match Open::new(disk, path) {
        Ok(file) => file,
        Err(ReadError::Io(fault)) => return Err(fault),
        Err(_) => return Ok(found),
    };
    for number in 0..volume.fences.len() {
        let entries = match volume.block(&file, number) {
            Ok(entries) => entries,
            Err(e) => {
                note(Err(e))?;
                continue;
            }
        };
        for entry in entries {
            note(volume.records(disk, &entry, 1, |_, _, _| true))?;
        }
    }
    if found.is_empty() && digest != volume.digest() {
        found.push(damage(path, 0, DamageKind::Digest));
    }
    Ok(found)
}

/// An open file that is read in parts.
struct Open<'a> {
    file: Arc<dyn DiskFile>,
    path: &'a Path,
}

impl<'a> Open<'a> {
    fn new(disk: &dyn Disk, path: &'a Path) -> Result<Self, ReadError> {
        match disk.open(path, Mode::Read) {
            Ok(file) => Ok(Self { file, path }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(damage(path, 0, DamageKind::Missing).into())
            }
            Err(e) => Err(IoFault::new("open", path, e).into()),
        }
    }

    fn take(&self, at: u64, n: usize) -> Result<Bytes, ReadError> {
        let mut bytes = vec![0; n];
        match self.file.read_at(&mut bytes, at) {
            Ok(()) => Ok(bytes.into()),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(damage(self.path, at, DamageKind::Short).into())
            }
            Err(e) => Err(IoFault::new("read", self.path, e).into()),
        }
    }
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
