//! Rows of an export as bytes, in terms of the contract, not of sled: what another backend would import.

use crate::closed::Closed;
use crate::codec::{self, Cursor};
use crate::overlay::Remembered;
use crate::sled_state::Row;
use crate::types::{BlobId, Position, StreamId};
use bytes::Bytes;

pub(crate) fn encode_row(row: &Row, out: &mut Vec<u8>) {
    match row {
        Row::Value { key, revision, value } => {
            out.push(1);
            codec::bytes(out, key);
            out.extend_from_slice(&revision.to_le_bytes());
            codec::bytes(out, value);
        }
        Row::Run {
            stream,
            first,
            position,
            payload,
        } => {
            out.push(2);
            out.extend_from_slice(&stream.0);
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&position.0.to_le_bytes());
            codec::bytes(out, payload);
        }
        Row::Request { id, remembered } => {
            out.push(3);
            out.extend_from_slice(id);
            out.extend_from_slice(&remembered.digest);
            out.extend_from_slice(&remembered.position.0.to_le_bytes());
            out.extend_from_slice(&remembered.at_ms.to_le_bytes());
        }
        Row::Lease(row) => {
            out.push(4);
            codec::bytes(out, &codec::encode_lease(row));
        }
        Row::Closed(closed) => {
            out.push(6);
            out.extend_from_slice(&closed.stream.0);
            out.extend_from_slice(&closed.position.0.to_le_bytes());
            out.extend_from_slice(&closed.at_ms.to_le_bytes());
        }
        Row::Blob { id, position } => {
            out.push(5);
            out.extend_from_slice(&id.0);
            out.extend_from_slice(&position.0.to_le_bytes());
        }
    }
}

pub(crate) fn decode_rows(from: Bytes) -> Option<Vec<Row>> {
    let mut c = Cursor { from, at: 0 };
    let mut rows = Vec::new();
    while !c.is_done() {
        rows.push(match c.u8()? {
            1 => Row::Value {
                key: c.bytes()?,
                revision: c.u64()?,
                value: c.bytes()?,
            },
            2 => {
                let (stream, first, position) = (StreamId(c.array()?), c.u64()?, Position(c.u64()?));
                Row::Run {
                    stream,
                    first,
                    position,
                    payload: c.bytes()?,
                }
            }
            3 => {
                let id = c.array()?;
                let remembered = Remembered {
                    digest: c.array()?,
                    position: Position(c.u64()?),
                    at_ms: c.u64()?,
                };
                Row::Request { id, remembered }
            }
            4 => Row::Lease(codec::decode_lease(c.bytes()?)?),
            5 => Row::Blob {
                id: BlobId(c.array()?),
                position: Position(c.u64()?),
            },
            6 => Row::Closed(Closed {
                stream: StreamId(c.array()?),
                position: Position(c.u64()?),
                at_ms: c.u64()?,
            }),
            _ => return None,
        });
    }
    Some(rows)
}
