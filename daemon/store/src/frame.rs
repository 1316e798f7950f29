//! Frames: one per group of commits, or a confirmation that the group before it was acknowledged.
//!
//! A frame's CRC32C is seeded with the database and incarnation, so bytes of a user can never pass for a frame. Group
//! frames are chained by SHA-256. A confirmation is overwritten by the next group and is not part of the chain.
//! Relies on 512-byte sectors being written whole or not at all, never garbled: the sector a frame shares with the one
//! before it is rewritten with the same bytes.

use crate::types::Position;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Bytes of a frame before its payload.
pub(crate) const HEADER: usize = 72;
const MAGIC_GROUP: u32 = 0x5052_4744;
const MAGIC_CONFIRM: u32 = 0x4e46_4344;

/// Hash of a group frame.
pub(crate) type Link = [u8; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Group,
    Confirm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) payload: u32,
    /// Commits in the group; 0 for a confirmation.
    pub(crate) count: u32,
    pub(crate) epoch: u64,
    /// Position of the first commit; for a confirmation, the position that would come next.
    pub(crate) first: Position,
    /// Link of the group frame before this one.
    pub(crate) previous: Link,
    crc: u32,
}

/// Seed of a database's checksums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn new(database: uuid::Uuid, incarnation: uuid::Uuid) -> Self {
        Self(crc32c::crc32c_append(
            crc32c::crc32c(database.as_bytes()),
            incarnation.as_bytes(),
        ))
    }

    pub(crate) fn crc(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

/// Space a frame takes: frames begin at multiples of 8.
pub(crate) fn room(payload: usize) -> u64 {
    ((HEADER + payload) as u64).next_multiple_of(8)
}

/// Fills in the header of `frame`, whose payload begins at `HEADER`, and pads it. Returns its link.
pub(crate) fn seal(
    frame: &mut Vec<u8>,
    seed: Seed,
    kind: Kind,
    epoch: u64,
    first: Position,
    count: u32,
    previous: &Link,
) -> Link {
    let payload = u32::try_from(frame.len().saturating_sub(HEADER)).unwrap_or(u32::MAX);
    let magic = if kind == Kind::Group {
        MAGIC_GROUP
    } else {
        MAGIC_CONFIRM
    };
    frame[0..4].copy_from_slice(&magic.to_le_bytes());
    frame[8..12].copy_from_slice(&payload.to_le_bytes());
    frame[12..16].copy_from_slice(&count.to_le_bytes());
    frame[16..24].copy_from_slice(&epoch.to_le_bytes());
    frame[24..32].copy_from_slice(&first.0.to_le_bytes());
    frame[32..64].copy_from_slice(previous);
    frame[64..72].fill(0);
    let crc = seed.crc(&frame[8..]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    let link = Sha256::digest(&*frame).into();
    frame.resize(frame.len().next_multiple_of(8), 0);
    link
}

/// Reads a header; says nothing yet about the checksum.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let bytes = bytes.first_chunk::<HEADER>()?;
    let u32_at = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
    let u64_at = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    let kind = match u32_at(0) {
        MAGIC_GROUP => Kind::Group,
        MAGIC_CONFIRM => Kind::Confirm,
        _ => return None,
    };
    let mut previous = [0; 32];
    previous.copy_from_slice(&bytes[32..64]);
    Some(Header {
        kind,
        crc: u32_at(4),
        payload: u32_at(8),
        count: u32_at(12),
        epoch: u64_at(16),
        first: Position(u64_at(24)),
        previous,
    })
}

/// Header and payload of the frame at the beginning of `bytes`, if its checksum holds.
pub(crate) fn open(bytes: &Bytes, seed: Seed) -> Option<(Header, Bytes)> {
    let head = header(bytes)?;
    let end = HEADER
        .checked_add(usize::try_from(head.payload).ok()?)
        .filter(|end| *end <= bytes.len())?;
    (seed.crc(&bytes[8..end]) == head.crc).then(|| (head, bytes.slice(HEADER..end)))
}

/// Link of a verified frame at the beginning of `bytes`.
pub(crate) fn link(bytes: &[u8], head: &Header) -> Link {
    Sha256::digest(&bytes[..HEADER + head.payload as usize]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (Vec<u8>, Seed) {
        let seed = Seed::new(uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
        let mut frame = vec![0; HEADER];
        frame.extend_from_slice(b"payload of a group");
        seal(&mut frame, seed, Kind::Group, 3, Position(9), 2, &[7; 32]);
        (frame, seed)
    }

    #[test]
    fn a_sealed_frame_opens() {
        let (frame, seed) = sealed();
        let (head, payload) = open(&frame.into(), seed).unwrap();
        assert_eq!(
            (head.epoch, head.first, head.count, head.previous),
            (3, Position(9), 2, [7; 32])
        );
        assert_eq!(&payload[..], b"payload of a group");
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (frame, seed) = sealed();
        for bit in 0..(HEADER + 18) * 8 {
            let mut bad = frame.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bad.into(), seed).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_database_does_not_open() {
        let (frame, _) = sealed();
        assert!(
            open(
                &frame.into(),
                Seed::new(uuid::Uuid::from_u128(5), uuid::Uuid::from_u128(2))
            )
            .is_none()
        );
    }
}
