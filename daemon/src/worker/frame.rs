//! Frames between daemon and worker: four bytes of length, big endian, then JSON.

use std::io::{Error, ErrorKind, Read, Result, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest frame, bytes.
pub(super) const MAX_FRAME: usize = 32 << 20;

/// The bytes of a frame.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - 4)
        .ok()
        .filter(|length| *length as usize <= MAX_FRAME);
    let length = length.ok_or_else(|| Error::new(ErrorKind::InvalidData, "a frame of more than 32 MiB"))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// The length a frame's head announces.
pub(super) fn length(head: [u8; 4]) -> Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if length > MAX_FRAME {
        return Err(Error::new(ErrorKind::InvalidData, "a frame of more than 32 MiB"));
    }
    Ok(length)
}

/// Reads one frame; none at the end of the stream.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes one frame.
pub(super) fn write<T: Serialize>(to: &mut impl Write, value: &T) -> Result<()> {
    to.write_all(&encode(value)?)?;
    to.flush()
}
