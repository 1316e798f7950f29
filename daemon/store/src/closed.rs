//! The mark of a closed stream, as a row.

use crate::codec;
use crate::entry;
use crate::error::StateFault;
use crate::types::{Position, StreamId};
use bytes::Bytes;

/// A stream that nobody appends to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) stream: StreamId,
    /// The commit that closed it.
    pub(crate) position: Position,
    /// When that was, milliseconds since 1970.
    pub(crate) at_ms: u64,
}

pub(crate) fn mark(position: Position, at_ms: u64) -> Vec<u8> {
    let mut body = position.0.to_le_bytes().to_vec();
    body.extend_from_slice(&at_ms.to_le_bytes());
    body
}

pub(crate) fn closed_row(key: &Bytes, row: &Bytes) -> Result<Closed, StateFault> {
    let body = entry::unseal(key, row).ok_or(StateFault::Row)?;
    let mut c = codec::Cursor { from: body, at: 0 };
    let decoded = (|| {
        Some(Closed {
            stream: StreamId(*key.get(1..)?.first_chunk()?),
            position: Position(c.u64()?),
            at_ms: c.u64()?,
        })
    })();
    decoded.ok_or(StateFault::Row)
}
