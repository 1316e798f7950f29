//! How rows look: one tree, a prefix byte per kind, big-endian numbers, key and row together at most 4 KiB.
//!
//! A row is `version, crc32c(key, body), body`. What does not fit goes into chunk rows whose keys carry the revision, so
//! a chunk can never be taken for a part of another revision.

use crate::types::{BlobId, Position, StreamId};
use bytes::Bytes;

pub(crate) const VALUE: u8 = b'k';
pub(crate) const VALUE_CHUNK: u8 = b'c';
pub(crate) const RUN: u8 = b's';
pub(crate) const RUN_CHUNK: u8 = b't';
pub(crate) const REQUEST: u8 = b'r';
pub(crate) const REQUEST_AGE: u8 = b'q';
pub(crate) const LEASE: u8 = b'l';
pub(crate) const BLOB: u8 = b'b';
pub(crate) const CLOSED: u8 = b'x';
pub(crate) const VOLUME: u8 = b'v';
pub(crate) const APPLIED: &[u8] = b"mapplied";
pub(crate) const DATABASE: &[u8] = b"mdatabase";

const VERSION: u8 = 1;
const ENVELOPE: usize = 5;
/// Payload bytes per row: with envelope, numbers and the longest key below 4 KiB.
pub(crate) const PIECE: usize = 3000;

pub(crate) fn seal(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(ENVELOPE + body.len());
    row.push(VERSION);
    row.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(key), body).to_le_bytes());
    row.extend_from_slice(body);
    row
}

pub(crate) fn unseal(key: &[u8], row: &Bytes) -> Option<Bytes> {
    let (envelope, body) = row.split_first_chunk::<ENVELOPE>()?;
    let sound = envelope[0] == VERSION
        && crc32c::crc32c_append(crc32c::crc32c(key), body).to_le_bytes() == envelope[1..];
    sound.then(|| row.slice(ENVELOPE..))
}

pub(crate) fn prefixed(prefix: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(prefix);
    key.extend_from_slice(rest);
    key
}

pub(crate) fn value_chunks(key: &[u8], revision: u64) -> Vec<u8> {
    let mut chunk = vec![VALUE_CHUNK];
    chunk.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    chunk.extend_from_slice(key);
    chunk.extend_from_slice(&revision.to_be_bytes());
    chunk
}

pub(crate) fn run(prefix: u8, stream: StreamId, first: u64) -> Vec<u8> {
    let mut key = prefixed(prefix, &stream.0);
    key.extend_from_slice(&first.to_be_bytes());
    key
}

pub(crate) fn request_age(at_ms: u64, id: &[u8; 16]) -> Vec<u8> {
    let mut key = prefixed(REQUEST_AGE, &at_ms.to_be_bytes());
    key.extend_from_slice(id);
    key
}

pub(crate) fn blob(id: BlobId) -> Vec<u8> {
    prefixed(BLOB, &id.0)
}

pub(crate) fn closed(stream: StreamId) -> Vec<u8> {
    prefixed(CLOSED, &stream.0)
}

pub(crate) fn volume(number: u64) -> Vec<u8> {
    prefixed(VOLUME, &number.to_be_bytes())
}

pub(crate) fn chunk(of: &[u8], index: usize) -> Vec<u8> {
    let mut key = of.to_vec();
    key.extend_from_slice(&u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes());
    key
}

/// First row of a value or run: revision (position of the commit), length of the whole, beginning of the payload.
pub(crate) struct Head {
    pub(crate) revision: u64,
    pub(crate) total: usize,
    pub(crate) start: Bytes,
}

impl Head {
    pub(crate) fn encode(revision: Position, payload: &[u8]) -> Vec<u8> {
        let start = &payload[..payload.len().min(PIECE)];
        let mut body = Vec::with_capacity(12 + start.len());
        body.extend_from_slice(&revision.0.to_le_bytes());
        body.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(start);
        body
    }

    pub(crate) fn decode(body: &Bytes) -> Option<Self> {
        let revision = u64::from_le_bytes(*body.first_chunk()?);
        let total = usize::try_from(u32::from_le_bytes(*body.get(8..)?.first_chunk()?)).ok()?;
        let start = body.slice(12..);
        (start.len() == total.min(PIECE)).then_some(Self {
            revision,
            total,
            start,
        })
    }

    pub(crate) fn chunks(&self) -> usize {
        self.total.saturating_sub(PIECE).div_ceil(PIECE)
    }
}

/// The rest of a payload behind its head row, in pieces.
pub(crate) fn rest(payload: &[u8]) -> std::slice::Chunks<'_, u8> {
    payload[payload.len().min(PIECE)..].chunks(PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_under_another_key_does_not_open() {
        let row = Bytes::from(seal(b"ka", b"body"));
        assert_eq!(unseal(b"ka", &row).unwrap(), Bytes::from_static(b"body"));
        assert!(unseal(b"kb", &row).is_none());
    }

    #[test]
    fn no_row_exceeds_four_kib() {
        let payload = vec![7; 3 * PIECE + 1];
        assert!(seal(b"k", &Head::encode(Position(1), &payload)).len() <= 4096);
        assert_eq!(
            rest(&payload).map(|piece| seal(b"c", piece).len()).max(),
            Some(PIECE + 5)
        );
        let head = Head::decode(&Head::encode(Position(9), &payload).into()).unwrap();
        assert_eq!((head.revision, head.total, head.chunks()), (9, payload.len(), 3));
    }
}
