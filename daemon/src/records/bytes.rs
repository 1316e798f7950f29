//! Documents and events as bytes: a format byte, then MessagePack with named fields.

use std::cell::Cell;

use bytes::Bytes;
use dirigent_protocol::entity::Document;
use dirigent_protocol::run::RunEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RecordError;

/// Named MessagePack. A later format gets the next number; this one is read for ever.
const FORMAT: u8 = 1;

/// Largest buffer a thread keeps for the next value, bytes.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Every commit encodes some small values: they grow in here, and what is handed on is as long as it is.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub(super) fn encode<T: Serialize>(value: &T, what: &'static str) -> Result<Bytes, RecordError> {
    let mut bytes = BUFFER.take();
    bytes.clear();
    bytes.push(FORMAT);
    let written = rmp_serde::encode::write_named(&mut bytes, value);
    let whole = Bytes::copy_from_slice(&bytes);
    if bytes.capacity() <= KEPT {
        BUFFER.set(bytes);
    }
    written.map_err(|source| RecordError::Encode { what, source })?;
    Ok(whole)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, RecordError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => {
            rmp_serde::from_slice(rest).map_err(|source| RecordError::Decode { what, source })
        }
        Some((&found, _)) => Err(RecordError::Format { what, found }),
        None => Err(RecordError::Format { what, found: 0 }),
    }
}

/// A document's bytes, without what `include` put in.
///
/// # Errors
/// The document cannot be encoded.
pub fn encode_document(document: &Document) -> Result<Bytes, RecordError> {
    if document.included.is_empty() {
        return encode(document, "a document");
    }
    let mut bare = document.clone();
    bare.included.clear();
    encode(&bare, "a document")
}

/// The document of its bytes.
///
/// # Errors
/// The bytes are not a document of a known format.
pub fn decode_document(bytes: &[u8]) -> Result<Document, RecordError> {
    decode(bytes, "a document")
}

/// A run event's bytes: one record of the run's stream.
///
/// # Errors
/// The event cannot be encoded.
pub fn encode_event(event: &RunEvent) -> Result<Bytes, RecordError> {
    encode(event, "an event")
}

/// The event of its bytes.
///
/// # Errors
/// The bytes are not an event of a known format.
pub fn decode_event(bytes: &[u8]) -> Result<RunEvent, RecordError> {
    decode(bytes, "an event")
}
