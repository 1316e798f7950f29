//! How a volume looks: a header, pages of records, an index in sorted blocks, one fence per block, a footer.
//!
//! Numbers are little-endian. Every part carries a CRC32C seeded with the database, the footer the SHA-256 of all before
//! it. The layout is part of the store's format: change it only together with `meta::FORMAT`.

use crate::codec::Cursor;
use crate::types::{Position, StreamId};
use bytes::Bytes;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"DIRARCH1";
/// Bytes before the first page.
pub(super) const HEADER: usize = 36;
/// Bytes of a page before its runs.
pub(super) const PAGE_HEAD: usize = 40;
/// Bytes of an index entry.
pub(super) const ENTRY: usize = 48;
/// Entries of an index block.
pub(super) const BLOCK: usize = 64;
/// Bytes of an index block's checksum.
pub(super) const CRC: usize = 4;
/// Bytes of the footer.
pub(super) const FOOTER: usize = 100;

/// A checksum that means this database.
pub(super) fn crc(database: Uuid, parts: &[&[u8]]) -> [u8; CRC] {
    let seed = crc32c::crc32c(database.as_bytes());
    let sum = parts
        .iter()
        .fold(seed, |sum, part| crc32c::crc32c_append(sum, part));
    sum.to_le_bytes()
}

pub(super) fn header(database: Uuid, number: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(database.as_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    let sum = crc(database, &[&out]);
    out.extend_from_slice(&sum);
    out
}

/// Head of a page: some runs of one stream, one after the other.
pub(super) struct PageHead {
    pub(super) stream: StreamId,
    /// First `seq` in it.
    pub(super) first: u64,
    /// Last `seq` in it.
    pub(super) last: u64,
    /// Bytes of runs behind the head.
    pub(super) length: u32,
    pub(super) sum: [u8; CRC],
}

impl PageHead {
    pub(super) fn encode(stream: StreamId, first: u64, last: u64, runs: &[u8], database: Uuid) -> Vec<u8> {
        let mut out = stream.0.to_vec();
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&last.to_le_bytes());
        out.extend_from_slice(&u32::try_from(runs.len()).unwrap_or(u32::MAX).to_le_bytes());
        let sum = crc(database, &[&out, runs]);
        out.extend_from_slice(&sum);
        out
    }

    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let mut c = cursor(bytes);
        Some(Self {
            stream: StreamId(c.array()?),
            first: c.u64()?,
            last: c.u64()?,
            length: c.u32()?,
            sum: c.array()?,
        })
    }
}

/// Where a stream is in its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stream: StreamId,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Its last `seq`.
    pub(crate) end: u64,
    /// The commit that closed it.
    pub(super) closed: Position,
}

impl Entry {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stream.0);
        for number in [self.offset, self.bytes, self.end, self.closed.0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn decode(c: &mut Cursor) -> Option<Self> {
        Some(Self {
            stream: StreamId(c.array()?),
            offset: c.u64()?,
            bytes: c.u64()?,
            end: c.u64()?,
            closed: Position(c.u64()?),
        })
    }
}

/// The entries of an index block that verifies.
pub(super) fn block(bytes: &Bytes, database: Uuid) -> Option<Vec<Entry>> {
    let (body, sum) = bytes.split_last_chunk::<CRC>()?;
    if crc(database, &[body]) != *sum {
        return None;
    }
    let mut c = cursor(bytes);
    (0..body.len() / ENTRY).map(|_| Entry::decode(&mut c)).collect()
}

/// The end of a volume: what it holds and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) index_at: u64,
    pub(super) entries: u64,
    pub(super) fences_at: u64,
    pub(super) first: StreamId,
    pub(super) last: StreamId,
    /// SHA-256 of everything before the footer.
    pub(super) digest: [u8; 32],
}

impl Footer {
    pub(super) fn encode(&self, database: Uuid) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER);
        for number in [self.index_at, self.entries, self.fences_at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.first.0);
        out.extend_from_slice(&self.last.0);
        out.extend_from_slice(&self.digest);
        let sum = crc(database, &[&out]);
        out.extend_from_slice(&sum);
        out.extend_from_slice(MAGIC);
        out
    }

    pub(super) fn decode(bytes: &Bytes, database: Uuid) -> Option<Self> {
        let rest = bytes.strip_suffix(MAGIC)?;
        let (body, sum) = rest.split_last_chunk::<CRC>()?;
        if crc(database, &[body]) != *sum {
            return None;
        }
        let mut c = cursor(bytes);
        Some(Self {
            index_at: c.u64()?,
            entries: c.u64()?,
            fences_at: c.u64()?,
            first: StreamId(c.array()?),
            last: StreamId(c.array()?),
            digest: c.array()?,
        })
    }
}

pub(super) fn cursor(bytes: &Bytes) -> Cursor {
    Cursor {
        from: bytes.clone(),
        at: 0,
    }
}
